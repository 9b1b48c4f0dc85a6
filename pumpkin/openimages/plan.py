"""The files that a download consists of, independent of how they were found."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field, replace

from mrcnn.http import Facts
from pumpkin.openimages.classes import ObjectClass
from pumpkin.openimages.zipindex import Member


@dataclass(frozen=True)
class Choice:
    """The user's choice. crowds: {split: whether to use its tables of boxes}."""

    classes: tuple[ObjectClass, ...]
    splits: tuple[str, ...]
    limit: int
    seed: int
    crowds: dict
    multi_classes: bool
    labels: bool

    def __post_init__(self):
        folders = Counter(one.plain_folder for one in self.classes)
        classes = tuple(replace(one, twin=folders[one.plain_folder] > 1) for one in self.classes)
        object.__setattr__(self, "classes", classes)

    def class_of(self, mid):
        """Return the ObjectClass with a MID."""
        return next(one for one in self.classes if one.mid == mid)


@dataclass
class ImageFile:
    """An image and the classes (MIDs) for which it was chosen. size, sha256: from a lock file, or None."""

    split: str
    image_id: str
    mids: tuple[str, ...]
    size: int | None = None
    sha256: str | None = None

    @property
    def key(self):
        """(split, image id)."""
        return self.split, self.image_id


@dataclass
class MaskFile:
    """A mask: a member of the zip at path ``shard``."""

    split: str
    shard: str
    image_id: str
    mid: str
    box_id: str
    member: Member

    @property
    def key(self):
        """(split, image id) of its image."""
        return self.split, self.image_id


@dataclass
class Boxes:
    """All boxes of a class in an image, as sorted texts (xmin, xmax, ymin, ymax).

    mask_ids: for each box, the BoxIDs of the masks with the same coordinates.
    """

    boxes: list
    mask_ids: list

    def crowds(self, box_ids):
        """Return the boxes without a mask. box_ids: the BoxIDs of the image's masks."""
        return [box for box, ids in zip(self.boxes, self.mask_ids) if not box_ids.intersection(ids)]


@dataclass
class Plan:
    """All files of a download. boxes: {(split, image id, mid): Boxes}. sources: {path: Facts}.

    missing_sources: paths that the server does not have. refused: {member name: reason} of zip members with
    unexpected names. left_out, missing: the same fields of a lock file. locked: the plan is from a lock file.
    """

    choice: Choice
    images: list[ImageFile] = field(default_factory=list)
    masks: list[MaskFile] = field(default_factory=list)
    boxes: dict = field(default_factory=dict)
    sources: dict[str, Facts] = field(default_factory=dict)
    missing_sources: list[str] = field(default_factory=list)
    refused: dict = field(default_factory=dict)
    left_out: dict = field(default_factory=dict)
    missing: list = field(default_factory=list)
    locked: bool = False


def subset(image_ids, limit, seed):
    """Return the first ``limit`` ids (0: all) in an order that depends only on the seed and on each id."""
    ranked = sorted(image_ids, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest())
    return ranked[:limit] if limit else ranked
