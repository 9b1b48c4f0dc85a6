"""Sheets of a data set: images and masks as stored, as training sees them, and under every preset."""

import itertools
import warnings
from pathlib import Path

from mrcnn.datasets import sheets
from mrcnn.datasets.errors import DatasetWarning
from mrcnn.datasets.spread import evenly
from mrcnn.datasets.tiled import tiled
from mrcnn.drawing import random_colors
from mrcnn.pipeline.loading import load_example

COUNT = 24
_COLUMNS, _CELL = 6, 275  # pixels per cell
_NAMED = 40  # classes above a sheet
_LETTERS = 24  # of an image's name in a caption


def write_sheet(datasets, report, path, count=COUNT):
    """Write a PNG of up to ``count`` images with the masks used in training; return their number.

    datasets: a dict of split to Dataset. report: the result of check.check, or None. Up to half of the
    pictures show images with findings, with the fault as caption; the others are spread evenly over the
    splits. Unreadable images are left out.
    """
    findings = report.findings if report else ()
    pictures = []
    for split, image_id in _choose(datasets, findings, count):
        faults = [finding.label for finding in findings if (split, image_id) in finding.images]
        pictures += _load(split, datasets[split], image_id, ", ".join(faults))
    write_pictures(path, pictures, _legend(next(iter(datasets.values())).class_names[1:]))
    return len(pictures)


def _legend(names):
    """Return what stands above a sheet: the classes with their colours, or the one class without."""
    if len(names) == 1:
        return [(f"class: {names[0]}", None)]
    more = [(f"and {len(names) - _NAMED} more classes", None)] if len(names) > _NAMED else []
    return [*zip(names[:_NAMED], random_colors(len(names))), *more]


def write_preview(dataset, config, path, count=COUNT, skip_bad=False):
    """Write a PNG of the first ``count`` images of a run with their masks; return the number of images.

    dataset: the training split. A run with this config gets exactly these images in this order; if the
    data set has fewer images, they repeat with new augmentation.
    Raises ImageError for an unreadable file (unless skip_bad).
    """
    pictures = seen_in_training(dataset, config, count, skip_bad)
    write_pictures(path, pictures)
    return len(pictures)


def seen_in_training(dataset, config, count=COUNT, skip_bad=False):
    """Return the Pictures of write_preview."""
    from mrcnn.pipeline.loader import Loader  # imports Keras, which the other sheet does not need

    loader = Loader(tiled(dataset, config), config, augmentation=config.AUGMENTATION, skip_bad=skip_bad)
    return [_seen(loader, position) for position in range(count)]


def write_presets(dataset, config, path, skip_bad=False):
    """Write a PNG of the first images of a run under each preset of AUGMENTATION; return the presets' names.

    Each row shows the same images under one preset, the one named above each picture. If the config's own
    AUGMENTATION is no preset, it is the last row, "this config". Raises ImageError as write_preview does.
    """
    from mrcnn.pipeline.augment import PRESETS
    from mrcnn.pipeline.loader import Loader

    presets = {name: name for name in PRESETS}
    if config.AUGMENTATION is not None and config.AUGMENTATION not in presets.values():
        presets["this config"] = config.AUGMENTATION
    pictures, dataset = [], tiled(dataset, config)
    for name, preset in presets.items():
        loader = Loader(dataset, config, augmentation=preset, skip_bad=skip_bad)
        pictures += [_seen(loader, position, name) for position in range(_COLUMNS)]
    write_pictures(path, pictures)
    return list(presets)


def _seen(loader, position, preset=""):
    """Return the Picture of an image as training sees it, named after a preset if one is given."""
    image_id, image, class_ids, masks = loader.example(position)
    crowds = int((class_ids < 0).sum())
    masks = masks[:, :, class_ids > 0]
    words = [f"{crowds} crowd{'s'[: crowds != 1]}"] if crowds else []
    return sheets.picture(image, masks, _caption(loader.dataset, image_id, masks, *words), preset)


def write_pictures(path, pictures, legend=()):
    """Draw pictures on a sheet of up to six columns, narrower for fewer pictures, and write it as PNG.

    legend: as for sheets.draw.
    """
    columns = max(1, min(_COLUMNS, len(pictures)))
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheets.save(sheets.draw(pictures, columns, columns * _CELL, legend), path)


def _choose(datasets, findings, count):
    """Return the (split, image_id) of the images to show, by split."""
    # Take turns, so that every finding is represented.
    turns = itertools.zip_longest(*(evenly(finding.images, count) for finding in findings))
    faulty = list(dict.fromkeys(place for turn in turns for place in turn if place is not None))
    places = [(split, int(i)) for split, dataset in datasets.items() for i in dataset.image_ids]
    chosen = set(faulty[: count // 2])
    chosen |= set(evenly([place for place in places if place not in chosen], count - len(chosen)))
    return [place for place in places if place in chosen]


def _load(split, dataset, image_id, fault):
    """Return a list with the Picture of an image; empty if the image or a mask is unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)  # the findings report masks that are left out
            image, masks, class_ids = load_example(dataset, image_id)
    except (ValueError, OSError):
        return []
    colors = None
    if dataset.num_classes > 2:
        of_class = random_colors(dataset.num_classes - 1)
        colors = [of_class[abs(class_id) - 1] for class_id in class_ids]
    return [sheets.picture(image, masks, _caption(dataset, image_id, masks, split), fault, colors=colors)]


def _caption(dataset, image_id, masks, *words):
    """Return the line above an image: some words, its name and its number of masks."""
    name = str(dataset.image_info[image_id]["id"])
    name = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
    count = masks.shape[2] if masks.size else 0
    return "  ".join([*words, name, "1 mask" if count == 1 else f"{count} masks"])
