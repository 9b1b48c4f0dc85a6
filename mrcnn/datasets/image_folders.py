"""One folder per image, with a folder of mask files in it: the layout of the nuclei data set."""

from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import split_folder, splits_in
from mrcnn.datasets.images import read_mask, sizes_of_masks
from mrcnn.datasets.scan import add_mask_files, scan_file

SOURCE = "nuclei"
ONE_CLASS = "object"  # the name of the class if nobody names it


class ImageFolders(Dataset):
    """One folder per image: ``<split>/<id>/images/<id>.png`` with its instances in ``<id>/masks/*.png``.

    All instances are of one class.
    """

    title = "a folder an image"
    looks_for = "[<split>/]<id>/images/<id>.png with its instances in <id>/masks/*.png"

    def load_split(self, root, split, classes=None):
        """Index the images of one split; call prepare() afterwards.

        root, split: as for every format. classes: a list with the name of the one class; None calls it
        object.
        Raises DatasetError for more than one class, and if there is no image.
        """
        classes = (ONE_CLASS,) if classes is None else classes
        if len(classes) != 1:
            raise DatasetError(
                f"A data set with one folder per image has one class, but {len(classes)} are given: "
                f"{', '.join(classes)}."
            )
        self.add_class(SOURCE, 1, classes[0])
        for folder in sorted(split_folder(Path(root), split).iterdir()):
            for path in sorted((folder / "images").glob("*.png")):
                self.add_image(SOURCE, folder.name, str(path), masks=folder / "masks")
        if not self.image_info:
            raise DatasetError(f"{root}: no <id>/images/*.png in the split {split!r}.")

    @classmethod
    def splits(cls, root, options=None):
        """Return the splits that have a folder."""
        return splits_in(Path(root))

    @classmethod
    def recognises(cls, root):
        """Return whether a split's folder holds masks/ and images/ with an image of the folder's name."""
        return any(
            (folder / "images" / f"{folder.name}.png").is_file() and (folder / "masks").is_dir()
            for folder in Path(root).glob("*/*")
        )

    def load_mask(self, image_id):
        """Return masks [H, W, N] bool and class ids [N] int32."""
        masks = [read_mask(path) for path in sorted(self.image_info[image_id]["masks"].glob("*.png"))]
        masks = [mask for mask in masks if mask.any()]
        if not masks:
            return super().load_mask(image_id)
        return np.stack(masks, axis=-1), np.ones(len(masks), np.int32)

    def annotated_sizes(self, image_id):
        """Return the (height, width) of the mask files that can be read."""
        return sizes_of_masks(sorted(self.image_info[image_id]["masks"].glob("*.png")))

    def count_instances(self, image_id):
        """Return {1: number of mask files} of an image."""
        return {1: sum(1 for _ in self.image_info[image_id]["masks"].glob("*.png"))}

    def scan(self, image_id):
        """Return the facts that the check needs: the image's bytes at both ends, and the masks' boxes."""
        found = scan_file(self, image_id)
        if found.size:
            files = sorted(self.image_info[image_id]["masks"].glob("*.png"))
            add_mask_files(found, [(1, path) for path in files], rescaled=False)
        return found
