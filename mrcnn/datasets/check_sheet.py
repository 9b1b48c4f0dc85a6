"""The contact sheet of a data set: images with the outlines of their masks, faulty ones among them."""

import itertools
import warnings

import numpy as np

from mrcnn.datasets import sheets
from mrcnn.datasets.errors import DatasetWarning

COUNT = 24


def write_sheet(datasets, report, path, count=COUNT):
    """Write a PNG of up to ``count`` images with the masks that a training sees; returns their number.

    datasets: a dict of split to Dataset. report: of check.check. Up to half of the places go to images that
    findings are about, with the fault as caption, the rest to images spread evenly over the splits.
    Images that cannot be read are left out.
    """
    pictures = []
    for split, image_id in _choose(datasets, report, count):
        faults = [finding.label for finding in report.findings if (split, image_id) in finding.images]
        pictures += _load(split, datasets[split], image_id, ", ".join(faults))
    sheets.write_pictures(path, pictures)
    return len(pictures)


def _choose(datasets, report, count):
    """(split, image_id) of the images to show, by split."""
    # In turns, so that of each finding some are shown.
    turns = itertools.zip_longest(*(_evenly(finding.images, count) for finding in report.findings))
    faulty = list(dict.fromkeys(place for turn in turns for place in turn if place is not None))
    places = [(split, int(i)) for split, dataset in datasets.items() for i in dataset.image_ids]
    chosen = set(faulty[: count // 2])
    chosen |= set(_evenly([place for place in places if place not in chosen], count - len(chosen)))
    return [place for place in places if place in chosen]


def _evenly(items, count):
    """At most ``count`` of some items, evenly spread."""
    if len(items) <= count:
        return items
    return [items[int(k)] for k in (np.arange(count) + 0.5) * (len(items) / count)]


def _load(split, dataset, image_id, fault):
    """A list of the sheets.Picture of an image; empty where the image or a mask is unreadable."""
    try:
        image = dataset.load_image(image_id)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DatasetWarning)  # the findings tell of masks that are left out
            masks, _ = dataset.load_mask(image_id)
    except (ValueError, OSError):
        return []
    name = str(dataset.image_info[image_id]["id"])
    return [sheets.picture(image, masks, sheets.caption(split, name=name, masks=masks), fault)]
