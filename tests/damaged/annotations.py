"""A tiny data set of each format, with the files to damage, and what is read of it."""

import json
import warnings

import numpy as np
import yaml
from faster_coco_eval.core import mask as rle
from PIL import Image

from mrcnn.datasets import DatasetError, DatasetWarning, ImageError
from mrcnn.datasets.formats import find_format
from mrcnn.datasets.scan import look

WIDTH, HEIGHT = 40, 30
SQUARE = [10, 10, 20, 10, 20, 20, 10, 20]


# Each function writes a set and returns the files to damage.


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (WIDTH, HEIGHT), "white").save(path)


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def write_coco(root):
    for name in ("a.png", "b.png"):
        write_image(root / "images" / name)
    images = [
        {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH}
        for number, name in enumerate(("a.png", "b.png"))
    ]
    full = {"size": [HEIGHT, WIDTH], "counts": [600, 30, 570]}
    compressed = {
        "size": [HEIGHT, WIDTH],
        "counts": rle.encode(np.eye(HEIGHT, WIDTH, dtype=np.uint8, order="F"))["counts"].decode(),
    }
    shapes = [[SQUARE], [SQUARE, [1, 1, 5, 1, 5, 5]], full, compressed, [[5, 5, 20, 5], SQUARE]]
    annotations = [
        {"id": number, "image_id": number % 2, "category_id": 1 + number % 2, "segmentation": shape,
         "iscrowd": int(isinstance(shape, dict)), "area": 100, "bbox": [10, 10, 10, 10]}
        for number, shape in enumerate(shapes, start=1)
    ]  # fmt: skip
    categories = [{"id": 1, "name": "date", "supercategory": "nut"}, {"id": 2, "name": "fig"}]
    content = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
    return [write_json(root / "annotations" / "instances_train.json", content)]


def write_yolo(root):
    files = [root / "data.yaml"]
    files[0].write_text(yaml.safe_dump({"path": ".", "train": "images/train", "names": ["date", "fig"]}))
    for name in ("a", "b"):
        write_image(root / "images" / "train" / f"{name}.png")
        files.append(root / "labels" / "train" / f"{name}.txt")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        files[-1].write_text(
            "0 0.2 0.2 0.5 0.2 0.5 0.7\n1 0.1 0.1 0.3 0.1 0.3 0.4 0.1 0.4\n0 0.5 0.5 0.2 0.2\n"
        )
    return files


def via_regions():
    xs, ys = SQUARE[::2], SQUARE[1::2]
    shapes = [
        {"name": "polygon", "all_points_x": xs, "all_points_y": ys},
        {"name": "rect", "x": 1, "y": 2, "width": 8, "height": 5},
        {"name": "circle", "cx": 20, "cy": 15, "r": 6},
        {"name": "ellipse", "cx": 20, "cy": 15, "rx": 6, "ry": 3, "theta": 0.5},
    ]
    return [{"shape_attributes": shape, "region_attributes": {"kind": "date"}} for shape in shapes]


def write_via(root):
    for name in ("a.png", "b.png"):
        write_image(root / name)
    files = {
        f"{name}100": {"filename": name, "size": 100, "regions": via_regions(), "file_attributes": {}}
        for name in ("a.png", "b.png")
    }
    return [write_json(root / "via_region_data.json", files)]


def write_via_table(root):
    write_image(root / "a.png")
    lines = [
        "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes"
    ]
    for number, region in enumerate(via_regions()):
        cells = [
            json.dumps(region[key]).replace('"', '""') for key in ("shape_attributes", "region_attributes")
        ]
        lines.append(f'a.png,100,"{{}}",4,{number},"{cells[0]}","{cells[1]}"')
    path = root / "via_region_data.csv"
    path.write_text("\n".join(lines))
    return [path]


def write_labelme(root):
    files = []
    for name in ("a", "b"):
        write_image(root / f"{name}.png")
        points = [SQUARE[place : place + 2] for place in range(0, len(SQUARE), 2)]
        kinds = {"polygon": points, "rectangle": [[1, 2], [9, 7]], "circle": [[20, 15], [26, 15]]}
        shapes = [
            {"label": "date", "points": points, "group_id": None, "shape_type": kind, "flags": {}}
            for kind, points in kinds.items()
        ]
        content = {"version": "5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.png",
                   "imageData": None, "imageHeight": HEIGHT, "imageWidth": WIDTH}  # fmt: skip
        files.append(write_json(root / f"{name}.json", content))
    return files


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def numbered():
    """Pixels of a label map of two instances."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[10:20, 10:20], pixels[2:6, 30:38] = 1, 2
    return pixels


def write_openimages(root):
    folder = root / "train" / "fig"
    write_image(folder / "0123456789abcdef.png")
    crowds = folder / "crowds" / "0123456789abcdef.csv"
    crowds.parent.mkdir()
    crowds.write_text("XMin,XMax,YMin,YMax\n0.1,0.4,0.2,0.6\n0.5,0.9,0.5,0.9\n")
    name = "0123456789abcdef_m05zsy_0a1b2c3d.png"
    return [save(folder / "masks" / name, (numbered() == 1) * np.uint8(255)), crowds]


def write_masks(root):
    write_image(root / "train" / "a.png")
    return [save(root / "train" / "masks" / f"a_{i}.png", (numbered() == i) * np.uint8(255)) for i in (1, 2)]


def write_nuclei(root):
    write_image(root / "train" / "a" / "images" / "a.png")
    folder = root / "train" / "a" / "masks"
    return [save(folder / f"{i}.png", (numbered() == i) * np.uint8(255)) for i in (1, 2)]


def write_label_maps(root):
    write_image(root / "images" / "a.png")
    return [save(root / "label_maps" / "a.png", numbered())]


def write_voc(root):
    write_image(root / "JPEGImages" / "a.jpg")
    listed = root / "ImageSets" / "Segmentation" / "train.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("a\n")
    files = [listed]
    for kind in ("Object", "Class"):
        image = Image.frombytes("P", (WIDTH, HEIGHT), numbered().tobytes())
        image.putpalette([value for number in range(256) for value in (number, 0, 0)])
        files.append(root / f"Segmentation{kind}" / "a.png")
        files[-1].parent.mkdir()
        image.save(files[-1])
    return files


SETS = {
    "openimages": write_openimages,
    "masks": write_masks,
    "nuclei": write_nuclei,
    "label_maps": write_label_maps,
    "voc": write_voc,
    "coco": write_coco,
    "yolo": write_yolo,
    "via": write_via,
    "via_table": write_via_table,
    "labelme": write_labelme,
}
LAYOUTS = {"via_table": "via"}


def use(name, root):
    """Open one of SETS in a folder, load all masks, and scan all images."""
    warnings.simplefilter("ignore", DatasetWarning)
    kind = find_format(LAYOUTS.get(name, name))
    assert kind.recognises(root) in (True, False)
    dataset = kind()
    dataset.load_split(root, "train" if kind.splits(root) else None)
    dataset.prepare()
    faults = []
    for image_id in dataset.image_ids:
        try:
            masks, class_ids = dataset.load_mask(image_id)
        except (DatasetError, ImageError) as error:
            faults.append(error)
        else:
            assert masks.dtype == bool and masks.shape[2] == len(class_ids)
            assert all(0 < abs(class_id) < dataset.num_classes for class_id in class_ids)
        scanned = look(dataset, image_id)
        assert bool(faults) <= bool(
            [kind for kind, _, _ in scanned.faults if kind not in ("empty", "beyond")] or 1
        )
    if faults:
        raise faults[0]
