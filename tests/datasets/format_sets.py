"""Small data sets in every format, written by code that shares nothing with the readers and writers.

A set is {split: {image name: [Thing]}}. A thing is a union of rectangles, so that each format can say exactly
which pixels it covers.
"""

import csv
import json
from dataclasses import dataclass

import numpy as np
import yaml
from PIL import Image

HEIGHT, WIDTH = 32, 48


@dataclass(frozen=True)
class Thing:
    """An instance. name: of its class. boxes: rectangles (x1, y1, x2, y2), half-open."""

    name: str
    boxes: tuple
    crowd: bool = False

    def mask(self):
        """The mask [H, W] bool."""
        found = np.zeros((HEIGHT, WIDTH), bool)
        for x1, y1, x2, y2 in self.boxes:
            found[y1:y2, x1:x2] = True
        return found


SET = {
    "train": {
        "a.png": [
            Thing("nut", ((2, 3, 12, 9),)),
            Thing("fig tree", ((10, 5, 20, 25),)),
            Thing("nut", ((30, 1, 35, 6), (40, 20, 47, 31))),  # two parts
            Thing("nut", ((22, 10, 30, 12), (22, 18, 30, 20), (22, 12, 24, 18), (28, 12, 30, 18))),  # a hole
            Thing("nut", ((40, 2, 47, 8),), crowd=True),
        ],
        "b b.png": [Thing("fig tree", ((0, 0, 1, 1),)), Thing("nut", ((0, 0, WIDTH, HEIGHT),))],
        "empty.png": [],
    },
    "val": {"a.png": [Thing("nut", ((5, 6, 7, 8),)), Thing("fig tree", ((5, 6, 7, 8),))]},
}
CLASSES = ["fig tree", "nut"]


def pixels(split, name):
    """The photograph of an image: noise of its own."""
    rng = np.random.default_rng(sum(map(ord, split + name)))
    return rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)


def selected(whole, keep):
    """A set with the things for which keep(thing) is true."""
    return {
        s: {n: [t for t in things if keep(t)] for n, things in images.items()} for s, images in whole.items()
    }


def without_splits(whole):
    """The images of train, as a set that has no splits."""
    return {None: whole["train"]}


def _save(path, split, name):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(split or "train", name)).save(path)


def _corners(box):
    x1, y1, x2, y2 = box
    return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]]


def write_via(root, whole):
    """VIA 2, one polygon a thing."""
    for split, images in whole.items():
        content = {}
        for name, things in images.items():
            regions = []
            for thing in things:
                x, y = zip(*_corners(thing.boxes[0]))
                shape = {"name": "polygon", "all_points_x": x, "all_points_y": y}
                regions.append({"shape_attributes": shape, "region_attributes": {"class": thing.name}})
            content[name + "1"] = {"filename": name, "size": 1, "regions": regions, "file_attributes": {}}
            _save(root / (split or "") / name, split, name)
        (root / (split or "") / "via.json").write_text(json.dumps(content))


def write_labelme(root, whole):
    """Rectangles in groups."""
    for split, images in whole.items():
        for name, things in images.items():
            shapes = [
                {
                    "label": thing.name, "points": [box[:2], box[2:]], "shape_type": "rectangle", "flags": {},
                    "group_id": k,
                }
                for k, thing in enumerate(things) for box in thing.boxes
            ]  # fmt: skip
            path = root / (split or "") / name
            _save(path, split, name)
            content = {"shapes": shapes, "imagePath": name, "imageData": None}
            path.with_suffix(".json").write_text(json.dumps(content))


def write_coco(root, whole):
    """Rings, and run lengths for crowds; numbers of categories have gaps."""
    for split, images in whole.items():
        listed, annotations = [], []
        for name, things in images.items():
            listed.append({"id": len(listed) + 7, "file_name": name, "height": HEIGHT, "width": WIDTH})
            _save(root / (split or "images") / name, split, name)
            for thing in things:
                rings = [np.ravel(_corners(box)).tolist() for box in thing.boxes]
                annotations.append(
                    {
                        "id": len(annotations) + 1, "image_id": listed[-1]["id"], "iscrowd": int(thing.crowd),
                        "category_id": 5 * CLASSES.index(thing.name) + 3,
                        "segmentation": _runs(thing.mask()) if thing.crowd else rings,
                    }
                )  # fmt: skip
        categories = [{"id": 5 * k + 3, "name": name} for k, name in enumerate(CLASSES)]
        path = root / (f"annotations/instances_{split}.json" if split else "annotations.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({"images": listed, "annotations": annotations, "categories": categories}))


def _runs(mask):
    """COCO's run lengths as a list, down the columns, which begin with background."""
    counts, value, length = [], False, 0
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts, value, length = [*counts, length], pixel, 0
        length += 1
    return {"size": list(mask.shape), "counts": [*counts, length]}


def write_yolo(root, whole):
    """One polygon a thing."""
    for split, images in whole.items():
        for name, things in images.items():
            _save(root / "images" / split / name, split, name)
            rows = []
            for thing in things:
                shares = np.divide(_corners(thing.boxes[0]), (WIDTH, HEIGHT)).ravel().tolist()
                rows.append(" ".join(map(str, [CLASSES.index(thing.name), *shares])))
            path = (root / "labels" / split / name).with_suffix(".txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{row}\n" for row in rows))
    content = {split: f"images/{split}" for split in whole} | {"names": CLASSES}
    (root / "data.yaml").write_text(yaml.safe_dump(content))


