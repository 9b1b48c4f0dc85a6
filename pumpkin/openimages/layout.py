"""File names in a data set's folder: oidv6's layout, with masks and crowds beside the images.

``<split>/<class>/<ImageID>.jpg``, ``.../masks/<ImageID>_<MID>_<BoxID>.png``, ``.../crowds/<ImageID>.csv``,
``.../labels/<ImageID>.txt``. With ``multi_classes`` all classes share ``multidata/<split>/``, and images,
labels and crowds are named ``<class>_<ImageID>``.
"""

import os
import re
from pathlib import Path

from mrcnn.datasets.mask_files import name_pattern
from pumpkin.openimages import catalog

IMAGE_ID = re.compile(r"[0-9a-f]{16}")
MASK_NAME = name_pattern(IMAGE_ID.pattern, flags=0)
_STEM = rf"(.+_)?{IMAGE_ID.pattern}"  # with the class before it if classes share a folder
_OF_IMAGES = re.compile(rf"{_STEM}\.jpg|masks/{MASK_NAME.pattern}|crowds/{_STEM}\.csv|labels/{_STEM}\.txt")
_OF_METADATA = re.compile(
    r"class-descriptions-boxable\.csv|classes-segmentation\.txt"
    r"|(index/[a-z]+-masks-[0-9a-f]|rows/[a-z]+-(boxes|masks|authors)\.csv)\.json"
)
_SUFFIXES = (".jpg", ".jpeg", ".png", ".csv", ".txt")  # of the files that training reads
CROWDS_HEADER = "XMin,XMax,YMin,YMax"


class Layout:
    """The paths of one data set. root: its folder. multi_classes: all classes share one folder per split."""

    def __init__(self, root, multi_classes=False):
        self.root, self.multi_classes = Path(root), multi_classes

    def folder(self, split, object_class):
        """Return the folder of a class's images."""
        if self.multi_classes:
            return self.root / "multidata" / split
        return self.root / split / object_class.folder

    def image(self, split, object_class, image_id):
        """Return the path of an image."""
        return self.folder(split, object_class) / f"{self._stem(object_class, image_id)}.jpg"

    def mask(self, split, object_class, name):
        """Return the path of a mask. name: its file name in the zip."""
        return self.folder(split, object_class) / "masks" / name

    def crowds(self, split, object_class, image_id):
        """Return the path of an image's crowds file."""
        return self.folder(split, object_class) / "crowds" / f"{self._stem(object_class, image_id)}.csv"

    def labels(self, split, object_class, image_id):
        """Return the path of an image's labels file."""
        return self.folder(split, object_class) / "labels" / f"{self._stem(object_class, image_id)}.txt"

    @property
    def metadata(self):
        """The folder of facts about the sources: lists of classes, directories, kept rows."""
        return self.root / "metadata"

    @property
    def manifest(self):
        """The path of manifest.json."""
        return self.root / "manifest.json"

    @property
    def attribution(self):
        """The path of attribution.csv."""
        return self.root / "attribution.csv"

    @property
    def default_lock(self):
        """The default path of the lock file: ``data/pumpkin.lock.json`` for ``data/pumpkin``."""
        root = self.root
        if root.name in ("", ".."):  # only the absolute path has the folder's name
            root = Path(os.path.abspath(root))
        return root.parent / f"{root.name}.lock.json"

    def present(self):
        """Return the images, masks, crowds and labels of all splits and classes that exist in the folder."""
        found = set()
        for pattern in ("*/*/*", "*/*/*/*"):
            for path in self.root.glob(pattern):
                names = path.relative_to(self.root).parts
                hidden = names[0] == self.metadata.name or any(name.startswith(".") for name in names)
                if path.suffix.lower() in _SUFFIXES and not hidden:
                    found.add(path)
        return found

    def owns(self, path):
        """Whether a path has the place and the name of a file that downloads write; tables' rows aside."""
        *folders, name = path.relative_to(self.root).parts
        if not folders:
            return name in (self.manifest.name, self.attribution.name)
        if folders[0] == self.metadata.name:
            return len(folders) < 3 and _OF_METADATA.fullmatch("/".join((*folders[1:], name))) is not None
        if folders[0] not in (*catalog.SPLITS, "multidata") or len(folders) < 2:
            return False
        return _OF_IMAGES.fullmatch("/".join((*folders[2:], name))) is not None

    def _stem(self, object_class, image_id):
        return f"{object_class.folder}_{image_id}" if self.multi_classes else image_id


def crowds_text(boxes):
    """Return the bytes of a crowds file: a header, then a normalised box (xmin, xmax, ymin, ymax) per row."""
    return "".join(f"{line}\n" for line in (CROWDS_HEADER, *(",".join(box) for box in boxes))).encode()


def labels_text(object_class, boxes, width, height):
    """Return the bytes of a labels file as oidv6 writes it: ``pumpkin xmin ymin xmax ymax`` in pixels.

    boxes: normalised (xmin, xmax, ymin, ymax), as texts. width, height: of the image in pixels.
    """
    lines = []
    for box in boxes:
        xmin, xmax, ymin, ymax = map(float, box)
        corners = (xmin * width, ymin * height, xmax * width, ymax * height)
        lines.append(f"{object_class.folder} {' '.join(map(str, corners))}\n")
    return "".join(lines).encode()
