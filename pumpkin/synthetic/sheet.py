"""A contact sheet: scenes of a dataset folder in justified rows, with the outline of each mask."""

import os
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

OUTLINES = ((64, 224, 255), (255, 64, 200), (120, 255, 60), (255, 255, 255), (90, 120, 255), (255, 240, 70))


def contact_sheet(root, split, count, path, width=1600, row_height=300, gap=6):
    """Write a PNG of the first ``count`` images of ``<root>/<split>/pumpkin`` with outlined masks.

    Images fill rows of about ``row_height`` pixels that are all ``width`` wide. Raises ValueError where the
    folder holds no image.
    """
    folder = Path(root) / split / "pumpkin"
    images = sorted(folder.glob("*.jpg"))[:count]
    if not images:
        raise ValueError(f"{folder} holds no .jpg image; a contact sheet wants at least one.")
    masks = defaultdict(list)
    for mask in sorted((folder / "masks").glob("*.png")):
        masks[mask.name.split("_")[0]].append(mask)
    rows = [_draw_row(row, masks, width, gap) for row in _rows(images, width, row_height, gap)]
    sheet = np.concatenate([np.pad(row, ((0, gap), (0, 0), (0, 0)), constant_values=255) for row in rows])
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    Image.fromarray(sheet[:-gap]).save(part, "PNG")
    os.replace(part, path)


def _rows(images, width, row_height, gap):
    """Lists of (path, width / height), each list about as long as a row at ``row_height``."""
    rows, row = [], []
    for path in images:
        with Image.open(path) as image:
            row.append((path, image.width / image.height))
        if sum(aspect for _, aspect in row) * row_height + gap * (len(row) - 1) >= width:
            rows.append(row)
            row = []
    return rows + ([row] if row else [])


def _draw_row(row, masks, width, gap):
    """One row [height, width, 3]; a last row that is not full keeps white at its end."""
    aspects = sum(aspect for _, aspect in row)
    height = min(round((width - gap * (len(row) - 1)) / aspects), round(width / 3))
    strip = np.full((height, width, 3), 255, np.uint8)
    left = 0
    for k, (path, aspect) in enumerate(row):
        full = k == len(row) - 1 and aspects * height + gap * (len(row) - 1) > width - len(row)
        right = width if full else min(width, left + round(aspect * height))
        strip[:, left:right] = _outlined(path, masks[path.stem], (right - left, height))
        left = right + gap
    return strip


def _outlined(path, masks, size):
    """An image resized to ``size`` (width, height) with the outlines of its masks."""
    with Image.open(path) as image:
        picture = np.array(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    for k, name in enumerate(masks):
        with Image.open(name) as mask:
            cover = np.asarray(mask.convert("L").resize(size, Image.Resampling.BILINEAR)) >= 128
        lines, _ = cv2.findContours(cover.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.polylines(picture, lines, True, OUTLINES[k % len(OUTLINES)], 1, cv2.LINE_AA)
    return picture
