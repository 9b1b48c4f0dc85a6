"""Real data sets, written into every other format by code of the test alone, read as the same.

The writers share nothing with mrcnn.datasets: run lengths are counted here, contours are OpenCV's. Formats of
masks must give the same pixels; formats of polygons the same but for the outline's rounding.
MRCNN_REAL_IMAGES says how many images of each split are taken (3); 0 takes all.
"""

import base64
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import formats, recognition

SHARED = Path(__file__).resolve().parents[3] / "shared/data"
LIMIT = int(os.environ.get("MRCNN_REAL_IMAGES", 3))
SETS = {
    "food_via": ("via", "train", "val"),
    "nuts_coco": ("coco", None),
    "nuclei": ("nuclei", "train", "val"),
    "openimages_sample": ("openimages", None),
}


@dataclass
class Photograph:
    """name: without suffix. things: pairs of a class's name and a mask [H, W] bool, in a stable order."""

    name: str
    pixels: np.ndarray
    things: list


def load(layout, root, split, classes=None):
    """The photographs of one split in the order of their names, and the names of the classes."""
    dataset = formats.find_format(layout)()
    dataset.load_split(Path(root), split, classes)
    dataset.prepare()
    found = []
    for image_id in dataset.image_ids:
        masks, class_ids = dataset.load_mask(image_id)
        things = [
            (dataset.class_names[abs(i)], mask) for i, mask in zip(class_ids, np.moveaxis(masks, -1, 0))
        ]
        name = Path(dataset.image_info[image_id]["path"]).stem
        found.append(Photograph(name, dataset.load_image(image_id), sorted(things, key=_key)))
    return sorted(found, key=lambda photograph: photograph.name), list(dataset.class_names[1:])


def _key(thing):
    return thing[0], np.packbits(thing[1]).tobytes()


# --- Writers ------------------------------------------------------------------------------------


def _save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def _runs(mask):
    """Lengths of the runs of 0 and 1 in turn, column by column, from 0."""
    flat = np.concatenate([[0], mask.T.ravel().astype(int), [2]])
    ends = np.flatnonzero(np.diff(flat))
    lengths = np.diff(np.concatenate([[0], ends]))
    return lengths.tolist() if flat[-2] in (0, 1) else []


def write_coco(root, photographs, classes):
    images, annotations = [], []
    for number, one in enumerate(photographs, start=7):
        _save(root / "images" / f"{one.name}.png", one.pixels)
        height, width = one.pixels.shape[:2]
        images.append({"id": number, "file_name": f"{one.name}.png", "height": height, "width": width})
        for name, mask in one.things:
            annotations.append({
                "id": len(annotations), "image_id": number, "category_id": 10 * classes.index(name) + 3,
                "iscrowd": 0, "bbox": [0, 0, 1, 1], "area": int(mask.sum()),
                "segmentation": {"size": [height, width], "counts": _runs(mask)},
            })  # fmt: skip
    categories = [{"id": 10 * i + 3, "name": name} for i, name in enumerate(classes)]
    text = json.dumps({"images": images, "annotations": annotations, "categories": categories})
    (root / "all.json").write_text(text)


def write_labelme(root, photographs, classes):
    for one in photographs:
        _save(root / f"{one.name}.png", one.pixels)
        shapes = []
        for name, mask in one.things:
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            y1, y2, x1, x2 = (int(x) for x in (rows[0], rows[-1], columns[0], columns[-1]))
            file = io.BytesIO()
            Image.fromarray(mask[y1 : y2 + 1, x1 : x2 + 1].astype(np.uint8) * 255).save(file, "PNG")
            shapes.append({
                "label": name, "shape_type": "mask", "points": [[x1, y1], [x2, y2]], "group_id": None,
                "mask": base64.b64encode(file.getvalue()).decode(), "flags": {},
            })  # fmt: skip
        height, width = one.pixels.shape[:2]
        (root / f"{one.name}.json").write_text(json.dumps({
            "version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{one.name}.png",
            "imageData": None, "imageHeight": height, "imageWidth": width,
        }))  # fmt: skip


def write_masks(root, photographs, classes):
    for one in photographs:
        for name in {name for name, _ in one.things} or classes[:1]:
            _save(root / name / f"{one.name}.png", one.pixels)
        for number, (name, mask) in enumerate(one.things):
            _save(root / name / "masks" / f"{one.name}_{number}.png", mask.astype(np.uint8) * 255)


def write_nuclei(root, photographs, classes):
    for one in photographs:
        _save(root / one.name / "images" / f"{one.name}.png", one.pixels)
        for number, (_, mask) in enumerate(one.things):
            _save(root / one.name / "masks" / f"{number}.png", mask.astype(np.uint8) * 255)


def write_label_maps(root, photographs, classes):
    for one in photographs:
        _save(root / "images" / f"{one.name}.png", one.pixels)
        labels = np.zeros(one.pixels.shape[:2], np.uint16)
        for number, (_, mask) in enumerate(one.things, start=1):
            labels[mask] = number + 300
        _save(root / "label_maps" / f"{one.name}.png", labels)


