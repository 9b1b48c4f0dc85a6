"""A folder an image, with a folder of mask files in it: the layout of the nuclei of microscopes."""

from pathlib import Path

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import read_mask
from mrcnn.datasets.splits import split_folder


class NucleiDataset(Dataset):
    """One folder an image: ``<split>/<id>/images/<id>.png`` with its instances in ``<id>/masks/*.png``."""

    def load_nuclei(self, root, split, name="nucleus"):
        """Index the images of one split; call prepare() afterwards."""
        self.add_class("nuclei", 1, name)
        for folder in sorted(split_folder(Path(root), split).iterdir()):
            for path in sorted((folder / "images").glob("*.png")):
                self.add_image("nuclei", folder.name, str(path), masks=folder / "masks")
        if not self.image_info:
            raise DatasetError(f"{root}: no <id>/images/*.png in the split {split!r}.")

    def load_mask(self, image_id):
        """Masks [H, W, N] bool and class ids [N] int32."""
        masks = [read_mask(path) for path in sorted(self.image_info[image_id]["masks"].glob("*.png"))]
        masks = [mask for mask in masks if mask.any()]
        if not masks:
            return super().load_mask(image_id)
        return np.stack(masks, axis=-1), np.ones(len(masks), np.int32)
