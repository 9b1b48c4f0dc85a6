"""scripts/evaluate.py on rendered scenes: a perfect model, and a real one that knows nothing."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from mrcnn.detection.augmenting import Augmenting
from mrcnn.detection.tiling import Tiling
from mrcnn.pipeline.masks import extract_bboxes
from mrcnn.weights import best_score
from pumpkin import models
from pumpkin.commands import evaluate
from pumpkin.dataset import PumpkinDataset
from pumpkin.synthetic import generate
from tests.reports.pages import assert_sound
from tests.sooner import eagerly
from tests.streaming import Streaming
from tests.tiny import detector


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    generate(folder, {"val": 3}, seed=7, size=96, workers=1, progress=False)
    return folder


class Perfect(Streaming):
    """Knows the gt of each image of a data set."""

    def __init__(self, root):
        self.dataset = PumpkinDataset()
        self.dataset.load_pumpkins(root, "val")
        self.dataset.prepare()

    def detect(self, images):
        return [self.find(image) for image in images]

    def find(self, image):
        (image_id,) = [i for i in self.dataset.image_ids if np.array_equal(self.dataset.load_image(i), image)]
        masks, class_ids = self.dataset.load_mask(image_id)
        scores = np.full(len(class_ids), 0.9)
        return {"rois": extract_bboxes(masks), "class_ids": class_ids, "scores": scores, "masks": masks}


@pytest.fixture
def one_class(tmp_path):
    """A config of the tiny network's shape for pumpkins alone."""
    path = tmp_path / "pumpkin.yaml"
    path.write_text("CLASSES: [Pumpkin]\n")
    return str(path)


