"""A Result as arrays, polygons, COCO's rows, a table, and a picture."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from faster_coco_eval.core import mask as rle
from PIL import Image

from mrcnn.detection.detections import Detections
from mrcnn.detection.result import Result

NAMES = ["BG", "round", "square"]


def result(source="a.jpg"):
    """Two detections in 40 x 60 pixels: a full box, and one with a hole and a separate part."""
    crop = np.zeros((20, 25), bool)
    crop[:15, :15] = True
    crop[5:10, 5:10] = False
    crop[17:, 20:] = True
    crops = [np.ones((10, 12), bool), crop]
    boxes = np.array([[2, 3, 12, 15], [15, 30, 35, 55]], np.int32)
    found = Detections((40, 60), boxes, np.array([2, 1], np.int32), np.array([0.9, 0.5], np.float32), crops)
    return Result(source, np.full((40, 60, 3), 80, np.uint8), found, NAMES)


def nothing():
    found = Detections(
        (40, 60), np.zeros((0, 4), np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32), []
    )
    return Result(None, np.full((40, 60, 3), 80, np.uint8), found, NAMES)


def test_arrays():
    found = result()
    assert len(found) == 2 and found.names == ["square", "round"]
    assert found.masks.shape == (40, 60, 2)
    assert found.masks.sum(axis=(0, 1)).tolist() == [120, 15 * 15 - 25 + 15]


def test_polygons_give_the_masks_again():
    found = result()
    polygons = found.polygons()
    assert [len(rings) for rings in polygons] == [1, 3]
    for rings, mask in zip(polygons, np.moveaxis(found.masks, -1, 0)):
        area = sum(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)) for x, y in (r.T for r in rings)) / 2
        assert area == mask.sum()  # holes run the other way around
        y, x = np.nonzero(mask)
        corners = np.concatenate(rings)
        assert corners.min(axis=0).tolist() == [x.min(), y.min()]
        assert corners.max(axis=0).tolist() == [x.max() + 1, y.max() + 1]


def test_rows_of_coco():
    found = result()
    rows = found.to_coco(image_id=7)
    assert [row["image_id"] for row in rows] == [7, 7]
    assert rows[1]["bbox"] == [30.0, 15.0, 25.0, 20.0] and rows[1]["category_id"] == 1
    for row, mask in zip(rows, np.moveaxis(found.masks, -1, 0)):
        np.testing.assert_array_equal(rle.decode(row["segmentation"]), mask)


def test_a_table():
    table = result().to_pandas()
    assert list(table.columns) == ["class", "score", "y1", "x1", "y2", "x2", "area"]
    assert table.iloc[1].tolist() == ["round", 0.5, 15, 30, 35, 55, 215]
    assert nothing().to_pandas().shape == (0, 7)
    assert repr(result()).splitlines() == [
        "a.jpg: 60 x 40 pixels, 2 detections",
        f"{'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}",
        f"{'square':16}  0.90      2     3    12    15      120",
        f"{'round':16}  0.50     15    30    35    55      215",
    ]
    assert repr(nothing()) == "60 x 40 pixels, nothing found"


def test_pictures(tmp_path):
    found = result()
    found.save(tmp_path / "new" / "out.png")
    for file in (tmp_path / "new" / "out.png", io.BytesIO(found._repr_png_())):
        with Image.open(file) as drawn:
            np.testing.assert_array_equal(np.asarray(drawn), found.plot())
    assert (found.plot() != found.image).any()
    found.save(tmp_path / "large.png", color_by="instance", size=240)
    with Image.open(tmp_path / "large.png") as drawn:
        assert drawn.size == (240, 160)
        np.testing.assert_array_equal(np.asarray(drawn), found.plot("instance", 240))
    assert (found.plot("instance", 240) != found.plot("class", 240)).any()
    np.testing.assert_array_equal(nothing().plot(), nothing().image)


def test_supervision(monkeypatch):
    """The package is optional: a stand-in shows what it would get."""

    given = {}
    monkeypatch.setitem(
        __import__("sys").modules,
        "supervision",
        SimpleNamespace(Detections=lambda **fields: given.update(fields)),
    )
    found = result()
    found.to_supervision()
    assert given["xyxy"].tolist() == [[3, 2, 15, 12], [30, 15, 55, 35]]
    np.testing.assert_array_equal(given["mask"], np.moveaxis(found.masks, -1, 0))
    assert given["data"]["class_name"].tolist() == ["square", "round"]
    assert given["class_id"].tolist() == [2, 1]
    assert given["confidence"] == pytest.approx([0.9, 0.5])
