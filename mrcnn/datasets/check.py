"""A look at a data set before anything is trained on it: what it is like, and what would spoil the training.

Thousands of images take seconds: photographs are not decoded, masks are decoded for their boxes alone, and
only files of equal length are compared by their content. Damage in the middle of a photograph stays unseen.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mrcnn.datasets.scan import scan
from mrcnn.pipeline.transforms import scale_of

SMALL_SHARE = 0.25  # of the instances below the smallest anchor, from which it is told
_HEAD = "(least / median / most)"
SHOWN = 5  # files that a finding names

# Faults of files: a label, is it fatal, what it means, what to do.
FAULTS = {
    "image": (
        "unreadable", True, "Images that cannot be read",
        "Fetch them again, or delete them with their masks.",
    ),
    "mask": (
        "unreadable mask", True, "Masks that cannot be read",
        "Fetch or draw them again, or delete them.",
    ),
    "size": (
        "mask of another size", True, "Masks of another size than their image",
        "Save them at their image's size.",
    ),
    "crowd": (
        "crowd is no box", True, "Rows of crowds that are no boxes",
        "A row holds XMin,XMax,YMin,YMax from 0 to 1; mend or delete it.",
    ),
    "empty": (
        "empty mask", False, "Empty masks, which are left out",
        "Delete them, or draw what they should show.",
    ),
    "shape": (
        "mask of another shape", False,
        "Masks of another shape than their image, which are left out, so that what they show is background",
        "Draw them again: they belong to another image, or it was cropped or turned since.",
    ),
    "twice": (
        "mask twice", False, "Masks that are the same as another one of their image",
        "Delete one of each pair.",
    ),
    "outside": (
        "crowd beyond the image", False, "Crowd boxes that reach beyond their image, which are cut",
        "Check what they were drawn on.",
    ),
    "nowhere": (
        "crowd without area", False, "Crowd boxes without area within their image, which are left out",
        "Delete them, or draw them again.",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """Something that is wrong: fatal where a training would be wrong, too.

    label: in two words. text: what. advice: what to do. files: the files it is about, each with a detail.
    images: (split, image_id) of those that a person may want to see.
    """

    fatal: bool
    label: str
    text: str
    advice: str
    files: tuple = ()
    images: tuple = ()

    def lines(self, shown=SHOWN):
        """The finding as text; ``shown`` files are named, all for None."""
        head = "FATAL " if self.fatal else "note  "
        named = self.files if shown is None else self.files[:shown]
        lines = [f"{head} {self.text}", f"       {self.advice}", *(f"         {file}" for file in named)]
        if len(named) < len(self.files):
            lines.append(f"         and {len(self.files) - len(named)} more")
        return lines


@dataclass(frozen=True)
class Report:
    """What was found. table: a dict of row to its texts, one for each of splits. findings: fatal first."""

    splits: tuple
    table: dict
    findings: tuple

    @property
    def fatal(self):
        """Whether a training on these data would be wrong."""
        return any(finding.fatal for finding in self.findings)

    def lines(self, shown=SHOWN):
        """The table and the findings as lines of text."""
        width = max(len(name) for name in (_HEAD, *self.table)) + 2
        columns = [
            max(len(x) for x in (name, *cells)) + 3 for name, *cells in zip(self.splits, *self.table.values())
        ]
        rows = [(_HEAD, self.splits), *self.table.items()]
        lines = [
            f"{name:{width}}" + "".join(f"{x:>{w}}" for x, w in zip(cells, columns)) for name, cells in rows
        ]
        return lines + [line for finding in self.findings for line in finding.lines(shown)]


def check(datasets, config, skip_bad=False, progress=True):
    """Look through the splits of a data set.

    datasets: a dict of split ("train", "val", "test") to prepared Dataset. config: says how images are
    scaled, the anchors and MAX_GT_INSTANCES. skip_bad: the training passes over unreadable images, so they
    are not fatal. progress: show a bar on a terminal. Returns a Report.
    """
    scanned = {}
    total = sum(len(dataset.image_ids) for dataset in datasets.values())
    with tqdm(total=total, desc="check", unit="image", disable=None if progress else True) as bar:
        for split, dataset in datasets.items():
            scanned[split] = []
            for image_id in dataset.image_ids:
                scanned[split].append(scan(dataset, image_id))
                bar.update(1)
    found = [
        *_file_faults(scanned, skip_bad),
        *_duplicates(scanned),
        *_absent(scanned, datasets),
        *_too_many(scanned, config),
        *_too_small(scanned, config),
    ]
    found.sort(key=lambda finding: not finding.fatal)
    return Report(tuple(datasets), _table(scanned, datasets, config), tuple(found))


# --- Findings ----------------------------------------------------------------------------------------


def _file_faults(scanned, skip_bad):
    """A finding for each kind of fault that a file has."""
    for kind, (label, fatal, text, advice) in FAULTS.items():
        hits = [
            (split, image, path, detail)
            for split, images in scanned.items()
            for image in images
            for what, path, detail in image.faults
            if what == kind
        ]
        if hits:
            yield Finding(
                fatal and not (skip_bad and kind in ("image", "mask")),
                label,
                f"{text}: {len(hits)}.",
                advice,
                tuple(f"{path}: {detail}" if detail else path for _, _, path, detail in hits),
                tuple(dict.fromkeys((split, image.image_id) for split, image, _, _ in hits)),
            )


def _duplicates(scanned):
    """Photographs with the same bytes: within a split, and fatal where one of them is learned from."""
    groups = _equal_files([(split, image) for split, images in scanned.items() for image in images])
    across, within = defaultdict(list), defaultdict(list)
    for group in groups:
        splits = tuple(dict.fromkeys(split for split, _ in group))
        (within if len(splits) == 1 else across)[splits].append(group)
    for splits, found in across.items():
        learned = "train" in splits
        why = "so that learning by heart is measured" if learned else "which counts them twice"
        yield Finding(
            learned,
            f"in {' and '.join(splits)}",
            f"Images in {splits[0]} that are also in {' and '.join(splits[1:])}, {why}: {len(found)}.",
            "Delete one of each, with its masks.",
            *_named(found),
        )
    for (split,), found in within.items():
        yield Finding(
            False,
            "more than once",
            f"Images that are in {split} more than once: {len(found)}.",
            "They count so many times; delete the copies with their masks.",
            *_named(found),
        )


def _named(groups):
    """Files of groups of equal ones, a line each, and their places."""
    files = tuple(" = ".join(image.path for _, image in group) for group in groups)
    return files, tuple((split, image.image_id) for group in groups for split, image in group)


def _equal_files(places):
    """Groups of (split, image) whose files have the same bytes; only files of equal length are read."""
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


def _absent(scanned, datasets):
    """Splits without instances, and classes without any in a split."""
    for split, images in scanned.items():
        present = {class_id for image in images for class_id, _, _ in image.instances}
        names = datasets[split].class_names
        absent = [names[i] for i in range(1, len(names)) if i not in present]
        if not absent:
            continue
        fatal = split == "train"
        what = f"{split} has no instance of {', '.join(absent)}"
        then = "and what is not shown cannot be learned." if fatal else "so that nothing is measured of it."
        yield Finding(fatal, "absent class", f"{what}, {then}", "Add some, or take it out of CLASSES.")


def _too_many(scanned, config):
    """Images of the training with more instances than fit."""
    places = config.MAX_GT_INSTANCES
    hits = [image for image in scanned.get("train", ()) if len(image.instances) + image.crowds > places]
    if hits:
        yield Finding(
            False,
            "too many",
            f"Images with over {places} instances, of which a random choice is learned: {len(hits)}.",
            f"Raise MAX_GT_INSTANCES, up to {max(len(image.instances) + image.crowds for image in hits)}.",
            tuple(f"{image.path}: {len(image.instances) + image.crowds}" for image in hits),
            tuple(("train", image.image_id) for image in hits),
        )


def _too_small(scanned, config):
    """Many instances that are smaller than the smallest anchor."""
    images = scanned.get("train", ())
    sides, smallest = _molded_sides(images, config), min(config.RPN_ANCHOR_SCALES)
    small = np.count_nonzero(sides < smallest)
    if small > SMALL_SHARE * len(sides):
        yield Finding(
            False,
            "too small",
            f"{small / len(sides):.0%} of the instances in train are smaller than the smallest anchor, "
            f"{smallest} px, once images are scaled.",
            "Lower RPN_ANCHOR_SCALES, or raise IMAGE_MIN_SCALE or IMAGE_MAX_DIM.",
        )


# --- The table ---------------------------------------------------------------------------------------


def _table(scanned, datasets, config):
    """Rows of texts, one for each split."""
    columns = [_column(images, datasets[split], config) for split, images in scanned.items()]
    names = list(dict.fromkeys(name for column in columns for name in column))
    return {name: [column.get(name, "0") for column in columns] for name in names}


def _column(images, dataset, config):
    readable = [image for image in images if image.size]
    counts = [len(image.instances) for image in readable]
    sides = np.array([np.sqrt(h * w) for image in readable for _, h, w in image.instances])
    molded, smallest = _molded_sides(images, config), min(config.RPN_ANCHOR_SCALES)
    column = {
        "images": str(len(images)),
        "  without instances": str(counts.count(0)),
        "  height, px": _spread(image.size[0] for image in readable),
        "  width, px": _spread(image.size[1] for image in readable),
        "instances": str(sum(counts)),
    }
    if len(dataset.class_names) > 2:
        class_ids = [class_id for image in readable for class_id, _, _ in image.instances]
        for class_id, name in enumerate(dataset.class_names[1:], start=1):
            column[f"  {name}"] = str(class_ids.count(class_id))
    if any(image.crowds for image in readable):
        column["  and crowds"] = str(sum(image.crowds for image in readable))
    column |= {
        "  an image": _spread(counts),
        "  side, px": _spread(sides),
        "  side when scaled, px": _spread(molded),
        f"  below {smallest} px, the smallest anchor": _share(molded < smallest),
    }
    return column


def _molded_sides(images, config):
    """The sides sqrt(height * width) of all instances' boxes once their image is scaled for the network."""
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


def _spread(values):
    """The smallest, median and largest of some numbers."""
    values = np.array(list(values))
    if not len(values):
        return "-"
    low, middle, high = (f"{value:.0f}" for value in (values.min(), np.median(values), values.max()))
    return low if low == high else f"{low} / {middle} / {high}"


def _share(flags):
    return f"{flags.mean():.0%}" if len(flags) else "-"
