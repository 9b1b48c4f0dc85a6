"""A training of some minutes: what it writes down, and that it is the run which those settings give."""

import os
import re
import signal

import pytest
import yaml

from mrcnn.training import driver, fingerprint, pace, resume
from mrcnn.training.run import checkpoints
from pumpkin.commands import train
from tests.commands.test_train import TINY
from tests.scenes import write_dataset

# Speeds with which 1,000 minutes are two epochs of 11 steps, however long the test itself takes.
SLOW = pace.Pace({"all": 2500.0}, {"all": 0.0})
RECORDED = {"STEPS_PER_EPOCH": 11, "WARMUP_STEPS": 2}


@pytest.fixture(scope="module", autouse=True)
def steady_code(without_curves, without_report):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(fingerprint, "sources_hash", lambda packages: "c0de" * 16)
        yield


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    settings = {
        **TINY, "AP_EVERY": 1, "VALIDATION_STEPS": None, "LEARNING_RATE_SCHEDULE": "cosine",
        "WARMUP_STEPS": 50, "WORKERS": 1,
    }  # fmt: skip
    (folder / "tiny.yaml").write_text(yaml.safe_dump(settings))
    data = write_dataset(folder / "data", train=3, val=1)
    return ["--weights", "none", "--config", str(folder / "tiny.yaml"), "--dataset", str(data), "--seed", "3"]


@pytest.fixture
def no_measuring(monkeypatch):
    """Fail if a speed is measured."""
    monkeypatch.setattr(pace, "measure", lambda *_: pytest.fail("the speed was measured"))


def started(words, out, code=0):
    """Train in a folder, whose only run is returned."""
    assert train.main([*words, "--out", str(out)]) == code
    (folder,) = out.iterdir()
    return folder


def measured_slowly(monkeypatch):
    """Let the speed be measured, but decide by SLOW; the list that is returned gets what was measured."""
    real, found = pace.measure, []

    def measure(make, data, seconds, between):
        found.append(real(make, data, 0, between))
        return SLOW

    monkeypatch.setattr(pace, "measure", measure)
    return found


