"""Crowd files of a download of Open Images: one box a row, of a region with many instances of a class."""

import csv

import numpy as np

from mrcnn.datasets.errors import DatasetError


def read_crowds(path, shape):
    """Yield the mask [H, W] bool of each row of a crowds file.

    shape: (height, width) of the image. Raises DatasetError for a row that is not a box, and for no CSV.
    """
    for number, row, box in _rows(path):
        if box is None:
            raise DatasetError(f"{path}, line {number}: expected XMin,XMax,YMin,YMax, got {row}.")
        y1, x1, y2, x2 = (round(edge * side) for edge, side in zip(np.clip(box, 0, 1), (*shape, *shape)))
        if y1 < y2 and x1 < x2:
            mask = np.zeros(shape, bool)
            mask[y1:y2, x1:x2] = True
            yield mask


def scan_crowds(found, path):
    """Add the rows of a crowds file to a Scanned."""
    try:
        rows = list(_rows(path))
    except (DatasetError, OSError) as error:
        found.add_fault("crowd", path, error)
        return
    for number, row, box in rows:
        if box is None:
            found.add_fault("crowd", path, f"line {number}: {row}")
            continue
        y1, x1, y2, x2 = np.clip(box, 0, 1)
        if not (y1 < y2 and x1 < x2):
            found.add_fault("nowhere", path, f"line {number}")
            continue
        found.crowds += 1
        if min(box) < 0 or max(box) > 1:
            found.add_fault("outside", path, f"line {number}")


def _rows(path):
    """Yield (line, row, box) of a crowds file. box: (y1, x1, y2, x2) in shares of the image, or None."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    box = [float(row[name]) for name in ("YMin", "XMin", "YMax", "XMax")]
                except (KeyError, TypeError, ValueError):
                    box = [np.nan]
                yield number, _short(row), None if np.isnan(box).any() else box
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text; save the file as UTF-8, or delete it.") from error
    except csv.Error as error:
        raise DatasetError(f"{path}: is no CSV of boxes ({error}); correct it, or delete it.") from error


def _short(row):
    text = str(row)
    return text if len(text) <= 200 else f"{text[:197]}..."
