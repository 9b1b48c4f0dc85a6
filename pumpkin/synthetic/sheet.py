"""Contact sheets: scenes of a data set's folder in justified rows, with the outline of each mask."""

import os
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

OUTLINES = ((64, 224, 255), (255, 64, 200), (120, 255, 60), (255, 255, 255), (90, 120, 255), (255, 240, 70))


def contact_sheet(root, split, count, path, width=1600, row_height=300, gap=6):
    """Write a PNG of the first ``count`` images of ``<root>/<split>/pumpkin`` with outlined masks.

    All rows are ``width`` pixels wide and about ``row_height`` pixels high, with ``gap`` pixels in between.
    Raises ValueError if the folder holds no image.
    """
    folder = Path(root) / split / "pumpkin"
    images = sorted(folder.glob("*.jpg"))[:count]
    if not images:
        raise ValueError(f"{folder} holds no .jpg image; a contact sheet needs at least one.")
    masks = defaultdict(list)
    for mask in sorted((folder / "masks").glob("*.png")):
        masks[mask.name.split("_")[0]].append(mask)
    rows = [_draw_row(row, masks, width, gap) for row in _rows(images, width, row_height)]
    sheet = np.concatenate([np.pad(row, ((0, gap), (0, 0), (0, 0)), constant_values=255) for row in rows])
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    Image.fromarray(sheet[:-gap]).save(part, "PNG")
    os.replace(part, path)


def _rows(images, width, row_height):
    """Split images into rows of (path, width / height) pairs, each about ``width`` wide at ``row_height``."""
    aspects = []
    for path in images:
        with Image.open(path) as image:
            aspects.append(image.width / image.height)
    count = max(1, round(sum(aspects) * row_height / width))
    middles = np.cumsum(aspects) - np.array(aspects) / 2
    rows = np.minimum(count - 1, (middles / sum(aspects) * count).astype(int))
    return [[(images[k], aspects[k]) for k in np.flatnonzero(rows == row)] for row in np.unique(rows)]


def _draw_row(row, masks, width, gap):
    """Draw a row of (path, width / height) pairs: [height, width, 3]."""
    room = width - gap * (len(row) - 1)
    shares = np.array([aspect for _, aspect in row])
    edges = np.rint(np.concatenate([[0], np.cumsum(shares)]) * room / shares.sum()).astype(int)
    height = round(room / shares.sum())
    strip = np.full((height, width, 3), 255, np.uint8)
    for k, (path, _) in enumerate(row):
        left, right = edges[k] + gap * k, edges[k + 1] + gap * k
        strip[:, left:right] = _outlined(path, masks[path.stem], (right - left, height))
    return strip


def _outlined(path, masks, size):
    """Draw an image, resized to ``size`` (width, height), with the outlines of its masks."""
    with Image.open(path) as image:
        picture = np.array(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    for k, name in enumerate(masks):
        with Image.open(name) as mask:
            cover = np.asarray(mask.convert("L").resize(size, Image.Resampling.BILINEAR)) >= 128
        lines, _ = cv2.findContours(cover.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.polylines(picture, lines, True, OUTLINES[k % len(OUTLINES)], 1, cv2.LINE_AA)
    return picture
