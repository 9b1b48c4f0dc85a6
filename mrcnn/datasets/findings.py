"""The findings of the data check: faults of files, duplicates, absent classes, unsuitable sizes.

Every function here takes the scanned images, a dict from split to a list of scan.Scanned.
"""

from collections import Counter

import numpy as np

from mrcnn.datasets.duplicates import find_copies
from mrcnn.datasets.faults import FAULTS, Finding
from mrcnn.pipeline.transforms import scale_of

SMALL_SHARE = 0.25  # report instances smaller than the smallest anchor from this share of all instances


def find_all(scanned, class_names, config, skip_bad=False, left_out=(), unseen=None):
    """Return all findings, fatal ones last.

    class_names: by split and class id. config: determines the scale of images, the anchors and
    MAX_GT_INSTANCES. skip_bad: training skips unreadable images, so they are not fatal.
    left_out: (kind, path, detail) of what the data sets left out themselves. unseen: for each split of which
    only a sample was scanned, the class ids that its other images show.
    """
    found = [
        *_file_faults(scanned, left_out, skip_bad),
        *_turned(scanned),
        *find_copies(scanned),
        *_absent(scanned, class_names, unseen or {}),
        *_too_many(scanned, config.MAX_GT_INSTANCES),
        *_too_small(scanned, config),
    ]
    return sorted(found, key=lambda finding: finding.fatal)


def warnings_of(texts):
    """Yield a finding on the warnings that a data set gave when it was opened."""
    if texts:
        yield Finding(
            False,
            "warning",
            f"Warnings of the data set: {len(texts)}.",
            "Correct them, or accept them.",
            tuple(texts),
        )


def molded_sides(images, config):
    """Return the sides sqrt(height * width) of all instances' boxes after scaling for the network."""
    return np.array(
        [
            np.sqrt(height * width) * _scale(image.size, config)
            for image in images
            for _, height, width in image.instances
        ]
    )


def _scale(size, config):
    if config.TILE is not None:  # the network sees tiles
        size = [min(side, config.TILE) for side in size]
    return scale_of(
        *size, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE, config.IMAGE_RESIZE_MODE
    )


def _file_faults(scanned, left_out, skip_bad):
    """Yield a finding for each kind of fault in files."""
    for kind, (label, fatal, text, advice) in FAULTS.items():
        hits = [
            (split, image, path, detail)
            for split, images in scanned.items()
            for image in images
            for what, path, detail in image.faults
            if what == kind
        ]
        hits += [(None, None, path, detail) for what, path, detail in left_out if what == kind]
        if hits:
            yield Finding(
                (fatal and not (skip_bad and kind in ("image", "mask"))) or _most(kind, hits, scanned),
                label,
                f"{text}: {len(hits)}.",
                advice,
                tuple(f"{path}: {detail}" if detail else path for _, _, path, detail in hits),
                tuple(dict.fromkeys((split, image.image_id) for split, image, _, _ in hits if image)),
            )


def _most(kind, hits, scanned):
    """Return whether most masks look inverted: then all are, while a few may be close-up views."""
    instances = sum(len(image.instances) for images in scanned.values() for image in images)
    return kind == "inverted" and len(hits) > instances / 2


def _turned(scanned):
    """Yield a finding on the photographs that EXIF turns, and on how each was decided."""
    turned = [(split, image) for split, images in scanned.items() for image in images if image.orientation]
    if not turned:
        return
    ways = Counter((image.orientation.upright, image.orientation.why) for _, image in turned)
    how = [f"{count} {'upright' if up else 'as stored'} ({why})" for (up, why), count in ways.most_common()]
    yield Finding(
        False,
        "turned by EXIF",
        f"Photographs that EXIF turns: {len(turned)}. Used {', '.join(how)}.",
        "Look at some on the sheet: their masks must lie on the objects.",
        tuple(
            f"{image.path}: orientation {image.orientation.number}, "
            f"{'upright' if image.orientation.upright else 'as stored'}"
            for _, image in turned
        ),
        tuple((split, image.image_id) for split, image in turned),
    )


def _absent(scanned, class_names, unseen):
    """Yield findings on classes without an instance in a split."""
    for split, images in scanned.items():
        present = {class_id for image in images for class_id, _, _ in image.instances}
        names = class_names[split]
        absent = [names[i] for i in range(1, len(names)) if i not in present | unseen.get(split, set())]
        if not absent:
            continue
        fatal = split == "train"
        then = "The network cannot learn it" if fatal else "Evaluation cannot measure it"
        yield Finding(
            fatal,
            "absent class",
            f"{split} has no instance of {', '.join(absent)}. {then}.",
            "Add instances, or remove the class from CLASSES.",
        )


def _too_many(scanned, places):
    """Yield a finding on training images with more instances than MAX_GT_INSTANCES."""
    hits = [image for image in scanned.get("train", ()) if len(image.instances) + image.crowds > places]
    if hits:
        yield Finding(
            False,
            "too many",
            f"Images with over {places} instances: {len(hits)}. A random {places} of them are used.",
            f"Raise MAX_GT_INSTANCES, up to {max(len(image.instances) + image.crowds for image in hits)}.",
            tuple(f"{image.path}: {len(image.instances) + image.crowds}" for image in hits),
            tuple(("train", image.image_id) for image in hits),
        )


def _too_small(scanned, config):
    """Yield a finding if many instances are smaller than the smallest anchor."""
    sides, smallest = molded_sides(scanned.get("train", ()), config), min(config.RPN_ANCHOR_SCALES)
    small = np.count_nonzero(sides < smallest)
    if small > SMALL_SHARE * len(sides):
        yield Finding(
            False,
            "too small",
            f"{small / len(sides):.0%} of the instances in train are smaller than the smallest anchor, "
            f"{smallest} px, after images are scaled.",
            "Lower RPN_ANCHOR_SCALES, or raise IMAGE_MIN_SCALE or IMAGE_MAX_DIM.",
        )
