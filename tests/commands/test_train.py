"""scripts/train.py from the command line's words to a run's folder, and every mistake a user may make."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from mrcnn.model import MaskRCNN
from mrcnn.training import driver, fingerprint, resume
from mrcnn.training.errors import NonFiniteLoss, OutOfMemory
from mrcnn.training.metrics import read_metrics
from mrcnn.training.run import checkpoints, find_run
from mrcnn.weights import named
from pumpkin import initial_weights, jobs, training_data
from pumpkin.commands import train
from pumpkin.config import load_config
from tests.scenes import rectangles, write_dataset, write_image

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "NAME": "tiny", "BACKBONE": "light", "TRAIN_BN": None, "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64,
    "RPN_ANCHOR_SCALES": [8, 16, 32, 48, 64], "TOP_DOWN_PYRAMID_SIZE": 16, "RPN_CHANNELS": 16,
    "FPN_CLASSIF_FC_LAYERS_SIZE": 16, "MASK_HEAD_CHANNELS": 8, "PRE_NMS_LIMIT": 60,
    "POST_NMS_ROIS_TRAINING": 20, "POST_NMS_ROIS_INFERENCE": 10, "TRAIN_ROIS_PER_IMAGE": 8,
    "MAX_GT_INSTANCES": 3, "DETECTION_MAX_INSTANCES": 5, "AUGMENTATION": "light",
    "STAGES": [{"layers": "all", "epochs": 6, "learning_rate": 0.001}], "VALIDATION_STEPS": 0,
    "AP_EVERY": 0,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def steady_code(without_curves, without_report):
    """The code may be edited while it is tested, which a run would rightly tell."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(fingerprint, "sources_hash", lambda packages: "c0de" * 16)
    yield
    monkeypatch.undo()


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("configs") / "tiny.yaml"
    path.write_text(yaml.safe_dump(TINY))
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data"), train=3, val=1)


@pytest.fixture(scope="module")
def run(config, data, tmp_path_factory):
    """Calls main for two epochs in all; returns the run's folder."""

    def call(*words):
        out = tmp_path_factory.mktemp("runs")
        common = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--epochs", "2"]
        assert train.main([*common, "--out", str(out), *words]) == 0
        (folder,) = out.iterdir()
        return folder

    return call


@pytest.fixture(scope="module")
def first(run):
    return run("--seed", "3", "--set", "WORKERS=1")


def last_weights(folder):
    return checkpoints(folder)[2].read_bytes()


def test_a_run_leaves_everything_in_its_folder(first, data):
    assert {"config.yaml", "run.json", "train.log", "metrics.csv", "mask_rcnn_tiny_0002.h5"} <= {
        path.name for path in first.iterdir()
    }
    stored = yaml.safe_load((first / "config.yaml").read_text())
    assert (stored["SEED"], stored["DATASET"], stored["WORKERS"]) == (3, str(data), 1)
    assert [stage["epochs"] for stage in stored["STAGES"]] == [2]
    facts = json.loads((first / "run.json").read_text())
    assert (facts["seed"], facts["weights"]["name"], facts["options"]) == (3, "none", {"skip_bad": False})
    assert facts["result"]["file"] == "mask_rcnn_tiny_0002.h5"
    assert facts["best"] is None  # nothing is measured on validation images here
    assert len(facts["data"]["train"]) == len(facts["data"]["val"]) == len(facts["result"]["weights"]) == 64
    log = (first / "train.log").read_text().splitlines()
    assert log[0] == "Read as Open Images' folders: 4 images, 5 instances, class pumpkin"
    assert log[1] == "Data: 3 images to train on, 1 to validate on"
    checked = next(number for number, line in enumerate(log) if line.startswith("Fingerprint"))
    assert any(line.split() == ["images", "3", "1"] for line in log[2:checked])
    log = log[checked - 1 :]
    assert log[1].startswith(f"Fingerprint: {facts['fingerprint']} (data {facts['data']['train'][:8]} and ")
    assert log[2] == "Weights: random, from the seed"
    assert log[3] == f"Run: {first}"
    assert [line.split()[:2] for line in log[4:6]] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert log[6:] == [f"Weights: {first / 'mask_rcnn_tiny_0002.h5'}", f"Report: {first / 'report.html'}"]


# --- Runs that are repeated or resumed -----------------------------------------------------------------


