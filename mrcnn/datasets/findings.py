"""The findings of the data check: faults of files, duplicates, absent classes, unsuitable sizes.

Every function here takes the scanned images, a dict from split to a list of scan.Scanned.
"""

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.pipeline.transforms import scale_of

SMALL_SHARE = 0.25  # report instances smaller than the smallest anchor from this share of all instances
SHOWN = 5  # number of files that a finding names

# Faults of files: label, whether it is fatal, its meaning, what to do.
FAULTS = {
    "image": (
        "unreadable", True, "Images that cannot be read",
        "Download them again, or delete them with their masks.",
    ),
    "mask": (
        "unreadable mask", True, "Masks that cannot be read",
        "Download or draw them again, or delete them.",
    ),
    "method": (
        "wrong masks or image", True, "Images whose load_image or load_mask fails or returns something else",
        "Correct the class of the data set; each line says what it must return.",
    ),
    "size": (
        "mask of another size", True, "Masks whose size is not their image's",
        "Save them at their image's size.",
    ),
    "crowd": (
        "crowd is not a box", True, "Rows of crowd files that are not boxes",
        "A row holds XMin,XMax,YMin,YMax from 0 to 1. Correct it or delete it.",
    ),
    "empty": (
        "empty mask", False, "Masks without any pixel, which are left out",
        "Delete them, or draw the instances again.",
    ),
    "shape": (
        "mask of another shape", False,
        "Masks whose proportions are not their image's. They are left out, so their instances are background",
        "Draw them again: they belong to another image, or the image has been cropped or rotated since.",
    ),
    "several": (
        "several instances", True, "Mask files of one instance that hold several",
        "Save a mask file for each instance, or keep label maps apart (LAYOUT: label_maps).",
    ),
    "inverted": (
        "looks inverted", False, "Masks that look inverted: they cover the border and most of the image",
        "Look at them on the sheet; in a mask the instance is white and all else black.",
    ),
    "whole": (
        "covers its image", False, "Masks that cover their whole image",
        "Look at them on the sheet; draw them again unless the instance does fill its image.",
    ),
    "pieces": (
        "many pieces", False,
        "Masks of three or more pieces, alone in their image: one map for several instances?",
        "Look at them on the sheet; each instance needs a mask of its own.",
    ),
    "no_map": (
        "no map", False, "Images without a map of their instances",
        "Draw one, or delete the images: without instances, an image is learned as background.",
    ),
    "stray": (
        "no mask's name", False, "Files among the masks that belong to no image, which are left out",
        "Name a mask <name of its image>_<anything>.png, or move the file elsewhere.",
    ),
    "mid": (
        "another class's MID", False, "Masks whose MID contradicts their folder; the folder counts",
        "Move them to the folder of their class, or rename them.",
    ),
    "twice": (
        "mask twice", False, "Masks that equal another mask of their image",
        "Delete one of each pair.",
    ),
    "outside": (
        "crowd beyond the image", False, "Crowd boxes that reach beyond their image, which are clipped",
        "Check that they belong to this image.",
    ),
    "nowhere": (
        "crowd without area", False, "Crowd boxes without area inside their image, which are left out",
        "Delete them, or draw them again.",
    ),
    "ring": (
        "ring without area", False, "Rings of fewer than three points or without area, which are left out",
        "Delete them, or draw the instances again.",
    ),
    "no_shape": (
        "no outline", False, "Annotations without an outline (a box, a line, a point), which are left out",
        "Draw outlines, or delete them: their instances are learned as background.",
    ),
    "no_image": (
        "image missing", False, "Annotated images that are missing, which are left out",
        "Put the files where the annotations say, or name their folder with --images.",
    ),
    "same_name": (
        "same name", False, "Images that share a name with another one, which are left out",
        "Rename one of each, in its annotations too.",
    ),
    "beyond": (
        "beyond the image", False, "Annotations wholly outside their image, which are left out",
        "Check that they belong to this image.",
    ),
    "no_class": (
        "no class", False, "Annotations without a class, which are left out",
        "Give each a class, or name the attribute that holds it with --class-attribute.",
    ),
    "unlabelled": (
        "not annotated", False, "Images without an annotation file, which are left out",
        "Annotate them, or save a file without shapes if they show nothing.",
    ),
    "foreign": (
        "not an annotation file", False, "JSON files without annotations, which are left out",
        "Move them out of the data set's folder.",
    ),
    "classes": (
        "several classes", False, "Annotations with several classes, which are left out",
        "Leave each one class, or name another attribute with --class-attribute.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A fault of a data set.

    fatal: whether training must not start. label: the finding in two words. text: the finding
    in a sentence. advice: what to do. files: the affected files, each with a detail. images: (split,
    image_id) of the images to show.
    """

    fatal: bool
    label: str
    text: str
    advice: str
    files: tuple = ()
    images: tuple = ()

    def lines(self, shown=SHOWN):
        """Return the finding as lines of text. shown: number of files to name; None: all."""
        head = "FATAL " if self.fatal else "note  "
        named = self.files if shown is None else self.files[:shown]
        lines = [f"{head} {self.text}", f"       {self.advice}", *(f"         {file}" for file in named)]
        if len(named) < len(self.files):
            lines.append(f"         and {len(self.files) - len(named)} more")
        return lines


def find_all(scanned, class_names, config, skip_bad=False, left_out=()):
    """Return all findings, fatal ones first.

    class_names: by split and class id. config: determines the scale of images, the anchors and
    MAX_GT_INSTANCES. skip_bad: training skips unreadable images, so they are not fatal.
    left_out: (kind, path, detail) of what the data sets left out themselves.
    """
    found = [
        *_file_faults(scanned, left_out, skip_bad),
        *_turned(scanned),
        *_duplicates(scanned),
        *_absent(scanned, class_names),
        *_too_many(scanned, config.MAX_GT_INSTANCES),
        *_too_small(scanned, config),
    ]
    return sorted(found, key=lambda finding: not finding.fatal)


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


def _duplicates(scanned):
    """Yield findings on images with equal bytes, within and across splits; fatal if train shares one."""
    groups = _equal_files([(split, image) for split, images in scanned.items() for image in images])
    across, within = defaultdict(list), defaultdict(list)
    for group in groups:
        splits = tuple(dict.fromkeys(split for split, _ in group))
        (within if len(splits) == 1 else across)[splits].append(group)
    for splits, found in across.items():
        learned = "train" in splits
        why = "The model is evaluated on images that it was trained on" if learned else "They count twice"
        yield Finding(
            learned,
            f"in {' and '.join(splits)}",
            f"Images in {splits[0]} that are also in {' and '.join(splits[1:])}: {len(found)}. {why}.",
            "Delete one of each, with its masks.",
            *_named(found),
        )
    for (split,), found in within.items():
        yield Finding(
            False,
            "more than once",
            f"Images that are in {split} more than once: {len(found)}. They count that many times.",
            "Delete the copies with their masks.",
            *_named(found),
        )


def _named(groups):
    """Return the files of groups of equal images, one line per group, and their (split, image_id)."""
    files = tuple(" = ".join(image.path for _, image in group) for group in groups)
    return files, tuple((split, image.image_id) for group in groups for split, image in group)


def _equal_files(places):
    """Return groups of (split, image) whose files have equal bytes; only files of equal length are read."""
    by_length, by_content = defaultdict(list), defaultdict(list)
    for split, image in places:
        path = Path(image.path)
        if path.is_file():
            by_length[path.stat().st_size].append((split, image))
    for length, group in by_length.items():
        if length and len(group) > 1:
            for split, image in group:
                digest = hashlib.sha256(Path(image.path).read_bytes()).digest()
                by_content[digest].append((split, image))
    return [group for group in by_content.values() if len(group) > 1]


def _absent(scanned, class_names):
    """Yield findings on classes without an instance in a split."""
    for split, images in scanned.items():
        present = {class_id for image in images for class_id, _, _ in image.instances}
        names = class_names[split]
        absent = [names[i] for i in range(1, len(names)) if i not in present]
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