def _polygon(mask):
    """The outer contour of the largest part, through the middles of its pixels: [K, 2]."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=cv2.contourArea)[:, 0].astype(float) + 0.5


def _has_area(mask):
    return bool(cv2.erode(mask.astype(np.uint8), np.ones((3, 3)), borderValue=0).any())


def write_yolo(root, photographs, classes):
    for one in photographs:
        _save(root / "images" / "train" / f"{one.name}.png", one.pixels)
        height, width = one.pixels.shape[:2]
        rows = []
        for name, mask in one.things:
            points = _polygon(mask) / [width, height]
            rows.append(f"{classes.index(name)} " + " ".join(f"{value:.6f}" for value in points.ravel()))
        path = root / "labels" / "train" / f"{one.name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows))
    names = ", ".join(json.dumps(name) for name in classes)
    (root / "data.yaml").write_text(f"train: images/train\nval: images/train\nnames: [{names}]\n")


def write_via(root, photographs, classes):
    entries = {}
    for one in photographs:
        path = root / f"{one.name}.png"
        _save(path, one.pixels)
        regions = []
        for name, mask in one.things:
            x, y = _polygon(mask).T.tolist()
            shape = {"name": "polygon", "all_points_x": x, "all_points_y": y}
            regions.append({"shape_attributes": shape, "region_attributes": {"kind": name}})
        size = path.stat().st_size
        entries[f"{path.name}{size}"] = {"filename": path.name, "size": size, "regions": regions}
    (root / "via_export_json.json").write_text(json.dumps(entries))


# Format: writer, the split that it has, whether it has classes, whether masks may overlap.
EXACT = {
    "coco": (write_coco, True, True),
    "labelme": (write_labelme, True, True),
    "masks": (write_masks, True, True),
    "nuclei": (write_nuclei, False, True),
    "label_maps": (write_label_maps, False, False),
}
OF_POLYGONS = {"yolo": (write_yolo, "train"), "via": (write_via, None)}


@pytest.fixture(scope="module", params=SETS)
def real(request):
    """The photographs and classes of a real data set."""
    if not SHARED.is_dir():
        pytest.skip("needs the real data sets beside the repository")
    layout, *splits = SETS[request.param]
    root = SHARED / request.param
    assert recognition.recognise(root)[0] == layout
    photographs, classes = [], []
    for split in splits:
        found, names = load(layout, root, split)
        photographs += found[: LIMIT or None]
        classes += [name for name in names if name not in classes]
    used = {name for one in photographs for name, _ in one.things}
    return photographs, [name for name in classes if name in used]


def _visible(things):
    """What remains of each mask below those that follow it, without empty ones."""
    left = []
    for number, (name, mask) in enumerate(things):
        later = [other for _, other in things[number + 1 :]]
        rest = mask & ~np.any(later, axis=0) if later else mask
        if rest.any():
            left.append((name, rest))
    return left


@pytest.mark.parametrize("layout", EXACT)
def test_formats_of_masks_give_the_same_pixels(real, layout, tmp_path):
    photographs, classes = real
    write, has_classes, may_overlap = EXACT[layout]
    root = tmp_path / "written"
    root.mkdir()
    write(root, photographs, classes)
    assert recognition.recognise(root)[0] == layout
    found, names = load(layout, root, None)
    if has_classes:
        assert sorted(names) == sorted(classes)
    count = 0
    for ours, read in zip(sorted(photographs, key=lambda one: one.name), found, strict=True):
        np.testing.assert_array_equal(read.pixels, ours.pixels)
        things = ours.things if may_overlap else _visible(ours.things)
        expected = [(name if has_classes else "object", mask) for name, mask in things]
        assert [_key(thing) for thing in read.things] == sorted(map(_key, expected))
        count += len(expected)
    assert count >= len(photographs)


@pytest.mark.parametrize("layout", OF_POLYGONS)
def test_formats_of_polygons_give_the_same_but_for_the_outline(real, layout, tmp_path):
    photographs, classes = real
    # The polygon of a mask of a pixel's width may cover no pixel once it is rounded; the check names such.
    photographs = [
        Photograph(one.name, one.pixels, [thing for thing in one.things if _has_area(thing[1])])
        for one in photographs
    ]
    write, split = OF_POLYGONS[layout]
    root = tmp_path / "written"
    root.mkdir()
    write(root, photographs, classes)
    assert recognition.recognise(root)[0] == layout
    found, names = load(layout, root, split, classes)
    assert names == classes
    for ours, read in zip(sorted(photographs, key=lambda one: one.name), found, strict=True):
        np.testing.assert_array_equal(read.pixels, ours.pixels)
        assert sorted(name for name, _ in read.things) == sorted(name for name, _ in ours.things)
        for name, mask in ours.things:
            whole = cv2.fillPoly(np.zeros(mask.shape, np.uint8), [np.int32(_polygon(mask) - 0.5)], 1) > 0
            band = cv2.dilate(whole.astype(np.uint8), np.ones((3, 3))) - cv2.erode(
                whole.astype(np.uint8), np.ones((3, 3)), borderValue=0
            )
            # The same interior; only pixels of the outline may differ.
            assert any(
                other == name and not ((theirs != whole) & (band == 0)).any() for other, theirs in read.things
            )