def test_a_run_is_repeated_to_the_last_bit_by_any_number_of_workers(first, tmp_path, capsys):
    words = ["--reproduce", str(first), "--out", str(tmp_path), "--set", "WORKERS=3"]
    assert train.main(words) == 0
    (again,) = tmp_path.iterdir()
    assert f"Equal: the weights are those of {first} to the last bit" in capsys.readouterr().out
    assert last_weights(again) == last_weights(first)
    facts = json.loads((again / "run.json").read_text())
    assert facts["reproduces"] == str(first)
    assert facts["fingerprint"] == json.loads((first / "run.json").read_text())["fingerprint"]


@pytest.fixture
def copy(first, tmp_path):
    """A copy of the first run, for tests that change it."""
    return Path(shutil.copytree(first, tmp_path / "runs" / first.name))


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_makes_a_repetition_differ_is_named(copy, stopped, monkeypatch, capsys):
    other = checkpoints(stopped)[1]

    def drive(model, data, run, **options):
        shutil.copy(other, run.checkpoint(2))

    monkeypatch.setattr(driver, "train", drive)
    change(copy / "config.yaml", "SEED: 3", "SEED: 4")
    change(copy / "run.json", '"numpy": "', '"numpy": "0.')
    assert train.main(["--reproduce", str(copy), "--out", str(copy.parent.parent)]) == 4
    out = capsys.readouterr().out
    assert f"Differs from {copy}: config.SEED: 3 -> 4" in out
    told = out[out.index("Not equal: the weights have SHA-256 ") :].splitlines()
    assert told[1:3] == ["What differs:", "  config.SEED: 3 -> 4"]
    assert told[3].startswith("  versions.numpy: 0.")
    assert len(told) == 5 and told[4].startswith("Report: ")


@pytest.fixture(scope="module")
def stopped(config, data, tmp_path_factory):
    """The first run again, but Ctrl-C was pressed in the first step of its second epoch."""
    monkeypatch = pytest.MonkeyPatch()

    count = resume.Position.on_train_batch_end

    def interrupt(position, batch, logs=None):
        count(position, batch, logs)
        if position.epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(resume.Position, "on_train_batch_end", interrupt)
    out = tmp_path_factory.mktemp("stopped")
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(out)]
    assert train.main([*words, "--epochs", "2", "--seed", "3", "--set", "WORKERS=1"]) == 130
    monkeypatch.undo()
    (folder,) = out.iterdir()
    return folder


def test_ctrl_c_says_how_to_go_on(stopped):
    assert (stopped / "train.log").read_text().splitlines()[-1] == (
        f"Stopped. Progress is saved. Resume with: python scripts/train.py --resume {stopped}"
    )
    assert (stopped / "state_0001_000001.bin").is_file()
    assert checkpoints(stopped).keys() == {1}


def test_a_stopped_run_goes_on_to_the_same_bytes(stopped, first, tmp_path, capsys):
    folder = Path(shutil.copytree(stopped, tmp_path / stopped.name))
    assert train.main(["--resume", "last", "--out", str(tmp_path)]) == 0
    assert f"Run: {folder} resumes after 1 epochs and 1 steps" in capsys.readouterr().out
    assert last_weights(folder) == last_weights(first)
    results = [json.loads((path / "run.json").read_text())["result"] for path in (folder, first)]
    assert results[0] == results[1]
    rows = [read_metrics(path / "metrics.csv") for path in (folder, first)]
    assert [row["loss"] for row in rows[0]] == [row["loss"] for row in rows[1]]
    assert train.main(["--resume", str(folder)]) == 0
    assert "Nothing is left to train: 2 epochs are complete. --epochs N extends" in capsys.readouterr().out
    for path in checkpoints(folder).values():
        path.unlink()
    assert train.main(["--resume", str(folder)]) == 1
    assert f"train: {folder}: all epochs are complete, but no checkpoint is left" in capsys.readouterr().err


@pytest.fixture
def driven(monkeypatch):
    """What driver.train was called with, in place of training."""
    calls = []

    def drive(model, data, run, **options):
        config = model.config
        calls.append({"config": config, "run": run, **options})
        run.checkpoint(config.STAGES[-1]["epochs"]).write_bytes(
            next(iter(checkpoints(run.folder).values())).read_bytes()
        )

    monkeypatch.setattr(driver, "train", drive)
    return calls