@pytest.fixture(scope="module")
def of_minutes(words, tmp_path_factory):
    """A run of 1,000 minutes, and the Pace that was measured for it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = measured_slowly(monkeypatch)
        folder = started([*words, "--minutes", "1000"], tmp_path_factory.mktemp("minutes"))
    (measured,) = found
    return folder, measured


@pytest.mark.slow
def test_every_part_is_measured(of_minutes):
    _, measured = of_minutes
    assert measured.steps.keys() == measured.compiling.keys() == {"all"}
    parts = (measured.building, measured.validation_step, measured.ap_image, measured.saving)
    assert min(*measured.steps.values(), *parts) > 0
    assert measured.compiling["all"] > measured.steps["all"]


@pytest.mark.slow
def test_the_decision_is_written_down_and_printed(of_minutes):
    folder, _ = of_minutes
    stored = yaml.safe_load((folder / "config.yaml").read_text())
    assert {name: stored[name] for name in RECORDED} == RECORDED
    assert stored["STAGES"] == [{"layers": "all", "epochs": 2, "learning_rate": 0.001}]
    log = (folder / "train.log").read_text()
    assert "Measuring the speed of this machine at 64 px, for 1000 minutes\n" in log
    assert "\nSTAGES all 2: 2 epochs, as validation, AP and saving take 0.0 s each\n" in log
    assert re.search(
        r"^STEPS_PER_EPOCH 11: 1000 minutes at 0\.0004 steps/s: 22 steps of 2 images = 11 passes over 3 "
        r"images; \d+\.\d minutes have gone by, and 0\.0 are kept for compiling, validation, AP, saving and "
        r"the report$",
        log, re.MULTILINE,
    )  # fmt: skip
    assert "\nWARMUP_STEPS 2: a tenth of the first stage's 22 updates\n" in log


@pytest.mark.slow
def test_the_weights_are_those_of_the_recorded_settings(of_minutes, words, tmp_path, no_measuring):
    folder, _ = of_minutes
    settings = [f"{name}={value}" for name, value in RECORDED.items()]
    by_hand = started([*words, "--epochs", "2", "--set", *settings], tmp_path)
    for epoch, path in checkpoints(folder).items():
        assert path.read_bytes() == checkpoints(by_hand)[epoch].read_bytes()
    names = ("config.yaml", "state_0002_000000.bin")
    assert all((folder / name).read_bytes() == (by_hand / name).read_bytes() for name in names)


@pytest.mark.slow
def test_a_repetition_measures_nothing(of_minutes, tmp_path, capsys, no_measuring):
    folder, _ = of_minutes
    started(["--reproduce", str(folder)], tmp_path)
    assert f"Equal: the weights are those of {folder} to the last bit" in capsys.readouterr().out


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_bytes(of_minutes, words, tmp_path, monkeypatch):
    count = resume.Position.on_train_batch_end

    def interrupt(position, batch, logs=None):
        count(position, batch, logs)
        if (position.epoch, position.step) == (1, 4):
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(pace, "measure", lambda *_: SLOW)
        patched.setattr(resume.Position, "on_train_batch_end", interrupt)
        folder = started([*words, "--minutes", "1000"], tmp_path, code=130)
    monkeypatch.setattr(pace, "measure", lambda *_: pytest.fail("the speed was measured"))
    assert train.main(["--resume", str(folder)]) == 0
    whole, _ = of_minutes
    assert checkpoints(folder)[2].read_bytes() == checkpoints(whole)[2].read_bytes()


@pytest.mark.slow
def test_a_recipe_holds_what_the_minutes_decided(words, tmp_path, monkeypatch):
    monkeypatch.setattr(pace, "measure", lambda *_: SLOW)
    settings = [f"{name}={value}" for name, value in TINY.items() if name not in ("STAGES", "TRAIN_BN")]
    rest = words[4:]
    monkeypatch.setattr(driver, "train", lambda model, data, run, **_: model.save_weights(run.checkpoint(2)))
    folder = started(["--weights", "none", *rest, "--minutes", "1000", "--set", *settings], tmp_path)
    text = (folder / "recipe.yaml").read_text()
    assert "\nSTEPS_PER_EPOCH: 11  # 1000 minutes at 0.0004 steps/s: 22 steps of 3 images = 22 passes" in text
    assert "\nSTAGES: [{layers: all, epochs: 2, learning_rate: 0.001}]  # 2 epochs, as validation, " in text
    assert "\nWARMUP_STEPS: 2  # a tenth of the first stage's 22 updates\n" in text
    stored = yaml.safe_load((folder / "config.yaml").read_text())
    assert {name: stored[name] for name in yaml.safe_load(text)} == yaml.safe_load(text)


def test_too_few_minutes_leave_nothing(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pace, "measure", lambda *_: SLOW)
    assert train.main([*words, "--minutes", "0.5", "--out", str(tmp_path / "runs")]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(
        r"train: --minutes 0\.5 is too short: on this machine, measuring, compiling, validation, AP and the "
        r"report take \d+\.\d, and 20 steps 833\.3; give \d+(\.\d)? or more\.\n",
        error,
    )
    assert not (tmp_path / "runs").exists()


def test_minutes_that_go_by_while_measuring_leave_nothing(words, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pace, "measure", lambda make, data, seconds, between: between())
    assert train.main([*words, "--minutes", "1e-6", "--out", str(tmp_path / "runs")]) == 1
    assert capsys.readouterr().err == (
        "train: --minutes 1e-06 is too short: on this machine, compiling and a few steps to measure its "
        "speed take longer; give 3e-06 or more.\n"
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--weights", "none", "--epochs", "2"],
            "--minutes decides the number of epochs; leave out --epochs",
        ),
        (["--resume", "last"], "--minutes is for new runs; this run has its own"),
        (["--reproduce", "last"], "--minutes is for new runs; this run has its own"),
        (["--weights", "none", "--preview", "a.png"], "--minutes is for trainings; a preview takes none"),
        (
            ["--weights", "none", "--set", "STEPS_PER_EPOCH=9"],
            "--minutes decides STEPS_PER_EPOCH; leave it out of --set",
        ),
    ],
)
def test_what_minutes_do_not_go_with(words, message, capsys):
    with pytest.raises(SystemExit) as ended:
        train.parse([*words, "--minutes", "30"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"train.py: error: {message}")


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "half", ""])
def test_minutes_that_are_none(minutes, capsys):
    with pytest.raises(SystemExit) as ended:
        train.parse(["--weights", "none", f"--minutes={minutes}"])
    assert ended.value.code == 2
    message = f"argument --minutes: takes a number of minutes above 0, got {minutes!r}"
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)
