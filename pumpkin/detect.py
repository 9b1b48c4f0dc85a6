"""Detection on files: what to read, what to write, and what is told of it."""

import json
from glob import glob, has_magic
from pathlib import Path

import numpy as np

from mrcnn.evaluation import coco_results
from mrcnn.pipeline.images import ImageError, read_image
from mrcnn.visualize import detection_sheet, draw_detections, save_figure

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif")


class InputError(ValueError):
    """Nothing stands where the user said that images are."""


def find_images(names):
    """The image files of a list of files, folders and patterns, each once, in a stable order.

    Raises InputError for a name that leads to no file.
    """
    found = []
    for name in names:
        path = Path(name)
        if path.is_dir():
            paths = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
        elif path.is_file() or not has_magic(name):
            paths = [path]
        else:
            paths = sorted(p for p in map(Path, glob(name, recursive=True)) if p.is_file())
        if not paths or not (path.is_dir() or has_magic(name) or path.is_file()):
            raise InputError(f"{name}: no image is there.")
        found.extend(paths)
    return list(dict.fromkeys(found))


def picture_paths(paths, folder):
    """A PNG path in a folder for each image; images of one name from different folders stay apart."""
    taken = {path.resolve() for path in paths}  # never the user's own file
    pictures = []
    for path in paths:
        number, picture = 1, folder / f"{path.stem}.png"
        while picture.resolve() in taken:
            number += 1
            picture = folder / f"{path.stem}_{number}.png"
        taken.add(picture.resolve())
        pictures.append(picture)
    return pictures


def detect_files(model, paths, folder, report=print):
    """Detect on each file, write a picture of each and detections.json into a folder.

    report: called with each line of the table. A file that cannot be read is reported and passed over.
    Returns (items, failed): pairs of image and result in the order of paths, and the unreadable paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items, failed, records = [], [], []
    report(f"{'image':32} {'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}")
    for path, picture in zip(paths, picture_paths(paths, folder)):
        try:
            image = read_image(path, apply_exif=True)
        except ImageError as error:
            failed.append(path)
            report(f"Left out: {error}")
            continue
        result = model.detect([image])[0]
        for line in table_lines(path.name, result, model.class_names):
            report(line)
        save_figure(draw_detections(image, result, model.class_names), picture)
        records.append(_record(path, image, result, model.class_names))
        items.append((image, result))
    write_json(folder / "detections.json", records)
    return items, failed


def table_lines(name, result, class_names):
    """A line for each detection; one line says so if there is none."""
    if not len(result["rois"]):
        yield f"{name:32} nothing found"
    for i, box in enumerate(result["rois"]):
        name_of_class = class_names[result["class_ids"][i]]
        corners = " ".join(f"{side:5}" for side in box)
        area = int(result["masks"][:, :, i].sum())
        yield f"{name:32} {name_of_class:16} {result['scores'][i]:5.2f}  {corners} {area:8}"


def save_sheet(items, class_names, path, count):
    """A picture of up to ``count`` images with their detections, spread evenly over all."""
    if not items:
        raise InputError("There is no picture to put on a sheet.")
    chosen = [items[i] for i in np.unique(np.linspace(0, len(items) - 1, count).round().astype(int))]
    path.parent.mkdir(parents=True, exist_ok=True)
    save_figure(detection_sheet(chosen, class_names), path)


def write_json(path, value):
    """Write JSON under a temporary name, then rename it."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)


def _record(path, image, result, class_names):
    found = coco_results(0, result)
    for row, class_id in zip(found, result["class_ids"]):
        del row["image_id"]
        row["class"] = class_names[class_id]
    return {"image": str(path), "height": image.shape[0], "width": image.shape[1], "detections": found}