def test_a_start_that_fails_is_not_the_last_run(copy, config, data, driven, monkeypatch, capsys):
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(copy.parent)]
    rest = "epochs: 1, learning_rate: 0.1"
    stages = f"STAGES=[{{layers: all, {rest}}}, {{layers: res5.*, {rest}}}]"
    assert train.main([*words, "--set", stages]) == 1
    assert "STAGES, stage 2: no layer has a name like 'res5.*'." in capsys.readouterr().err
    assert list(copy.parent.iterdir()) == [copy]  # no folder is left

    def fail(model, data, run, **options):
        raise OutOfMemory("There is too little memory for a step.")

    monkeypatch.setattr(driver, "train", fail)
    assert train.main(words) == 5
    assert list(copy.parent.iterdir()) == [copy]
    assert find_run("last", copy.parent) == copy


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_full_disk_says_how_to_go_on(copy, config, data, monkeypatch, capsys, wrapped):
    full = OSError(errno.ENOSPC, "No space left on device", str(copy / "state.bin"))

    def fill(model, data, run, **options):
        if not wrapped:
            raise full
        raise named.WeightsError(f"{copy / 'a.h5'}: cannot be written: No space left on device.") from full

    monkeypatch.setattr(driver, "train", fill)
    assert train.main(["--resume", str(copy), "--epochs", "5"]) == 1
    what = "a.h5: cannot be written: No" if wrapped else "state.bin: no"
    assert capsys.readouterr().err == (
        f"train: {copy / what} space left on device. Make room, then resume with: "
        f"python scripts/train.py --resume {copy}\n"
    )
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(copy.parent)]
    assert train.main(words) == 1  # there is nothing to resume yet
    assert "resume with" not in capsys.readouterr().err
    assert list(copy.parent.iterdir()) == [copy]


def test_a_run_is_extended(copy, driven):
    assert train.main(["--resume", str(copy), "--epochs", "5"]) == 0
    (call,) = driven
    assert (call["state"].epoch, call["state"].step) == (2, 0)
    assert [stage["epochs"] for stage in call["config"].STAGES] == [5]
    facts = json.loads((copy / "run.json").read_text())
    assert [stage["epochs"] for stage in facts["config"]["STAGES"]] == [5]
    assert facts["changes"][0]["changed"] == ["epochs: 2 -> 5"]
    assert yaml.safe_load((copy / "config.yaml").read_text())["STAGES"][0]["epochs"] == 5
    assert train.main(["--resume", str(copy)]) == 0  # with what it now has
    assert len(driven) == 2
    assert train.main(["--resume", str(copy), "--epochs", "4"]) == 1


def test_other_data_are_refused_unless_forced(copy, data, driven, tmp_path, capsys):
    moved = shutil.copytree(data, tmp_path / "moved")
    words = ["--resume", str(copy), "--epochs", "3", "--dataset", str(moved)]
    (moved / "val/pumpkin/val00.png").write_bytes((moved / "train/pumpkin/train00.png").read_bytes())
    assert train.main(words) == 1
    captured = capsys.readouterr()
    assert "Changed since the run began: data.val: " in captured.out
    assert "data.val changed, so this would be another run." in captured.err
    assert "data.val changed" in (copy / "train.log").read_text().splitlines()[-1]
    assert driven == []
    assert train.main([*words, "--force"]) == 0
    assert "data.val: " in json.loads((copy / "run.json").read_text())["changes"][0]["changed"][0]
    assert len(driven) == 1


def test_other_versions_are_told_and_moved_data_are_not(copy, data, driven, tmp_path, capsys):
    moved = shutil.copytree(data, tmp_path / "moved")
    change(copy / "run.json", '"numpy": "', '"numpy": "0.')
    assert train.main(["--resume", str(copy), "--epochs", "3", "--dataset", str(moved)]) == 0
    words = ("iffer", "hanged since", "bytes")
    lines = [line for line in capsys.readouterr().out.splitlines() if any(word in line for word in words)]
    assert lines[0].startswith("Changed since the run began: versions.numpy: 0.")
    assert lines[1:] == [
        "The run resumes, but its final weights may differ from those of an uninterrupted run."
    ]
    assert len(driven) == 1


