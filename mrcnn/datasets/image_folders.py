"""A folder an image, with a folder of mask files in it: the layout of the nuclei of microscopes."""

from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import split_folder
from mrcnn.datasets.images import read_mask
from mrcnn.datasets.scan import add_mask_files, scan_file

SOURCE = "nuclei"


class ImageFolders(Dataset):
    """One folder an image: ``<split>/<id>/images/<id>.png`` with its instances in ``<id>/masks/*.png``.

    All instances are of one class.
    """

    def load_split(self, root, split, classes):
        """Index the images of one split; call prepare() afterwards.

        root, split: as for every format. classes: the name of the one class, in a list.
        Raises DatasetError for more classes than one, and where there is no image.
        """
        if len(classes) != 1:
            raise DatasetError(
                f"A data set with a folder an image has one class, but {len(classes)} are named: "
                f"{', '.join(classes)}."
            )
        self.add_class(SOURCE, 1, classes[0])
        for folder in sorted(split_folder(Path(root), split).iterdir()):
            for path in sorted((folder / "images").glob("*.png")):
                self.add_image(SOURCE, folder.name, str(path), masks=folder / "masks")
        if not self.image_info:
            raise DatasetError(f"{root}: no <id>/images/*.png in the split {split!r}.")

    @classmethod
    def recognises(cls, root):
        """Whether a folder of a split holds both images/ and masks/, the image named as the folder."""
        return any(
            (folder / "images" / f"{folder.name}.png").is_file() and (folder / "masks").is_dir()
            for folder in Path(root).glob("*/*")
        )

    def load_mask(self, image_id):
        """Masks [H, W, N] bool and class ids [N] int32."""
        masks = [read_mask(path) for path in sorted(self.image_info[image_id]["masks"].glob("*.png"))]
        masks = [mask for mask in masks if mask.any()]
        if not masks:
            return super().load_mask(image_id)
        return np.stack(masks, axis=-1), np.ones(len(masks), np.int32)

    def scan(self, image_id):
        """What the check has to know, from the image's ends and the masks' boxes."""
        found = scan_file(self, image_id)
        if found.size:
            files = sorted(self.image_info[image_id]["masks"].glob("*.png"))
            add_mask_files(found, [(1, path) for path in files], rescaled=False)
        return found
