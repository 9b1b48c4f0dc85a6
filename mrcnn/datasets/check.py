"""The data check: describe a data set before training and find faults that would spoil it.

Thousands of images take seconds if the format has a fast ``scan``: photographs are not decoded, masks are
decoded only for their boxes, and only files of equal length are compared by content. Damage in the middle of
a photograph is not found. Of splits with more than LIMIT images a sample is checked. With several splits,
small versions of the photographs are compared, for which each is decoded roughly.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mrcnn.datasets import findings, table
from mrcnn.datasets.faults import SHOWN
from mrcnn.datasets.scan import depth, look
from mrcnn.datasets.similar import read_thumbnail
from mrcnn.progress_bar import progress_bar

LIMIT = 2000  # images of a split that are checked
_SEED = 0  # of the choice of a sample


@dataclass(frozen=True)
class Report:
    """The result. table: a dict from row to its texts, one per split. findings: fatal ones last.

    sampled: (checked, all) numbers of images by split, of splits that were not checked as a whole.
    """

    splits: tuple
    table: dict
    findings: tuple
    sampled: dict

    @property
    def fatal(self):
        """Return whether a finding is fatal."""
        return any(finding.fatal for finding in self.findings)

    def lines(self, shown=SHOWN):
        """Return the table and the findings as lines of text. shown: files named per finding; None: all."""
        sampled = [
            f"note   Checked {checked:,} of the {count:,} images in {split}, chosen at random (seed {_SEED})."
            for split, (checked, count) in self.sampled.items()
        ]
        found = [line for finding in self.findings for line in finding.lines(shown)]
        return table.lines(self.splits, self.table) + sampled + found


def check(datasets, config, skip_bad=False, progress=True, limit=LIMIT, warned=()):
    """Check the splits of a data set.

    datasets: a dict from split ("train", "val", "test") to prepared Dataset. config: determines the scale of
    images, the anchors and MAX_GT_INSTANCES. skip_bad: training skips unreadable images, so they are not
    fatal. progress: show a progress bar on a terminal. limit: of larger splits, so many images are checked;
    None checks all. warned: texts of warnings that opening the data set gave, which become a note.
    Returns a Report.
    """
    chosen = {split: _choose(dataset, limit) for split, dataset in datasets.items()}
    scanned = {split: [] for split in datasets}
    total = sum(map(len, chosen.values()))
    with progress_bar(total, "check", "image", progress) as bar:
        for split, dataset in datasets.items():
            for image_id in chosen[split]:
                scanned[split].append(_look(dataset, image_id, len(datasets) > 1))
                bar.update(1)
    class_names = {split: dataset.class_names for split, dataset in datasets.items()}
    counts = {split: (len(chosen[split]), len(datasets[split].image_ids)) for split in datasets}
    sampled = {split: (part, whole) for split, (part, whole) in counts.items() if part < whole}
    unseen = {split: _classes_elsewhere(datasets[split], scanned[split]) for split in sampled}
    left_out = dict.fromkeys(
        fault for dataset in datasets.values() for fault in getattr(dataset, "faults", ())
    )
    found = [
        *findings.warnings_of(warned),
        *findings.find_all(scanned, class_names, config, skip_bad, left_out, unseen),
    ]
    return Report(tuple(datasets), table.make(scanned, class_names, config), tuple(found), sampled)


def _choose(dataset, limit):
    """Return the ids of the images to check, in order: all, or a sample that their number decides."""
    if limit is None or len(dataset.image_ids) <= limit:
        return list(dataset.image_ids)
    places = np.random.default_rng(_SEED).choice(len(dataset.image_ids), limit, replace=False)
    return [dataset.image_ids[place] for place in np.sort(places)]


def _look(dataset, image_id, compared):
    found = look(dataset, image_id)
    if compared and found.size and Path(found.path).is_file():
        found.thumbnail = read_thumbnail(found.path)
    return found


def _classes_elsewhere(dataset, scanned):
    """Return the class ids of images that were not scanned; all classes if that would need their masks."""
    whole = getattr(dataset, "whole", dataset)
    if depth(whole, "count_instances") >= depth(whole, "add_image"):  # the base class's, which loads masks
        return set(range(1, dataset.num_classes))
    missing = set(range(1, dataset.num_classes)) - {i for image in scanned for i, _, _ in image.instances}
    found = set()
    for image_id in dataset.image_ids:
        if missing <= found:
            break
        found |= dataset.count_instances(image_id).keys()
    return found
