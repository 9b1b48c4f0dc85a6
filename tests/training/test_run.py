"""Run folders are new, complete and found again."""

import json
import os

import pytest
import yaml

from mrcnn.config import Config
from mrcnn.training.errors import NonFiniteLoss
from mrcnn.training.run import Run, RunError, checkpoints, find_last, find_run, read_facts, weights_in


class Named(Config):
    NAME = "Squash"


def add_checkpoints(folder, epochs, name="squash", newer=0):
    folder.mkdir(parents=True, exist_ok=True)
    for epoch in epochs:
        path = folder / f"mask_rcnn_{name}_{epoch:04d}.h5"
        path.touch()
        os.utime(path, (1_000_000_000 + newer,) * 2)


def test_names_are_matterports(tmp_path):
    run = Run(tmp_path / "runs", Named())
    assert run.folder.parent == tmp_path / "runs"
    stamp = run.folder.name.removeprefix("squash")
    assert len(stamp) == len("20260101T1200") and stamp[8] == "T" and stamp.replace("T", "").isdigit()
    assert run.checkpoint(12) == run.folder / "mask_rcnn_squash_0012.h5"


def test_a_folder_is_never_used_twice(tmp_path):
    folders = [Run(tmp_path, Named()).folder for _ in range(4)]
    assert len(set(folders)) == 4
    assert all(folder.is_dir() for folder in folders)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match=r"runs.squash.*: cannot be made"):
        Run(tmp_path / "runs", Named())


@pytest.mark.parametrize("name", ["a/b", "../up"])
def test_a_name_is_no_path(tmp_path, name):
    config = Named()
    config.NAME = name
    with pytest.raises(RunError, match="NAME is used in file names"):
        Run(tmp_path / "runs", config)
    assert list(tmp_path.iterdir()) == []


def test_settings_and_fingerprint_are_written(tmp_path):
    config = Named()
    config.update({"SEED": 5, "MEAN_PIXEL": [1, 2, 3]})
    run = Run(tmp_path, config)
    run.write_settings(data="abc", weights="none")
    stored = yaml.safe_load((run.folder / "config.yaml").read_text())
    assert stored == config.to_plain()
    facts = json.loads((run.folder / "run.json").read_text())
    assert (facts["seed"], facts["data"], facts["weights"]) == (5, "abc", "none")
    assert {"started", "command"} <= set(facts)
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.yaml", "run.json"]
    assert run.note(result={"epochs": 3}, data="d")["data"] == "d"
    assert read_facts(run.folder) == {**facts, "result": {"epochs": 3}, "data": "d"}


@pytest.mark.parametrize(
    ("facts", "epoch"),
    [
        (None, 10),
        ({}, 10),
        ({"best": None}, 10),
        ({"best": {"epochs": 2, "file": "mask_rcnn_squash_0002.h5"}}, 2),
        ({"best": {"epochs": 3, "file": "mask_rcnn_squash_0003.h5"}}, 10),  # deleted meanwhile
        ({"best": [2]}, 10),
        ({"best": {"epochs": [2]}}, 10),
    ],
)
def test_the_weights_of_a_run_are_the_best_or_the_last(tmp_path, facts, epoch):
    add_checkpoints(tmp_path, [1, 2, 10])
    if facts is not None:
        (tmp_path / "run.json").write_text(json.dumps(facts))
    assert weights_in(tmp_path) == checkpoints(tmp_path)[epoch]


def test_a_folder_without_weights_is_named(tmp_path):
    with pytest.raises(RunError) as caught:
        weights_in(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: this folder holds no checkpoint; give the folder of a run or a weights file."
    )
    add_checkpoints(tmp_path, [1])
    (tmp_path / "run.json").write_text("")
    with pytest.raises(RunError, match=r"run\.json: is empty"):
        weights_in(tmp_path)


def test_checkpoints_by_epoch(tmp_path):
    add_checkpoints(tmp_path, [10, 2, 1])
    (tmp_path / "mask_rcnn_squash_best.h5").touch()
    (tmp_path / "other.h5").touch()
    assert list(checkpoints(tmp_path)) == [1, 2, 10]
    assert checkpoints(tmp_path)[10].name == "mask_rcnn_squash_0010.h5"
    assert checkpoints(tmp_path / "none") == {}


