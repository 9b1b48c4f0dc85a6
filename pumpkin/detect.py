"""Detect in image files: write pictures, a table, and a record of each image to redraw its picture from."""

from pathlib import Path

import numpy as np

from mrcnn.datasets.images import ImageError, read_image
from mrcnn.detection import overlay
from mrcnn.detection.molding import detection_mode
from mrcnn.detection.results import record_of, result_of, table_lines
from mrcnn.detection.stream import Found
from mrcnn.files import write_bytes, write_json
from mrcnn.pipeline.transforms import scale_of
from mrcnn.screen import show
from mrcnn.visualize import detection_sheet, save_figure
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
    results = model.detect_stream(
        zip(paths, picture_paths(paths, folder)),
        read=lambda source: read_image(source[0], apply_exif=True),
        finish=lambda found: _written(found, model.class_names),
        catch=(ImageError,),
    )
    try:
        for found, record, lines in results:
            path, _ = found.source
            for line in lines:
                report(line)
            if found.error is not None:
                failed.append(path)
                continue
            records.append(record)
            shrunk += [path.name] if _scale(record, model.config) <= SHRUNK else []
    except BaseException:
        if records:
            write_json(folder / "detections.json", records)
            report(f"Stopped: {folder / 'detections.json'} holds the {len(records)} images done so far")
        raise
    write_json(folder / "detections.json", records)
    if shrunk:
        report(_advice(shrunk, model.config.IMAGE_MAX_DIM))
    return records, failed


def _written(found, class_names):
    """Write the picture of a Found; return it without its image, its record and its lines of the table."""
    path, picture = found.source
    if found.error is not None:
        return found, None, [f"Skipped: {found.error}"]
    drawn = overlay.draw(found.image, found.detections, class_names)
    write_bytes(picture, overlay.encode(drawn), durable=False)
    record = record_of(path, found.image, found.detections, class_names)
    return Found(found.source), record, list(table_lines(path.name, found.detections, class_names))


def _scale(record, config):
    """Return the factor by which the image of a record is resized for the network."""
    return scale_of(
        record["height"], record["width"], config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE,
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
