"""scripts/compare.py: models of known quality on the same images, and the list of runs."""

import json
import shutil

import numpy as np
import pytest

from mrcnn.datasets import set_aside
from mrcnn.files import write_json
from mrcnn.pipeline.masks import extract_bboxes
from pumpkin import models
from pumpkin.candidates import names_of
from pumpkin.commands import compare, evaluate
from pumpkin.dataset import PumpkinDataset
from pumpkin.list_runs import HEAD
from pumpkin.synthetic import generate
from tests.reports.pages import assert_sound
from tests.streaming import Streaming
from tests.tiny import detector


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    generate(folder, {"val": 6}, seed=7, size=96, workers=1, progress=False)
    (folder / "val" / "stone").mkdir()
    return folder


class Knowing(Streaming):
    """Knows the gt of each image, and finds its first instances alone; ``most`` None: all."""

    def __init__(self, root, most):
        self.dataset, self.most = PumpkinDataset(), most
        self.dataset.load_pumpkins(root, "val")
        self.dataset.prepare()

    def detect(self, images):
        return [self.find(image) for image in images]

    def find(self, image):
        (image_id,) = [i for i in self.dataset.image_ids if np.array_equal(self.dataset.load_image(i), image)]
        masks, class_ids = self.dataset.load_mask(image_id)
        masks, class_ids = masks[..., : self.most], class_ids[: self.most]
        scores = np.full(len(class_ids), 0.9)
        return {"rois": extract_bboxes(masks), "class_ids": class_ids, "scores": scores, "masks": masks}


@pytest.fixture(scope="module")
def runs(scenes, tmp_path_factory):
    """A folder of two runs, good and poor, which differ in one setting."""
    folder, model = tmp_path_factory.mktemp("runs"), detector()
    model.class_names = ["BG", "Pumpkin", "Stone"]
    for number, name in enumerate(("good", "poor"), start=1):
        run = folder / name
        run.mkdir()
        model.save_weights(run / f"mask_rcnn_tiny_{number:04d}.h5", epoch=number)
        (run / "config.yaml").write_text(f"DATASET: {scenes}\n")
        config = {"LEARNING_MOMENTUM": 0.9 if number == 1 else 0.8, "SEED": 7}
        facts = {"config": config, "data": {"train": name, "val": None}, "result": {"weights": name}}
        write_json(run / "run.json", {**facts, "started": f"2026-01-0{number}T00:00:00"})
    rows = "epoch,loss,val_mask_ap,finished\n1,2.5,0.25,2026-01-01T00:00:00\n2,1.5,,2026-01-01T01:00:00\n"
    (folder / "good" / "metrics.csv").write_text(rows)
    return folder


@pytest.fixture
def opened(scenes, monkeypatch):
    monkeypatch.setattr(
        models, "open_model", lambda path, config: Knowing(scenes, None if "good" in str(path) else 1)
    )


def words_of(runs, scenes, tmp_path):
    report = tmp_path / "cmp"
    models = [str(runs / name) for name in ("poor", "good")]
    return [*models, "--dataset", str(scenes), "--report", str(report), "--resamples", "100"]


