"""Folders of hand-made masks: one mask file per instance, named after its image."""

from itertools import islice
from pathlib import Path

from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.class_index import mask_files_of, pictures_of, places_of
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import is_image
from mrcnn.datasets.image_folders import ImageFolders
from mrcnn.datasets.label_maps import LabelMaps
from mrcnn.datasets.mask_files import owner, spellings

_LOOKED_AT = 50  # mask files of a class


class MaskFolders(ClassFolders):
    """Mask files named ``<image>_<anything>``, or standing in a folder named as their image, in ``masks/``.

    They are read like ClassFolders; only the files' names differ from those of a download.
    """

    title = "mask images"
    looks_for = (
        "[<split>/][<class>/]masks/<image>_<anything>.png, with the images beside masks/ or in images/, or "
        "images/<split>/ and masks/<split>/"
    )

    @classmethod
    def recognises(cls, root):
        """Return whether a folder of masks has files named after images beside it."""
        root = Path(root)
        if not root.is_dir() or any(
            kind.recognises(root) for kind in (ClassFolders, ImageFolders, LabelMaps)
        ):
            return False
        for split in cls.splits(root) or [None]:
            try:
                places = places_of(root, split)
            except DatasetError:
                continue
            if any(map(_has_masks, places.values())):
                return True
        return False


def _has_masks(place):
    files = [path for path in islice(mask_files_of(place), _LOOKED_AT) if is_image(path)]
    known = spellings(pictures_of(place)) if files else {}
    return any(owner(path, known)[0] or path.parent.name in known for path in files)
