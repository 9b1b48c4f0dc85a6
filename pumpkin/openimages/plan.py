"""The files of a download: what was chosen, independent of how it was found."""

import hashlib
from dataclasses import dataclass, field

from pumpkin.openimages.classes import ObjectClass
from pumpkin.openimages.http import Facts
from pumpkin.openimages.zipindex import Member


@dataclass(frozen=True)
class Choice:
    """What the user asked for. crowds: {split: whether tables of boxes are used}."""

    classes: tuple[ObjectClass, ...]
    splits: tuple[str, ...]
    limit: int
    seed: int
    crowds: dict
    multi_classes: bool
    labels: bool

    def class_of(self, mid):
        return next(one for one in self.classes if one.mid == mid)


@dataclass
class ImageFile:
    """An image and the classes (MIDs) that it was chosen for. size, sha256: from a lock file, or None."""

    split: str
    image_id: str
    mids: tuple[str, ...]
    size: int | None = None
    sha256: str | None = None

    @property
    def key(self):
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
        return self.split, self.image_id


@dataclass
class Boxes:
    """All boxes of a class in an image, as texts (xmin, xmax, ymin, ymax), sorted.

    mask_ids: for each box the BoxIDs of the masks at these very coordinates.
    """

    boxes: list
    mask_ids: list

    def crowds(self, box_ids):
        """Boxes that none of the masks ``box_ids`` fills."""
        return [box for box, ids in zip(self.boxes, self.mask_ids) if not box_ids.intersection(ids)]


@dataclass
class Plan:
    """All files of a download. boxes: {(split, image id, mid): Boxes}. sources: {path: Facts}.

    missing_sources: paths that the server does not have. refused: {member name: reason}.
    left_out: {path in the data set: reason} that a lock file knows of.
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
    """The first ``limit`` ids (0: all) in an order that depends on the seed and each id alone."""
    ranked = sorted(image_ids, key=lambda one: hashlib.sha256(f"{seed}:{one}".encode()).digest())
    return ranked[:limit] if limit else ranked
