"""Mask files, one per instance: their names and their allowed shapes."""

import re
from collections import Counter

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
# An ImageID of Open Images, also with the class before it, as downloads of several classes have it.
DOWNLOADED = re.compile(r"(?:.+_)?[0-9a-f]{16}")
_SEPARATORS = "_-. ("  # between the id of an image and the rest of a mask's name
_MID = re.compile(r"m0(?!\d+$)[0-9a-z_]{3,}")  # as Open Images writes them; m01 or mask is none


def name_of(path):
    """Return the match of NAME on a mask file's name, whatever kind of image it is, or None."""
    return NAME.fullmatch(f"{path.stem}.png")


def owner(path, image_ids):
    """Return (image id, MID or "") of a mask file named ``<image id>_<anything>``; (None, "") if none fits.

    image_ids: a dict from each id, and from each in lower case, to the id. The longest id that fits is meant.
    """
    name = name_of(path)
    if name and name["image"] in image_ids:
        return image_ids[name["image"]], name["mid"].lower() if _MID.fullmatch(name["mid"].lower()) else ""
    stem = path.stem
    ends = [len(stem), *(i for i in range(len(stem) - 1, 0, -1) if stem[i] in _SEPARATORS)]
    for text in (stem, stem.lower()):
        for end in ends:
            if text[:end].rstrip(" ") in image_ids:
                return image_ids[text[:end].rstrip(" ")], ""
    return None, ""


def spellings(image_ids):
    """Return the dict that ``owner`` needs: an id that others equal in lower case has only its own."""
    lower = Counter(image_id.lower() for image_id in image_ids)
    found = {image_id.lower(): image_id for image_id in image_ids if lower[image_id.lower()] == 1}
    return {**found, **{image_id: image_id for image_id in image_ids}}


def is_same_shape(mask, image):
    """Return whether a mask's (height, width) is its image's at another scale.

    One side of the mask may differ by one percent, or by one pixel from rounding. The pixel matters for small
    masks, where it is more than a percent, and for either side: a photograph of 100 x 1000 at a tenth of its
    size may be 10 x 96, because a width of 9.6 is rounded to 10.
    """
    return any(_is_near(mask[side], mask[1 - side] * image[side] / image[1 - side]) for side in (0, 1))


def _is_near(length, expected):
    return abs(length - expected) <= max(0.01 * expected, 1)