def write_openimages(root, whole):
    """A mask file a thing, and the boxes of crowds."""
    for split, images in whole.items():
        for name, things in images.items():
            stem = name.removesuffix(".png")
            for class_name in {thing.name for thing in things} or {CLASSES[0]}:
                _save(root / (split or "") / class_name / name, split, name)
            for k, thing in enumerate(things):
                folder = root / (split or "") / thing.name
                if thing.crowd:
                    _write_crowd(folder / "crowds" / f"{stem}.csv", thing.boxes[0])
                    continue
                (folder / "masks").mkdir(exist_ok=True)
                mid = f"m0{CLASSES.index(thing.name)}"
                Image.fromarray(thing.mask().astype(np.uint8) * 255).save(
                    folder / f"masks/{stem}_{mid}_{k:02x}.png"
                )


def _write_crowd(path, box):
    path.parent.mkdir(exist_ok=True)
    x1, y1, x2, y2 = box
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(
            [["XMin", "XMax", "YMin", "YMax"], [x1 / WIDTH, x2 / WIDTH, y1 / HEIGHT, y2 / HEIGHT]]
        )


def write_nuclei(root, whole):
    """A folder an image; all things are of one class."""
    for split, images in whole.items():
        for name, things in images.items():
            stem = name.removesuffix(".png").replace(" ", "")
            folder = root / (split or "") / stem
            _save(folder / "images" / f"{stem}.png", split, name)
            (folder / "masks").mkdir()
            for k, thing in enumerate(things):
                Image.fromarray(thing.mask().astype(np.uint8) * 255).save(folder / f"masks/{k}.png")


def write_named_masks(root, whole):
    """Masks named after their image and a number, in folders of classes."""
    for split, images in whole.items():
        for name, things in images.items():
            stem = name.removesuffix(".png")
            for class_name in {thing.name for thing in things} or {CLASSES[0]}:
                _save(root / (split or "") / class_name / name, split, name)
            for k, thing in enumerate(things):
                path = root / (split or "") / thing.name / f"masks/{stem}_{k}.png"
                path.parent.mkdir(exist_ok=True)
                Image.fromarray(thing.mask().astype(np.uint8) * 255).save(path)


def write_label_maps(root, whole):
    """A picture of 16 bits an image; things must not overlap and are of one class."""
    for split, images in whole.items():
        for name, things in images.items():
            folder = root / (split or "")
            _save(folder / "images" / name, split, name)
            (folder / "label_maps").mkdir(exist_ok=True)
            Image.fromarray(_numbered(things, np.uint16, 300)).save(folder / "label_maps" / name)


def _numbered(things, kind, first):
    """Pixels numbered by thing, from ``first`` on."""
    pixels = np.zeros((HEIGHT, WIDTH), kind)
    for number, thing in enumerate(things, start=first):
        pixels[thing.mask()] = number
    return pixels


def write_voc(root, whole):
    """Pictures of instances and of classes; no things may overlap, and no images share a name."""
    for folder in ("SegmentationObject", "SegmentationClass", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "class_names.txt").write_text("\n".join(["_background_", *CLASSES]) + "\n")
    for split, images in whole.items():
        stems = [name.removesuffix(".png") for name in images]
        (root / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(stems) + "\n")
        for stem, (name, things) in zip(stems, images.items()):
            _save(root / "JPEGImages" / name, split, name)
            _save_palette(root / f"SegmentationObject/{stem}.png", _numbered(things, np.uint8, 1))
            kinds = np.zeros((HEIGHT, WIDTH), np.uint8)
            for thing in things:
                kinds[thing.mask()] = CLASSES.index(thing.name) + 1
            _save_palette(root / f"SegmentationClass/{stem}.png", kinds)


def _save_palette(path, pixels):
    image = Image.fromarray(pixels)
    image.putpalette([channel for k in range(256) for channel in (k, 255 - k, k * 7 % 256)])
    image.save(path)
