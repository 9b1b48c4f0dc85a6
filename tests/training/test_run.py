"""Run folders are new, complete and found again."""

import json
import os

import pytest
import yaml

from mrcnn.config import Config
from mrcnn.training import run as run_module
from mrcnn.training.run import Run, RunError, checkpoints, data_hash, find_last
from tests.scenes import Rectangles


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
    config.update({"NAME": name})
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
    assert {"config", "keras", "backend", "numpy", "python", "code", "started", "command"} <= set(facts)
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.yaml", "run.json"]
    again = Run(tmp_path, config).write_settings()
    assert again["config"] == facts["config"]


def test_code_outside_a_clone_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_module.versions()["code"] == "unknown"


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
    with pytest.raises(
        RunError, match=r"runs: no run here has a checkpoint yet; train one with scripts/train"
    ):
        find_last(tmp_path / "runs")


def test_the_hash_of_data_knows_names_sizes_and_classes(tmp_path):
    first, second = Rectangles(), Rectangles()
    assert data_hash(first) == data_hash(second)
    path = tmp_path / "image0.png"
    path.write_bytes(b"123")
    second.image_info[0]["path"] = str(path)
    with_size = data_hash(second)
    assert with_size != data_hash(first)
    path.write_bytes(b"1234")
    assert data_hash(second) != with_size
    first.add_class("shapes", 3, "more")
    first.prepare()
    assert data_hash(first) != data_hash(Rectangles())


def test_images_that_a_program_draws_have_no_path():
    dataset = Rectangles()
    before = data_hash(dataset)
    dataset.add_image("shapes", "drawn", path=None)
    assert data_hash(dataset) != before