def test_a_run_without_a_whole_state_begins_again_only_in_its_first_epoch(copy, driven, capsys):
    for path in copy.glob("state_*"):
        path.unlink()
    assert train.main(["--resume", str(copy)]) == 1
    assert f"no complete state to resume from; start a new run with --weights {checkpoints(copy)[2]}" in (
        capsys.readouterr().err
    )
    assert checkpoints(copy)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume", "gone"], "gone: there is no such folder; give the folder of a run, or last."),
        (
            ["--resume", "COPY", "--set", "SEED=3"],
            "--set SEED: a run keeps its settings; WORKERS, CACHE_GB, CHECKPOINT",
        ),
        (["--resume", "COPY", "--epochs", "1"], "1 epochs are fewer than the run has (2)"),
        (["--reproduce", "STOPPED"], "is not finished, so there is nothing to compare with"),
        (["--reproduce", "last", "--out", "empty"], "empty: there is no run here yet"),
    ],
)
def test_mistakes_with_old_runs_are_one_sentence(copy, stopped, capsys, words, message):
    places = {"COPY": str(copy), "STOPPED": str(stopped)}
    assert train.main([places.get(word, word) for word in words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("train: ") and error.count("\n") == 1
    assert message in error


@pytest.mark.parametrize(
    "words",
    [
        ["--resume", "last", "--seed", "3"], ["--reproduce", "last", "--epochs", "3"],
        ["--resume", "last", "--weights", "none"], ["--weights", "none", "--force"], [],
    ],
)  # fmt: skip
def test_options_that_do_not_go_together(words, capsys):
    with pytest.raises(SystemExit) as error:
        train.parse(words)
    assert error.value.code == 2


# --- Failures ----------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_ends_with_a_code_of_its_own(config, data, tmp_path, capsys, monkeypatch):
    def explode(*args, **options):
        raise NonFiniteLoss("The loss is not finite.")

    monkeypatch.setattr(driver, "train", explode)
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(tmp_path)]
    assert train.main(words) == 3
    assert capsys.readouterr().err == "train: The loss is not finite.\n"
    (folder,) = tmp_path.iterdir()
    assert (folder / "train.log").read_text().splitlines()[-1] == "train: The loss is not finite."


@pytest.mark.slow
def test_a_loss_that_explodes_ends_with_a_code_of_its_own(config, data, tmp_path, capsys):
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(tmp_path)]
    stages = "STAGES=[{layers: all, epochs: 2, learning_rate: 1000}]"
    assert train.main([*words, "--set", stages, "GRADIENT_CLIP_NORM=null"]) == 3
    *_, message = capsys.readouterr().err.splitlines()  # after progress
    assert message.startswith("train: The loss is not finite in epoch ")
    assert "WARMUP_STEPS" in message
    (folder,) = tmp_path.iterdir()
    assert checkpoints(folder).keys() <= {1}
    assert (folder / "train.log").read_text().splitlines()[-1] == message


