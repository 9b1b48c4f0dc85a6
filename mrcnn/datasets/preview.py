"""What a training will see: a sheet of its first images as they come out of augmentation."""

from mrcnn.datasets import sheets
from mrcnn.pipeline.loader import Loader

COUNT = 24


def write_preview(dataset, config, path, count=COUNT, skip_bad=False):
    """Write a PNG of the first ``count`` images of a run with their masks; returns the number of images.

    dataset: the training split. They are the very images of a run with this config, in its order; a data set
    of fewer images is shown pass after pass, each time augmented anew.
    Raises ImageError for an unreadable file (unless skip_bad).
    """
    loader = Loader(dataset, config, augmentation=config.AUGMENTATION, skip_bad=skip_bad)
    pictures = []
    for position in range(count):
        image_id, image, class_ids, masks = loader.example(position)
        name = str(dataset.image_info[image_id]["id"])
        crowds = int((class_ids < 0).sum())
        masks = masks[:, :, class_ids > 0]
        words = [f"{crowds} crowd{'s'[: crowds != 1]}"] if crowds else []
        pictures.append(sheets.picture(image, masks, sheets.caption(*words, name=name, masks=masks)))
    sheets.write_pictures(path, pictures)
    return len(pictures)
