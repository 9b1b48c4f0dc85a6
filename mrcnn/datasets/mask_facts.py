"""What the data check learns from a mask: its box, and whether it looks like a mask of one instance."""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from mrcnn.datasets.images import UNREADABLE, read_mask
from mrcnn.datasets.mask_pixels import is_of_one_value
from mrcnn.pipeline.masks import extract_bboxes

# A mask looks inverted if it has all corners, this share of the image's border, and over half of the image.
BORDER = 0.75
# A mask looks like several instances if it has this many pieces of at least a quarter of its largest one.
PIECES, PIECE = 3, 0.25


@dataclass(frozen=True)
class MaskFacts:
    """The facts about a mask: (height, width), box (y1, x1, y2, x2) or None without a pixel.

    oddity: "inverted" or "whole" if it looks so, see FAULTS, else "". pieces: whether it looks like several
    instances, which is odd only for an image's one mask.
    """

    size: tuple
    box: tuple | None
    oddity: str = ""
    pieces: bool = False


def facts_of(mask):
    """Return the MaskFacts of a mask [H, W] bool."""
    (box,) = extract_bboxes(mask[:, :, None])
    if not box.any():
        return MaskFacts(mask.shape, None)
    return MaskFacts(mask.shape, tuple(int(side) for side in box), _oddity(mask), _has_pieces(mask))


def facts_of_file(path, data, alone):
    """Return the MaskFacts of a mask file. data: its bytes. alone: whether it is its image's one mask.

    Of files of one bit or one value, only the box is found, if nothing else can be odd: this is faster.
    Raises ImageError.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            size = image.height, image.width
            plain = image.mode == "1" or is_of_one_value(image)
            box = image.getbbox() if plain and not alone else None
            if box is not None and box != (0, 0, image.width, image.height):
                return MaskFacts(size, (box[1], box[0], box[3], box[2]))
    except UNREADABLE:
        pass  # read_mask names the fault
    return facts_of(read_mask(path))


def _oddity(mask):
    if mask.all():
        return "whole"
    corners = mask[0, 0] and mask[0, -1] and mask[-1, 0] and mask[-1, -1]
    if not corners or mask.mean() <= 0.5:
        return ""
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    return "inverted" if border.mean() >= BORDER else ""


def _has_pieces(mask):
    count, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = stats[1:count, cv2.CC_STAT_AREA]
    return np.count_nonzero(areas >= PIECE * areas.max()) >= PIECES