def test_the_better_run_wins(runs, scenes, opened, tmp_path, capsys):
    assert compare.main(words_of(runs, scenes, tmp_path)) == 0
    told = capsys.readouterr().out
    assert "poor:\nmask AP" in told
    assert "Winner: good. It is " in told and "resamples of 6 images, seed 0)." in told
    assert "config.LEARNING_MOMENTUM: 0.8 (poor), 0.9 (good)" in told
    assert "epochs: 2 (poor), 1 (good)" in told
    assert "config.SEED" not in told
    assert "good: was trained on other images than poor" in told
    assert_sound((tmp_path / "cmp" / "index.html").read_text())
    written = json.loads((tmp_path / "cmp" / "comparison.json").read_text())
    assert written["winner"] == "good" and written["resamples"] == 100
    poor, good = written["models"]
    assert good["AP"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert poor["AP"]["low"] <= poor["AP"]["value"] <= poor["AP"]["high"] < 1
    assert poor["AP"]["value"] == pytest.approx(poor["segm"]["AP"], abs=1e-9)
    assert poor["behind"]["value"] == pytest.approx(1 - poor["AP"]["value"])
    assert written["differences"]["config.LEARNING_MOMENTUM"] == ["0.8", "0.9"]


def test_all_models_see_the_same_views(runs, scenes, opened, tmp_path, monkeypatch):
    seen, stream = [], Knowing.detect_stream

    def watched(self, *args, tta=None, **options):
        seen.append(str(tta))
        return stream(self, *args, **options)

    monkeypatch.setattr(Knowing, "detect_stream", watched)
    assert compare.main([*words_of(runs, scenes, tmp_path), "--tta", "flips,scales"]) == 0
    assert seen == ["flips,scales"] * 2


def test_equal_seeds_give_equal_results(runs, scenes, opened, tmp_path):
    found = []
    for number in range(2):
        assert compare.main(words_of(runs, scenes, tmp_path / str(number))) == 0
        found.append((tmp_path / str(number) / "cmp" / "index.html").read_bytes())
    assert found[0] == found[1]


def test_evaluate_compares_several_weights(runs, scenes, opened, tmp_path, capsys):
    files = [str(next((runs / name).glob("*.h5"))) for name in ("good", "poor")]
    assert evaluate.main(["--weights", *files, "--dataset", str(scenes), "--resamples", "100"]) == 0
    told = capsys.readouterr().out
    assert "Winner: good." in told and "The page is" not in told
    assert not list((runs / "good").glob("evaluation*"))


def test_images_that_a_run_was_trained_on_are_named(runs, scenes, opened, tmp_path, capsys):
    dataset = Knowing(scenes, None).dataset
    keys = set_aside.keys_of(dataset)
    copy = tmp_path / "runs"
    shutil.copytree(runs, copy)
    set_aside.Choice(tuple(keys[:4]), tuple(keys[4:]), 0.2, 7).write(copy / "good")
    assert compare.main(words_of(copy, scenes, tmp_path)) == 0
    assert "good: was trained on 4 of these 6 images, so its AP is too high" in capsys.readouterr().out


def test_the_list_of_runs(runs, capsys):
    assert compare.main(["--list", "--runs", str(runs)]) == 0
    head, newest, oldest = capsys.readouterr().out.splitlines()
    assert head.split() == [word for title in HEAD for word in title.split()]
    assert newest.split()[:6] == ["poor", "2026-01-02T00:00:00", "2", "-", "-", "-"]
    assert oldest.split()[:6] == ["good", "2026-01-01T00:00:00", "1", "-", "0.250", "1.500"]


def test_a_damaged_run_is_skipped(runs, tmp_path, capsys):
    copy = tmp_path / "runs"
    shutil.copytree(runs, copy)
    (copy / "poor" / "run.json").write_text("{")
    write_json(copy / "good" / "evaluation_val.json", {"segm": {"AP": 0.5}, "split": "val"})
    assert compare.main(["--list", "--runs", str(copy)]) == 0
    told = capsys.readouterr().out
    assert f"Skipped: {copy / 'poor' / 'run.json'}, line 1: is cut short" in told
    assert "0.500 val" in told
    assert compare.main(["--list", "--runs", str(tmp_path / "none")]) == 1
    assert "there is no run here yet." in capsys.readouterr().err


def test_names(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.json").write_text("{}")
    one, other = tmp_path / "a" / "one.h5", tmp_path / "b" / "one.h5"
    assert names_of([one, tmp_path / "b" / "two.h5"]) == ["a", "two"]
    assert names_of([one, one.with_name("two.h5")]) == ["a/one", "a/two"]
    assert names_of([other, tmp_path / "c" / "one.h5"]) == ["b/one", "c/one"]
    assert names_of([one, one]) == [f"{one} (1)", f"{one} (2)"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ([], "name the runs to compare, or --list"),
        (["a", "--resamples", "99"], "--resamples: must be 100 or more, got 99"),
        (["a", "--limit", "0"], "--limit must be 1 or more, got 0"),
    ],
)
def test_bad_arguments(words, fault, capsys):
    with pytest.raises(SystemExit) as ended:
        compare.main(words)
    assert ended.value.code == 2
    assert fault in capsys.readouterr().err