def test_the_last_checkpoint_is_the_newest_runs(tmp_path):
    add_checkpoints(tmp_path / "squash20260101T0000", [1, 30], newer=0)
    add_checkpoints(tmp_path / "apple20250101T0000", [2, 3], name="apple", newer=20)
    add_checkpoints(tmp_path / "squash20260301T0000", [], newer=40)  # stopped in its first epoch
    (tmp_path / "mask_rcnn_squash_0099.h5").touch()  # not in a run
    (tmp_path / "squash20260101T0000/evaluation.json").touch()  # makes an old run no newer
    assert find_last(tmp_path) == tmp_path / "apple20250101T0000" / "mask_rcnn_apple_0003.h5"


@pytest.mark.parametrize("made", [False, True])
def test_no_run_says_what_to_do(tmp_path, made):
    if made:
        add_checkpoints(tmp_path / "runs/squash20260101T0000", [])
    with pytest.raises(RunError, match=r"runs: no run here has a checkpoint yet; train one first"):
        find_last(tmp_path / "runs")


def test_a_run_is_found_by_its_folder_or_as_the_last(tmp_path):
    folders = [Run(tmp_path, Named()).folder for _ in range(3)]
    for folder, started in zip(folders, ("2026-03-01", "2026-05-01", None)):
        if started:
            (folder / "config.yaml").touch()
            (folder / "run.json").write_text(json.dumps({"started": started}))
    assert find_run(str(folders[0]), tmp_path) == folders[0]
    assert find_run("last", tmp_path) == folders[1]
    wanted = r"holds no config.yaml.*stopped before its first step: start a new one"
    with pytest.raises(RunError, match=wanted):
        find_run(str(folders[2]), tmp_path)
    with pytest.raises(RunError, match="gone: there is no such folder"):
        find_run("gone", tmp_path)
    with pytest.raises(RunError, match="there is no run here yet"):
        find_run("last", tmp_path / "empty")
    (folders[0] / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json, line 1: is cut short\."):
        read_facts(folders[0])
    lines = []
    (folders[2] / "run.json").write_text("[1]")
    assert find_run("last", tmp_path, lines.append) == folders[1]  # whatever is in the others
    assert [line.startswith("Skipped: ") for line in lines] == [True, True]
    (folders[1] / "run.json").write_text('{"started": 3}')
    assert find_run("last", tmp_path, lines.append) == folders[1]


def test_the_last_run_of_a_name_is_of_that_name_alone(tmp_path):
    add_checkpoints(tmp_path / "cell20260101T0000", [1], name="cell")
    add_checkpoints(tmp_path / "cell_big20260201T0000", [2], name="cell_big", newer=10)
    assert find_last(tmp_path, "cell").name == "mask_rcnn_cell_0001.h5"
    assert find_last(tmp_path, "cell_big").name == "mask_rcnn_cell_big_0002.h5"
    with pytest.raises(RunError):
        find_last(tmp_path, "cel")


def test_the_folder_of_a_failed_start_is_deleted_again(tmp_path):
    run = Run(tmp_path / "runs", Named())
    with pytest.raises(OSError), run.starting():
        run.write_settings()
        raise OSError
    assert run.discarded
    assert not (tmp_path / "runs").exists()
    (tmp_path / "own").mkdir()
    with pytest.raises(OSError), Run(tmp_path / "own", Named()).starting():
        raise OSError
    assert list((tmp_path / "own").iterdir()) == []  # it was there before


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("state_0000_000001.bin", OSError),
        ("failure.json", ValueError),
        ("train.log", KeyboardInterrupt),
        ("train.log", NonFiniteLoss),
    ],
)
def test_what_can_be_gone_on_with_or_read_stays_after_an_error(tmp_path, name, error):
    run = Run(tmp_path, Named())
    with pytest.raises(error), run.starting():
        (run.folder / name).touch()
        raise error("stop")
    assert not run.discarded
    assert (run.folder / name).is_file()
    again = Run(tmp_path, Named(), folder=run.folder)
    (run.folder / name).unlink()
    with pytest.raises(OSError), again.starting():  # not a new run
        raise OSError
    assert run.folder.is_dir()


def test_what_comes_after_a_position_is_forgotten(tmp_path):
    run = Run(tmp_path, Named())
    add_checkpoints(run.folder, [1, 2, 3])
    kept = ["state_0002_000004.bin", "state_0002_000005.bin", "config.yaml"]
    gone = ["state_0002_000006.bin", "state_0003_000000.bin", ".metrics.csv.77.tmp"]
    for name in kept + gone:
        (run.folder / name).touch()
    run.forget_later(2, 5)
    assert sorted(path.name for path in run.folder.iterdir()) == sorted(
        [*kept, "mask_rcnn_squash_0001.h5", "mask_rcnn_squash_0002.h5"]
    )