# --- Mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--set", "IMAGE_MAX_DIMS=64"],
            "--set: unknown setting 'IMAGE_MAX_DIMS'; the nearest known one is IM",
        ),
        (["--set", "SEED"], "--set: expected NAME=VALUE, got 'SEED'"),
        (["--set", "SEED=x"], "SEED must be a whole number from 0 to 2,147,483,646, got 'x'"),
        (["--set", "OPTIMIZER=adam"], "OPTIMIZER must be one of sgd, adamw, got 'adam'"),
        (["--set", "AUGMENTATION=heavy"], "Unknown augmentation 'heavy'"),
        (
            ["--set", "AUGMENTATION={rotate: 9}"],
            "AUGMENTATION cannot be {'rotate': 9}: unknown setting 'rotate'; did you mean 'rot",
        ),
        (["--seed", "-1"], "the command line: SEED must be a whole number from 0 to 2,147,483,646, got -1"),
        (["--epochs", "0"], "0 epochs are too few: the config has 1 stage, and each needs one"),
        (
            ["--config", "gone.yaml"],
            "--config gone.yaml: there is no such file. The packaged configs are demo",
        ),
        (
            ["--weights", "gone.h5"],
            "--weights gone.h5: there is no such file, and it is none of coco, imagenet",
        ),
        (["--weights", "last"], "no run here has a checkpoint yet"),
        (["--weights", "imagenet"], "no ImageNet weights for the backbone 'light'; use --weights none"),
    ],
)
def test_mistakes_are_one_sentence(config, data, tmp_path, capsys, words, message):
    common = [
        "--weights",
        "none",
        "--config",
        str(config),
        "--dataset",
        str(data),
        "--out",
        str(tmp_path / "runs"),
    ]
    assert train.main([*common, *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("train: ") and error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "runs").exists()


def test_a_bad_name_in_a_config_names_the_file_and_the_nearest(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("BACKBON: light\n")
    assert train.main(["--weights", "none", "--config", str(tmp_path / "own.yaml")]) == 1
    assert (
        "own.yaml: unknown setting 'BACKBON'; the nearest known one is BACKBONE." in capsys.readouterr().err
    )


def test_without_data_both_commands_that_make_some_are_named(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/train.py"), "--weights", "none"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("train: data/pumpkin: there is no such file or folder.")
    assert "`python scripts/download.py --classes Pumpkin --dataset data/pumpkin`" in done.stderr
    assert "`python scripts/synthetic.py --out data/pumpkin --train 200 --val 40`" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_epochs_are_shared_among_the_stages():
    lines = []
    found = jobs.settings(ROOT / "configs/pumpkin.yaml", [], epochs=4, report=lines.append)
    assert [stage["epochs"] for stage in found.STAGES] == [2, 2]
    assert lines == ["Epochs by stage: heads 2, all 2"]


def opened(config, root, *values):
    lines = []
    settings = load_config(config, [f"DATASET={root}", "LAYOUT=openimages", *values])
    return training_data.open_for_training(settings, report=lines.append).splits, lines


def test_no_validation_is_told_and_allowed(config, tmp_path):
    write_dataset(tmp_path, train=2, val=0)
    found, lines = opened(config, tmp_path, "VAL_SHARE=0")
    assert (found["train"].num_images, found.keys()) == (2, {"train"})
    assert lines[1] == f"{tmp_path} has no validation split, only train"
    assert lines[2:] == [
        "Data: 2 images to train on, 0 to validate on",
        "Memory: up to 2 GB keep decoded images between epochs (CACHE_GB)",
    ]


def test_data_without_an_instance_are_refused(config, tmp_path):
    image, _ = rectangles(64, 64, 1)
    write_image(tmp_path / "train/pumpkin", "a", image)
    with pytest.raises(ValueError, match="none of the 1 training images has an instance"):
        opened(config, tmp_path)


def test_an_unreadable_image_is_left_to_the_run(config, tmp_path):
    write_dataset(tmp_path, train=2, val=1)
    (tmp_path / "train/pumpkin/train00.png").write_text("no image")
    opened(config, tmp_path)
    (tmp_path / "train/pumpkin/train01.png").write_text("no image")
    with pytest.raises(ValueError, match=r"train00\.png: is not an image"):
        opened(config, tmp_path)


def test_data_that_would_train_something_wrong_are_refused_unless_it_is_meant(config, tmp_path, capsys):
    data = write_dataset(tmp_path / "data", train=2, val=1)
    leaked = data / "val/pumpkin/leaked.png"
    leaked.write_bytes((data / "train/pumpkin/train00.png").read_bytes())
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data)]
    assert train.main([*words, "--out", str(tmp_path / "runs")]) == 1
    captured = capsys.readouterr()
    assert f"train00.png = {leaked}" in captured.out
    assert "the data have fatal faults (FATAL above)" in captured.err and "--no-check" in captured.err
    assert not (tmp_path / "runs").exists()
    job = jobs.new_job(train.parse([*words, "--no-check"]))
    assert (job.check, jobs.new_job(train.parse(words)).check) == (False, True)


def test_heads_of_another_class_count_start_anew_and_it_is_told(first, config):
    path = checkpoints(first)[2]
    settings = load_config(config, ["CLASSES=[Pumpkin, Squash]", "SEED=8"])
    model = MaskRCNN("training", settings, "runs")
    before = np.array(model.keras_model.get_layer("fpn_p2").weights[0])
    lines = []
    initial_weights.load_start(model, path, lines.append)
    (line,) = lines
    assert line.startswith("Weights: mask_rcnn_tiny_0002.h5: loaded ")
    assert "mrcnn_class_logits (file: 2 classes, model: 3)" in line
    assert "so these layers keep their initial values" in line
    after = np.array(model.keras_model.get_layer("fpn_p2").weights[0])
    stored = named.read(path, [("fpn_p2", "fpn_p2", "kernel")])["fpn_p2/kernel"]
    np.testing.assert_array_equal(after, stored)
    assert (after != before).any()
    assert model.class_names is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["BACKBONE_WEIGHTS=a.h5"],
            "BACKBONE_WEIGHTS is for backbones of other libraries, not for 'light'",
        ),
        (["BACKBONE=MobileNetV2", "BACKBONE_WEIGHTS=a.h5"], "BACKBONE_WEIGHTS a.h5: there is no such file"),
    ],
)
def test_backbone_weights_are_checked_before_anything_is_built(
    config, data, tmp_path, capsys, settings, message
):
    words = ["--weights", "none", "--config", str(config), "--dataset", str(data), "--out", str(tmp_path)]
    assert train.main([*words, "--set", *settings]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_mistakes_are_told_before_the_backend_is_imported(tmp_path):
    """Importing it takes seconds, and prints."""
    code = (
        "import sys; sys.modules['keras'] = None\n"
        "from pumpkin.commands import train\n"
        "codes = [train.main(['--weights', 'none', '--set', 'IMAGE_MAX_DIMS=1']),"
        " train.main(['--weights', 'none', '--set', 'OPTIMIZER=adam']),"
        " train.main(['--weights', 'none', '--epochs', '0']), train.main(['--resume', 'gone']),"
        " train.main(['--weights', 'none', '--dataset', 'gone'])]\n"
        "assert codes == [1] * 5, codes\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("train: ") == 5
