"""What a reader of annotation files returns: classes, images, and annotations as shapes."""

import contextlib
import difflib
import gc
from dataclasses import dataclass, field

from mrcnn.datasets.errors import DatasetError


@dataclass(slots=True)  # not frozen, which takes four times as long to make; there may be a million
class Annotation:
    """One instance. name: of its class. shape: of mrcnn.datasets.shapes. crowd: a region of many instances.

    record: where it stands in its file, for messages, for example "annotation 17".
    """

    name: str
    shape: object
    crowd: bool = False
    record: str = ""


@dataclass(slots=True)
class IndexedImage:
    """One image.

    key: its id in the source. path: of its file. size: (height, width) that the annotations are made for, or
    None if their file does not say. source: the annotation file, for messages and data hashes.
    """

    key: str
    path: str
    annotations: list = field(default_factory=list)
    size: tuple | None = None
    source: str = ""


@dataclass
class Index:
    """The content of one split.

    classes: names in the data's own order. images: IndexedImages in a stable order.
    faults: (kind, path, detail) of what is left out; the kinds are keys of faults.FAULTS.
    unnamed: whether the data have one class without a name of its own, so that CLASSES may rename it.
    """

    classes: list
    images: list
    faults: list = field(default_factory=list)
    unnamed: bool = False

    def require(self, names, root):
        """Raise DatasetError for a class name that is not here. root: of the data, for the message."""
        for name in names:
            if name not in self.classes:
                close = difflib.get_close_matches(name, self.classes, n=1, cutoff=0.0)
                hint = f" The nearest is {close[0]!r}." if close else ""
                known = ", ".join(self.classes) or "none"
                raise DatasetError(f"{root}: no class {name!r} in these annotations, only {known}.{hint}")


@dataclass(frozen=True)
class Options:
    """What a user may say about annotation files.

    images: folder of the images, if it is not where the format expects it. class_attribute: the attribute
    that holds the class, where a format has several (VIA).
    """

    images: str | None = None
    class_attribute: str | None = None


DEFAULTS = Options()


@contextlib.contextmanager
def without_collection():
    """Hold the garbage collector, which would visit millions of new objects again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
