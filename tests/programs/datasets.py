"""Small data sets in the formats that the programs read: VIA polygons, folders of nuclei, COCO, a film."""

import json

import cv2
import numpy as np
from PIL import Image


def write_leaves(root, train=3, val=1):
    """Leaves with VIA annotations: regions are a list in train (as of VIA 2) and a dict in val (VIA 1)."""
    for number, (subset, count) in enumerate((("train", train), ("val", val))):
        folder = root / subset
        folder.mkdir(parents=True)
        entries = {}
        for image_id in range(count):
            rng = np.random.default_rng([number, image_id])
            name = f"{subset}{image_id}.png"
            polygons = [_leaf(rng, (60, 80)) for _ in range(1 + image_id % 2)]
            _save(folder / name, _paint(rng, (60, 80), polygons))
            regions = [_region(polygon) for polygon in polygons]
            entries[f"{name}1234"] = {
                "filename": name,
                "regions": regions if subset == "train" else {str(i): r for i, r in enumerate(regions)},
            }
        _save(folder / "bare.png", np.zeros((60, 80, 3), np.uint8))
        entries["bare.png1"] = {"filename": "bare.png", "regions": [] if subset == "train" else {}}
        (folder / "via_region_data.json").write_text(json.dumps(entries))
    return root


def _leaf(rng, shape):
    """The corners (x, y) of an eight-sided figure within an image of the given shape."""
    height, width = shape
    radius = rng.uniform(8, 14)
    y, x = rng.uniform(16, height - 16), rng.uniform(16, width - 16)
    angles = np.arange(8) * np.pi / 4
    return np.stack([x + radius * np.cos(angles), y + 0.7 * radius * np.sin(angles)], axis=1).round()


def _region(polygon):
    points = {
        "all_points_x": [int(x) for x in polygon[:, 0]],
        "all_points_y": [int(y) for y in polygon[:, 1]],
    }
    return {"shape_attributes": {"name": "polygon", **points}, "region_attributes": {}}


def _paint(rng, shape, polygons):
    image = rng.integers(0, 80, (*shape, 3), dtype=np.uint8)
    for polygon in polygons:
        color = [int(value) for value in rng.integers(120, 256, 3)]
        cv2.fillPoly(image, [polygon.astype(np.int32)], color)
    return image


def _save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_film(path, frames=3, shape=(48, 64)):
    """An AVI of noise with a bright square that moves."""
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 5, (shape[1], shape[0]))
    for number in range(frames):
        frame = np.full((*shape, 3), 40, np.uint8)
        frame[10:34, 8 + 8 * number : 32 + 8 * number] = (30, 60, 230)
        film.write(frame)
    film.release()
    return path


def read_film(path):
    """The frames of a film: a list of [H, W, 3] uint8 BGR."""
    film, frames = cv2.VideoCapture(str(path)), []
    good, frame = film.read()
    while good:
        frames.append(frame)
        good, frame = film.read()
    return frames


def write_nuclei(root):
    """stage1_train with masks and stage1_test without; images are RGBA, as those of the competition."""
    for folder, names in (
        ("stage1_train", ("plate_a1", "plate_a2", "plate_b2", "plate_d1")),
        ("stage1_test", ("plate_x1", "plate_x2")),
    ):
        for number, name in enumerate(names):
            rng = np.random.default_rng([len(folder), number])
            shape = (48, 56) if number % 2 else (40, 64)
            image = np.full((*shape, 4), 255, np.uint8)
            image[:, :, :3] = rng.integers(0, 40, (*shape, 3))
            for i in range(3 + number % 2):
                mask = _disc(shape, center=(12 + 6 * i, 10 + 12 * i), radius=5)
                image[mask, :3] = rng.integers(120, 250, 3)
                if folder == "stage1_train":
                    _save(root / folder / name / "masks" / f"{i}.png", mask.astype(np.uint8) * 255)
            _save(root / folder / name / "images" / f"{name}.png", image)
    return root


def _disc(shape, center, radius):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - center[0]) ** 2 + (columns - center[1]) ** 2 <= radius**2


def write_coco(root, train=3, val=3):
    """COCO's layout with polygons, and in each split's second image a crowd as run lengths.

    Categories have the numbers 3 and 7. The last image of each split has no instances.
    """
    for number, (subset, count) in enumerate((("train", train), ("val", val))):
        images, annotations = [], []
        for place in range(count):
            rng = np.random.default_rng([number, place])
            image_id, shape = 1000 * number + 10 * place + 7, (70, 90)
            polygons = [_leaf(rng, shape) for _ in range(0 if place == count - 1 else 3)]
            name = f"{image_id:012}.png"
            _save(root / f"{subset}2017" / name, _paint(rng, shape, polygons))
            images.append({"id": image_id, "file_name": name, "height": shape[0], "width": shape[1]})
            own = [_polygon(polygon, category) for polygon, category in zip(polygons, (3, 7, 3))]
            own += [_crowd(shape)] if place == 1 else []
            for annotation in own:
                annotations.append({"id": len(annotations) + 1, "image_id": image_id, **annotation})
        categories = [{"id": 3, "name": "leaf"}, {"id": 7, "name": "petal"}]
        data = {"images": images, "annotations": annotations, "categories": categories}
        path = root / "annotations" / f"instances_{subset}2017.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data))
    return root


def _polygon(points, category):
    (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
    return {
        "category_id": category,
        "segmentation": [[float(value) for value in points.ravel()]],
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": float(cv2.contourArea(points.astype(np.float32))),
        "iscrowd": 0,
    }


def _crowd(shape):
    """A crowd of category 7 over the lowest ten rows, as run lengths down the columns."""
    height, width = shape
    counts = [height - 10, 10] * width
    return {
        "category_id": 7,
        "segmentation": {"size": [height, width], "counts": counts},
        "bbox": [0, height - 10, width, 10],
        "area": float(10 * width),
        "iscrowd": 1,
    }
