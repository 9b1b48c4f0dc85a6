"""Detect in image files: write pictures, a table, and a record of each image to redraw its picture from."""

from pathlib import Path

import numpy as np

from mrcnn.datasets.images import ImageError, read_image
from mrcnn.detection.molding import detection_mode
from mrcnn.detection.results import record_of, result_of, table_lines
from mrcnn.files import write_json
from mrcnn.pipeline.transforms import scale_of
from mrcnn.screen import show
from mrcnn.visualize import detection_sheet, draw_detections, save_figure
from pumpkin.image_files import InputError, picture_paths

SHEET_BYTES = 300_000  # small enough for a README
SHRUNK = 0.25  # factor from which a line says that a photograph was shrunk
NAMED = 3  # photographs that the line names


def detect_files(model, paths, folder, report=show):
    """Detect in each file; write a picture of each and detections.json to a folder.

    report: called with each line of the table. A file that cannot be read is reported and skipped.
    Returns (records, failed): the contents of detections.json, see ``record_of``, and the unreadable paths.
    If an error or Ctrl-C ends it early, detections.json holds what was done until then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records, failed, shrunk = [], [], []
    report(f"{'image':32} {'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}")
    try:
        for path, picture in zip(paths, picture_paths(paths, folder)):
            try:
                image = read_image(path, apply_exif=True)
            except ImageError as error:
                failed.append(path)
                report(f"Skipped: {error}")
                continue
            records.append(_detect_one(model, path, image, picture, report))
            shrunk += [path.name] if _scale(image, model) <= SHRUNK else []
    except BaseException:
        if records:
            write_json(folder / "detections.json", records)
            report(f"Stopped: {folder / 'detections.json'} holds the {len(records)} images done so far")
        raise
    write_json(folder / "detections.json", records)
    if shrunk:
        report(_advice(shrunk, model.config.IMAGE_MAX_DIM))
    return records, failed


def _detect_one(model, path, image, picture, report):
    """Detect in an image; report and draw the result, and return its record."""
    result = model.detect([image])[0]
    for line in table_lines(path.name, result, model.class_names):
        report(line)
    save_figure(draw_detections(image, result, model.class_names), picture)
    return record_of(path, image, result, model.class_names)


def _scale(image, model):
    """Return the factor by which an image is resized for the network."""
    config = model.config
    return scale_of(
        *image.shape[:2], config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE,
        detection_mode(config),
    )  # fmt: skip


def _advice(names, side):
    """Return the line on photographs that lose much detail."""
    named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return (
        f"Note: shrunk to a quarter or less, so that small objects are lost: {named}. Cut photographs into "
        f"parts of about {side} pixels a side (IMAGE_MAX_DIM), and detect in these."
    )


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
