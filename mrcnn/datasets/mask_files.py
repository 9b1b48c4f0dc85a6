"""Mask files, one per instance: their names and their allowed shapes."""

import re

# The form of a name, for messages.
NAME_FORM = "<ImageID>_<MID>_<BoxID>.png"


def name_pattern(image_id=".+", flags=re.IGNORECASE):
    """Return the pattern of a mask file's name, with the groups image, mid and box.

    The MID is Open Images' id of the class without its slashes: ``m05zsy`` for ``/m/05zsy``. Both image
    ids and MIDs may contain underscores, so only a stricter pattern of image ids separates them reliably.
    """
    class_and_box = r"(?P<mid>m[0-9a-z_]{1,32}?)_(?P<box>[0-9a-f]{1,64})"
    return re.compile(rf"(?P<image>{image_id})_{class_and_box}\.png", flags)


NAME = name_pattern()


def is_same_shape(mask, image):
    """Return whether a mask's (height, width) is its image's at another scale.

    One side of the mask may differ by one percent, or by one pixel from rounding. The pixel matters for small
    masks, where it is more than a percent, and for either side: a photograph of 100 x 1000 at a tenth of its
    size may be 10 x 96, because a width of 9.6 is rounded to 10.
    """
    return any(_is_near(mask[side], mask[1 - side] * image[side] / image[1 - side]) for side in (0, 1))


def _is_near(length, expected):
    return abs(length - expected) <= max(0.01 * expected, 1)
