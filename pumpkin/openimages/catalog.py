"""Where Open Images keeps its files: names, addresses, sizes.

Two bases: annotations (class lists, tables, zips of masks) and images. Both can be replaced by mirrors.
A *path* is an address below its base, for instance ``v5/train-masks/train-masks-0.zip``; lock files and
messages use paths, so that a mirror changes nothing in them.
"""

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from pumpkin.openimages.errors import UsageError
from pumpkin.openimages.known_files import KNOWN_FILES

SPLITS = ("train", "validation", "test")
SHARDS = "0123456789abcdef"  # masks are spread over zips by the first digit of the image id

ANNOTATIONS_URL = "https://storage.googleapis.com/openimages/"
IMAGES_URL = "https://open-images-dataset.s3.amazonaws.com/"
ANNOTATIONS_VARIABLE = "PUMPKIN_OPENIMAGES_URL"
IMAGES_VARIABLE = "PUMPKIN_IMAGES_URL"
S3_VARIABLE = "PUMPKIN_S3_ENDPOINT"

CLASS_NAMES = "v5/class-descriptions-boxable.csv"
CLASSES_WITH_MASKS = "v5/classes-segmentation.txt"

# Mean of the train images, which are scaled to at most 1024 pixels a side (measured by Open Images' users).
MEAN_IMAGE_BYTES = 294_000
MEAN_MASK_BYTES = 3_000

LICENCES = {
    "images": "Listed by Open Images as CC BY 2.0 (https://creativecommons.org/licenses/by/2.0/); "
    "check each image's licence and author before publishing it.",
    "annotations": "CC BY 4.0 by Google LLC (https://creativecommons.org/licenses/by/4.0/).",
}
IMAGE_LICENCE, ANNOTATION_LICENCE = "CC BY 2.0", "CC BY 4.0"


def shard_path(split, shard):
    """Path of a zip of masks."""
    return f"v5/{split}-masks/{split}-masks-{shard}.zip"


def boxes_path(split):
    """Path of the table of boxes."""
    return "v6/oidv6-train-annotations-bbox.csv" if split == "train" else f"v5/{split}-annotations-bbox.csv"


def mask_rows_path(split):
    """Path of the table that says which box each mask belongs to."""
    return f"v5/{split}-annotations-object-segmentation.csv"


def attribution_path(split):
    """Path of the table of authors and licences."""
    name = "train-images-boxable-with-rotation" if split == "train" else f"{split}-images-with-rotation"
    return f"2018_04/{split}/{name}.csv"


def image_path(split, image_id):
    """Path of an image below the images' base."""
    return f"{split}/{image_id}.jpg"


def known(path):
    """(bytes, MD5) of a path of the annotations as listed in 2020, or (None, None)."""
    return KNOWN_FILES.get(path.split("/", 1)[1], (None, None))


def paths():
    """All paths of the annotations that the downloader may ask for."""
    yield from (CLASS_NAMES, CLASSES_WITH_MASKS)
    for split in SPLITS:
        yield from (boxes_path(split), mask_rows_path(split), attribution_path(split))
        yield from (shard_path(split, shard) for shard in SHARDS)


@dataclass(frozen=True)
class Bases:
    """Base addresses, each ending in a slash. s3: the endpoint for oidv6's ``aws``, None for Amazon's."""

    annotations: str
    images: str
    s3: str | None = None

    @classmethod
    def of(cls, annotations=None, images=None, s3=None):
        """From arguments, else from the environment, else Open Images' own. Raises UsageError."""
        environ = os.environ
        return cls(
            _base(annotations or environ.get(ANNOTATIONS_VARIABLE) or ANNOTATIONS_URL),
            _base(images or environ.get(IMAGES_VARIABLE) or IMAGES_URL),
            s3 or environ.get(S3_VARIABLE) or None,
        )

    def file(self, path):
        """Address of a path of the annotations."""
        return self.annotations + path

    def image(self, split, image_id):
        """Address of an image."""
        return self.images + image_path(split, image_id)


def _base(text):
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).hostname:
        raise UsageError(f"A base address must start with http:// or https://, got {text!r}.")
    return text.rstrip("/") + "/"
