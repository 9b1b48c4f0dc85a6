"""Detect in image files: write pictures, a table, and a record of each image to redraw its picture from."""

from pathlib import Path

import numpy as np

from mrcnn.datasets.images import ImageError, read_image
from mrcnn.detection.results import record_of, result_of, table_lines
from mrcnn.files import write_json
from mrcnn.visualize import detection_sheet, draw_detections, save_figure
from pumpkin.image_files import InputError, picture_paths

SHEET_BYTES = 300_000  # small enough for a README


def detect_files(model, paths, folder, report=print):
    """Detect in each file; write a picture of each and detections.json to a folder.

    report: called with each line of the table. A file that cannot be read is reported and skipped.
    Returns (records, failed): the contents of detections.json, see ``record_of``, and the unreadable paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records, failed = [], []
    report(f"{'image':32} {'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}")
    for path, picture in zip(paths, picture_paths(paths, folder)):
        try:
            image = read_image(path, apply_exif=True)
        except ImageError as error:
            failed.append(path)
            report(f"Skipped: {error}")
            continue
        result = model.detect([image])[0]
        for line in table_lines(path.name, result, model.class_names):
            report(line)
        save_figure(draw_detections(image, result, model.class_names), picture)
        records.append(record_of(path, image, result, model.class_names))
    write_json(folder / "detections.json", records)
    return records, failed


def reload(record):
    """Return the image [H, W, 3] of a record and its result, a dict like that of MaskRCNN.detect."""
    return read_image(Path(record["image"]), apply_exif=True), result_of(record)


def save_sheet(records, class_names, path, count):
    """Write a picture of up to ``count`` images with their detections, chosen evenly from all.

    Raises InputError if there are no records.
    """
    if not records:
        raise InputError("There is no picture for a sheet.")
    chosen = np.unique(np.linspace(0, len(records) - 1, count).round().astype(int))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = detection_sheet([reload(records[i]) for i in chosen], class_names)
    save_figure(sheet, path, max_bytes=SHEET_BYTES)
