"""Acceptance: what detect saves as COCO's results has, by a library's reader, the AP that evaluate prints."""

import contextlib
import io
import json

import cv2
import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from mrcnn.datasets.convert import convert
from mrcnn.evaluation.coco import METRICS
from mrcnn.pipeline.masks import extract_bboxes
from pumpkin import models
from pumpkin.commands import detect, evaluate
from pumpkin.config import PumpkinConfig
from pumpkin.dataset import PumpkinDataset
from pumpkin.synthetic import generate
from tests.streaming import Streaming

# Where the library's statistics have the metrics: AR is that of 100 detections an image.
PLACES = dict(zip(METRICS, (0, 1, 2, 3, 4, 5, 8)))


class Clumsy(Streaming):
    """Finds most instances of a data set, some twice, each moved and grown or shrunk, and what is none."""

    class_names = ["BG", "Pumpkin"]
    config = PumpkinConfig()

    def __init__(self, dataset):
        self.dataset = dataset

    def detect(self, images):
        return [self.find(image) for image in images]

    def find(self, image):
        (image_id,) = [i for i in self.dataset.image_ids if np.array_equal(self.dataset.load_image(i), image)]
        rng = np.random.default_rng(int(image_id))
        truths = np.moveaxis(self.dataset.load_mask(image_id)[0], -1, 0)
        wrong = np.zeros(image.shape[:2], bool)
        wrong[5:30, 40:80] = True
        chosen = [mask for mask in truths for _ in range(rng.choice([0, 1, 1, 1, 2]))] + [wrong]
        masks = np.stack([self.spoil(mask, rng) for mask in chosen], axis=-1)
        boxes = extract_bboxes(masks) + rng.integers(-1, 2, (len(chosen), 4)) * (-1, -1, 1, 1)
        scores = np.sort(rng.uniform(0.01, 1, len(chosen)))[::-1].astype(np.float32)
        kept = (scores >= 0.05) & masks.any(axis=(0, 1))
        boxes = np.clip(boxes, 0, [*image.shape[:2], *image.shape[:2]])
        for box, mask in zip(boxes, np.moveaxis(masks, -1, 0)):  # nothing lies outside the box
            outside = np.ones(mask.shape, bool)
            outside[box[0] : box[2], box[1] : box[3]] = False
            mask[outside] = False
        ids = np.ones(kept.sum(), np.int32)
        return {"rois": boxes[kept], "class_ids": ids, "scores": scores[kept], "masks": masks[:, :, kept]}

    def spoil(self, mask, rng):
        """Return a mask that is moved by up to a pixel, and by half of the chances grown or shrunk."""
        change = rng.choice([cv2.erode, cv2.dilate, lambda moved, _: moved, lambda moved, _: moved])
        moved = np.roll(mask, rng.integers(-1, 2, 2), axis=(0, 1)).astype(np.uint8)
        return change(moved, np.ones((3, 3), np.uint8)).astype(bool)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """Rendered scenes, and the same as COCO's data set: (their folder, the data set, COCO's file)."""
    root, folder = tmp_path_factory.mktemp("scenes"), tmp_path_factory.mktemp("coco")
    generate(root, {"val": 12}, seed=7, size=128, workers=1, progress=False)
    dataset = PumpkinDataset()
    dataset.load_pumpkins(root, "val")
    dataset.prepare()
    convert({None: dataset}, "coco", folder / "set", progress=False)
    return root, dataset, folder / "set/annotations.json"


def statistics(annotations, results, kind):
    """The library's own numbers, from files alone."""
    with contextlib.redirect_stdout(io.StringIO()):
        truths = COCO(str(annotations))
        evaluator = COCOeval_faster(truths, truths.loadRes(str(results)), kind)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return {name: float(evaluator.stats[place]) for name, place in PLACES.items()}


@pytest.mark.slow
def test_saved_results_have_the_ap_of_evaluate(truth, tiny_weights, tmp_path, monkeypatch):
    root, dataset, annotations = truth
    (tmp_path / "own.yaml").write_text("CLASSES: [Pumpkin]\n")
    monkeypatch.setattr(models, "open_model", lambda path, config: Clumsy(dataset))
    common = ["--weights", str(tiny_weights), "--config", str(tmp_path / "own.yaml")]
    measured = ["--dataset", str(root), "--out", str(tmp_path / "scores.json")]
    assert evaluate.main([*common, *measured]) == 0
    saved = ["--save", "coco", "--min-confidence", "0.05", "--out", str(tmp_path / "out")]
    assert detect.main([str(annotations.parent / "images"), *common, *saved]) == 0

    truths, images = (
        json.loads(path.read_text())["images"] for path in (annotations, tmp_path / "out/coco.json")
    )
    ids = {row["file_name"]: row["id"] for row in truths}
    names = {row["id"]: row["file_name"] for row in images}
    rows = json.loads((tmp_path / "out/coco_results.json").read_text())
    rows = [{**row, "image_id": ids[names[row["image_id"]]]} for row in rows]
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    masks = [{name: value for name, value in row.items() if name != "bbox"} for row in rows]
    (tmp_path / "masks.json").write_text(json.dumps(masks))

    scores = json.loads((tmp_path / "scores.json").read_text())
    for kind, file in (("segm", "masks.json"), ("bbox", "boxes.json")):
        found = statistics(annotations, tmp_path / file, kind)
        assert {name: scores[kind][name] for name in METRICS} == pytest.approx(found, abs=1e-9)
    assert 0.2 < scores["segm"]["AP"] < 0.8
    with_boxes = statistics(annotations, tmp_path / "boxes.json", "segm")
    for name in ("AP", "AP50", "AP75", "AR"):  # only sizes differ: they are those of boxes
        assert with_boxes[name] == pytest.approx(scores["segm"][name], abs=1e-9)
