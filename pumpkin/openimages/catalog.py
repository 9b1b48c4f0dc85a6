"""The files of Open Images: names, addresses, sizes.

There are two base addresses, for annotations (class lists, tables, zips of masks) and for images. Mirrors can
replace both. A *path* is an address relative to its base, such as ``v5/train-masks/train-masks-0.zip``. Lock
files and messages use paths, so they do not depend on the mirror.
"""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from pumpkin.openimages.errors import UsageError
from pumpkin.openimages.known_files import KNOWN_FILES

SPLITS = ("train", "validation", "test")
SHARDS = "0123456789abcdef"  # masks are distributed over zips by the first digit of the image id

ANNOTATIONS_URL = "https://storage.googleapis.com/openimages/"
IMAGES_URL = "https://open-images-dataset.s3.amazonaws.com/"
ANNOTATIONS_VARIABLE = "PUMPKIN_OPENIMAGES_URL"
IMAGES_VARIABLE = "PUMPKIN_IMAGES_URL"
S3_VARIABLE = "PUMPKIN_S3_ENDPOINT"

CLASS_NAMES = "v5/class-descriptions-boxable.csv"
CLASSES_WITH_MASKS = "v5/classes-segmentation.txt"

# Mean over the train images, which are scaled to at most 1024 pixels per side (measured by their users).
MEAN_IMAGE_BYTES = 294_000
MEAN_MASK_BYTES = 3_000

LICENCES = {
    "images": "Listed by Open Images as CC BY 2.0 (https://creativecommons.org/licenses/by/2.0/); "
    "check each image's licence and author before publishing it.",
    "annotations": "CC BY 4.0 by Google LLC (https://creativecommons.org/licenses/by/4.0/).",
}
IMAGE_LICENCE, ANNOTATION_LICENCE = "CC BY 2.0", "CC BY 4.0"


def shard_path(split, shard):
    """Return the path of a zip of masks. shard: a digit of SHARDS."""
    return f"v5/{split}-masks/{split}-masks-{shard}.zip"


def boxes_path(split):
    """Return the path of a split's table of boxes."""
    return "v6/oidv6-train-annotations-bbox.csv" if split == "train" else f"v5/{split}-annotations-bbox.csv"


def mask_rows_path(split):
    """Return the path of the table that assigns each mask of a split to a box."""
    return f"v5/{split}-annotations-object-segmentation.csv"


def attribution_path(split):
    """Return the path of a split's table of authors and licences."""
    name = "train-images-boxable-with-rotation" if split == "train" else f"{split}-images-with-rotation"
    return f"2018_04/{split}/{name}.csv"


def image_path(split, image_id):
    """Return the path of an image, relative to the base of images."""
    return f"{split}/{image_id}.jpg"


def known(path):
    """Return (bytes, MD5) of an annotation file as listed in 2020, or (None, None). path: its path."""
    return KNOWN_FILES.get(path.split("/", 1)[1], (None, None))


def paths():
    """Yield the paths of all annotation files that a download may request."""
    yield from (CLASS_NAMES, CLASSES_WITH_MASKS)
    for split in SPLITS:
        yield from (boxes_path(split), mask_rows_path(split), attribution_path(split))
        yield from (shard_path(split, shard) for shard in SHARDS)


@dataclass(frozen=True)
class Bases:
    """Base addresses, each with a slash at the end. s3: endpoint for oidv6's ``aws``; None uses Amazon's."""

    annotations: str
    images: str
    s3: str | None = None

    @classmethod
    def of(cls, annotations=None, images=None, s3=None):
        """Take each address from the argument, else from the environment, else use Open Images' own.

        Raises UsageError for an address that is not http or https.
        """
        environ = os.environ
        return cls(
            _base(annotations or environ.get(ANNOTATIONS_VARIABLE) or ANNOTATIONS_URL),
            _base(images or environ.get(IMAGES_VARIABLE) or IMAGES_URL),
            s3 or environ.get(S3_VARIABLE) or None,
        )

    def file(self, path):
        """Return the address of an annotation file. path: its path."""
        return self.annotations + path

    def image(self, split, image_id):
        """Return the address of an image."""
        return self.images + image_path(split, image_id)


def _base(text):
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise UsageError(f"A base address must start with http:// or https://, got {text!r}.")
    return text.rstrip("/") + "/"
