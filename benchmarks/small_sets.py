"""Small training sets, drawn from a data set, and its images that are kept aside to report on.

They are COCO files, so that any tool reads them.
"""

from pathlib import Path

import numpy as np

from mrcnn.datasets import set_aside
from mrcnn.datasets.convert import convert
from mrcnn.datasets.formats import find_format, open_dataset
from mrcnn.datasets.recognition import recognise
from mrcnn.datasets.subset import Subset

ASIDE = 1 / 3  # share of the images of a data set without splits
ASIDE_SEED = 0  # the same images are kept aside whatever the seed of a training


def pools(source, split="val"):
    """Return the images to draw from and those kept aside, as two data sets.

    source: a data set in any format. split: the one that is kept aside, if the data have splits.
    """
    layout = recognise(source)[0]
    splits = find_format(layout).splits(Path(source)) or []
    if split in splits:
        return open_dataset(layout, source, "train"), open_dataset(layout, source, split)
    whole = open_dataset(layout, source, "train" if "train" in splits else None)
    return set_aside.apply(whole, set_aside.choose(whole, ASIDE, ASIDE_SEED, progress=False))


def draw(folder, source, size, seed, split="val"):
    """Write a data set of ``size`` images, drawn by a seed, and return the number it has.

    The folder gets two data sets: ``train``, and ``aside`` with all images that are kept aside. size: a
    number of images, or None for all. A larger set of the same seed contains the smaller ones.
    """
    pool, aside = pools(source, split)
    order = np.random.default_rng([seed, 20]).permutation(len(pool.image_ids))
    chosen = sorted(int(image_id) for image_id in order[:size])
    for name, dataset in (("train", Subset(pool, chosen)), ("aside", aside)):
        convert({None: dataset}, "coco", Path(folder) / name, progress=False)
    return len(chosen)