def test_a_perfect_model_scores_one(scenes, tiny_weights, one_class, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(models, "open_model", lambda path, config: Perfect(scenes))
    out = tmp_path / "new" / "result.json"
    words = [
        "--weights",
        str(tiny_weights),
        "--config",
        one_class,
        "--dataset",
        str(scenes),
        "--out",
        str(out),
    ]
    assert evaluate.main(words) == 0
    written = json.loads(out.read_text())
    for kind in ("segm", "bbox"):
        assert written[kind]["AP"] == written[kind]["AP50"] == written[kind]["AP75"] == 1.0
        assert written[kind]["per_class"] == {"Pumpkin": 1.0}
    dataset = Perfect(scenes).dataset
    assert written["images"] == 3
    assert written["instances"] == sum(len(dataset.load_mask(i)[1]) for i in dataset.image_ids)
    assert (written["weights"], written["split"]) == (tiny_weights.name, "val")
    assert written["dataset"] == str(scenes)
    told = capsys.readouterr().out
    assert ["mask", *["1.000"] * 3] in [line.split()[:4] for line in told.splitlines()]
    assert f"Written to {out}" in told
    assert "(precision 1.000), and" in told and "instances are found (recall 1.000)." in told
    assert written["best_f1"]["f1"] == 1.0 and written["best_f1"]["score"] == pytest.approx((0.9 + 0.05) / 2)


def test_a_real_network_by_its_own_metadata(scenes, tmp_path, capsys):
    (scenes / "val" / "stone").mkdir()
    model = detector()
    model.class_names = ["BG", "Pumpkin", "Stone"]
    path = tmp_path / "tiny20260101T0000" / "mask_rcnn_tiny_0001.h5"
    model.save_weights(path)
    words = ["--weights", "last", "--runs", str(tmp_path), "--dataset", str(scenes), "--limit", "2"]
    with eagerly():
        assert evaluate.main(words) == 0
    written = json.loads(path.with_name("evaluation_val.json").read_text())
    assert written["images"] == 2
    assert 0 <= written["segm"]["AP"] < 0.2
    assert written["segm"]["per_class"]["Stone"] == -1.0  # none is there to be found
    assert "on 2 images" in capsys.readouterr().out


def test_the_page(scenes, tiny_weights, tmp_path, capsys):
    out, folder = tmp_path / "result.json", tmp_path / "new" / "report"
    words = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--out", str(out), "--limit", "2"]
    with eagerly():
        assert evaluate.main([*words, "--set", "CLASSES=[Pumpkin, Stone]", "--report", str(folder)]) == 0
    assert [path.name for path in folder.iterdir()] == ["index.html"]
    page = assert_sound((folder / "index.html").read_text())
    words = " ".join(page.texts)
    for said in (f"{tiny_weights.stem} on val", str(scenes), "Where instances are lost", "no proposal"):
        assert said in words
    assert f"The page is {folder / 'index.html'}" in capsys.readouterr().out
    written = json.loads(out.read_text())
    assert {"best_f1", "calibration", "confusion", "mistakes", "clumps"} <= written.keys()


@pytest.fixture
def trained(scenes, tmp_path, monkeypatch):
    """Weights that name their data set, opened as a model that knows its gt."""
    model = detector()
    model.class_names = ["BG", "Pumpkin", "Stone"]
    plain = model.config.to_plain()
    monkeypatch.setattr(type(model.config), "to_plain", lambda self: {**plain, "DATASET": str(scenes)})
    path = tmp_path / "mask_rcnn_tiny_0001.h5"
    model.save_weights(path)
    monkeypatch.setattr(models, "open_model", lambda path, config: Perfect(scenes))
    return path


def test_the_score_of_best_f1_is_kept_for_detection(trained, scenes, capsys):
    before = trained.read_bytes()
    assert evaluate.main(["--weights", str(trained)]) == 0
    path = best_score.path_of(trained)
    assert f"detect takes the score of best F1 from {path}\n" in capsys.readouterr().out
    kept = best_score.read(trained)
    assert (kept.score, kept.f1) == (pytest.approx((0.9 + 0.05) / 2), 1.0)
    assert (kept.split, kept.dataset, kept.images) == ("val", str(scenes), 3)
    assert trained.read_bytes() == before
    config = models.config_of(trained)
    told = models.take_best_score(config, trained, set())
    assert kept.score == config.DETECTION_MIN_CONFIDENCE
    assert told == (
        "Smallest score: 0.475, that of best F1 (1.000) on 3 images of val; --min-confidence sets another"
    )


@pytest.mark.parametrize(
    "words",
    [
        ["--limit", "2"],
        ["--min-confidence", "0"],
        ["--set", "DETECTION_NMS_THRESHOLD=0.4"],
        ["--dataset", "{copy}"],
    ],
    ids=lambda words: words[0],
)
def test_unusual_evaluations_keep_no_score(trained, scenes, tmp_path, capsys, words):
    shutil.copytree(scenes, tmp_path / "copy")
    assert evaluate.main(["--weights", str(trained), *(w.format(copy=tmp_path / "copy") for w in words)]) == 0
    assert not best_score.path_of(trained).exists()
    assert "detect takes" not in capsys.readouterr().out


def test_large_images_in_tiles(scenes, tiny_weights, tmp_path, monkeypatch):
    out = tmp_path / "result.json"
    model, seen = detector(), []
    stream = model.detect_stream

    def watched(*args, tiling=None, **options):
        seen.append(tiling)
        return stream(*args, tiling=tiling, **options)

    model.detect_stream = watched
    monkeypatch.setattr(models, "open_model", lambda path, config: model)
    words = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--out", str(out)]
    with eagerly():
        assert evaluate.main([*words, "--set", "CLASSES=[Pumpkin, Stone]", "--tile", "64"]) == 0
    assert seen == [Tiling(64, 0.2)]
    written = json.loads(out.read_text())
    assert (written["tile"], written["overlap"], written["images"]) == (64, 0.2, 3)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], Tiling(48)),
        (["--tile", "none"], None),
        (["--tile", "64", "--overlap", "0.3"], Tiling(64, 0.3)),
        (["--clumps"], None),
    ],
)
def test_weights_trained_on_tiles_are_evaluated_on_tiles(
    words, expected, scenes, tiny_weights, tmp_path, monkeypatch, capsys
):
    seen = []

    def measure(*args, tiling=None, **options):
        seen.append(tiling)
        raise ValueError("measured")

    monkeypatch.setattr("mrcnn.evaluation.outcome.measure", measure)
    settings = ["--set", "CLASSES=[Pumpkin, Stone]", "TILE=48"]
    where = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--out", str(tmp_path / "result.json")]
    assert evaluate.main([*where, *settings, *words]) == 1
    assert seen == [expected]
    line = "Photographs are cut into tiles of 48 pixels, as in training; --tile none cuts none"
    assert (line in capsys.readouterr().out) == (expected == Tiling(48))


def test_further_views_of_each_image(scenes, tiny_weights, tmp_path, monkeypatch):
    out, lowest = tmp_path / "result.json", []
    model = detector()

    def watched(*args, tta=None, **options):
        lowest.append(tta)
        return type(model).detect_stream(model, *args, tta=tta, **options)

    def opened(path, config):
        lowest.append(config.DETECTION_MIN_CONFIDENCE)
        return model

    model.detect_stream = watched
    monkeypatch.setattr(models, "open_model", opened)
    words = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--out", str(out)]
    words += ["--set", "CLASSES=[Pumpkin, Stone]", "--tta", "flips", "--min-confidence", "0.2"]
    with eagerly():
        assert evaluate.main([*words, "--report", str(tmp_path / "page")]) == 0
    assert lowest == [0.05, Augmenting(("flips",), 0.2)]
    written = json.loads(out.read_text())
    assert (written["tta"], written["images"]) == ("flips", 3)
    assert "tile" not in written
    assert "flips" in (tmp_path / "page" / "index.html").read_text()


def test_the_result_of_other_data_is_kept(tmp_path):
    weights = tmp_path / "mask_rcnn_tiny_0001.h5"
    usual, own = tmp_path / "evaluation_val.json", tmp_path / "photos"
    assert evaluate._result_file(weights, own, "val") == usual
    usual.write_text(json.dumps({"dataset": str(own)}))
    assert evaluate._result_file(weights, own, "val") == usual
    other = tmp_path / "others"
    assert evaluate._result_file(weights, other, "val") == tmp_path / "evaluation_others_val.json"
    usual.write_text("[]")
    assert evaluate._result_file(weights, own, "val") == tmp_path / "evaluation_photos_val.json"


def test_clumps_are_told_and_written(scenes, tiny_weights, tmp_path, capsys):
    out = tmp_path / "result.json"
    words = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--out", str(out), "--clumps"]
    with eagerly():
        assert (
            evaluate.main([*words, "--set", "CLASSES=[Pumpkin, Stone]", "DETECTION_NMS_THRESHOLD=0.6"]) == 0
        )
    written = json.loads(out.read_text())
    *slices, whole = written["clumps"]
    assert [row["overlap"] for row in slices] == ["none", "under 20 %", "20 to 40 %", "40 % or more"]
    assert whole["AP"] == written["segm"]["AP"]
    assert sum(sum(row["fates"].values()) for row in slices) == whole["instances"] == written["instances"]
    told = capsys.readouterr().out
    assert "40 % or more" in told and "no proposal: no proposal was nearest" in told


def test_missed_instances_are_explained_as_the_clump_report_counts_them(
    scenes, tiny_weights, tmp_path, capsys
):
    out, folder = tmp_path / "result.json", tmp_path / "missed"
    words = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--out", str(out), "--clumps"]
    words += ["--explain", str(folder), "--set", "CLASSES=[Pumpkin, Stone]", "DETECTION_NMS_THRESHOLD=0.6"]
    with eagerly():
        assert evaluate.main(words) == 0
        told = capsys.readouterr()
        assert evaluate.main(words) == 1
    assert capsys.readouterr().err == f"evaluate: {folder}: exists and is not empty; name a new folder.\n"
    *_, whole = json.loads(out.read_text())["clumps"]
    with open(folder / "missed.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    fates = [row["fate"] for row in rows]
    counted = {fate: count for fate, count in whole["fates"].items() if count and fate != "found"}
    assert counted and {fate: fates.count(fate) for fate in counted} == counted
    assert len(rows) == sum(counted.values())
    assert {path.name for path in folder.iterdir()} == {"missed.csv", *(row["picture"] for row in rows)}
    assert rows[0]["class"] == "round" and rows[0]["number"] == "1"
    assert rows[0]["stages"].startswith("anchors: the best of ")
    with Image.open(folder / rows[0]["picture"]) as drawn:
        assert drawn.width == 1000
    assert f"{len(rows)} instances are missed; {folder / 'missed.csv'} says why" in told.out


def test_a_setting_that_does_not_exist(scenes, tiny_weights, capsys):
    words = ["--weights", str(tiny_weights), "--dataset", str(scenes), "--set", "DETECTION_NMS_TRESHOLD=1"]
    assert evaluate.main(words) == 1
    assert "the nearest known one is DETECTION_NMS_THRESHOLD" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--min-confidence", "2"], "must lie between 0 and 1, got 2"),
        (["--limit", "0"], "must be 1 or more, got 0"),
        (["--tile", "1"], "--tile must be auto, none or the side of the tiles in pixels, 32 or more, got 1."),
        (["--tta", "flip"], "error: --tta takes flips, scales, turns, separated by commas, got 'flip'.\n"),
        (
            ["--tta", "flips", "--clumps"],
            "--clumps follows the network through whole images: leave out --tta",
        ),
        (["--weights", "a", "b", "--clumps"], "--clumps is for one model, but --weights names 2"),
        (["--report", __file__], f"--report must be a folder, but {__file__} is a file"),
        (["--tile", "64", "--explain", "a"], "--explain follows the network through whole images"),
        (["--tile", "64", "--clumps"], "--clumps follows the network through whole images: leave out --tile"),
    ],
)
def test_bad_arguments(words, fault, capsys):
    with pytest.raises(SystemExit) as exit:
        evaluate.main(words)
    assert exit.value.code == 2
    assert fault in capsys.readouterr().err


def test_a_data_set_that_is_not_there(tiny_weights, one_class, tmp_path, capsys):
    words = ["--weights", str(tiny_weights), "--config", one_class]
    assert evaluate.main([*words, "--dataset", str(tmp_path / "none")]) == 1
    assert "there is no such file or folder" in capsys.readouterr().err


def test_a_split_that_is_not_there(scenes, tiny_weights, one_class, capsys):
    words = [
        "--weights",
        str(tiny_weights),
        "--config",
        one_class,
        "--dataset",
        str(scenes),
        "--split",
        "test",
    ]
    assert evaluate.main(words) == 1
    assert "no split 'test'; it holds" in capsys.readouterr().err
