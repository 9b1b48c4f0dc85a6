"""The data check: describe a data set before training and find faults that would spoil it.

Thousands of images take seconds if the format has a fast ``scan``: photographs are not decoded, masks are
decoded only for their boxes, and only files of equal length are compared by content. Damage in the middle of
a photograph is not found.
"""

from dataclasses import dataclass

from tqdm import tqdm

from mrcnn.datasets import findings, table
from mrcnn.datasets.scan import look


@dataclass(frozen=True)
class Report:
    """The result. table: a dict from row to its texts, one per split. findings: fatal ones first."""

    splits: tuple
    table: dict
    findings: tuple

    @property
    def fatal(self):
        """Return whether a finding is fatal."""
        return any(finding.fatal for finding in self.findings)

    def lines(self, shown=findings.SHOWN):
        """Return the table and the findings as lines of text. shown: files named per finding; None: all."""
        found = [line for finding in self.findings for line in finding.lines(shown)]
        return table.lines(self.splits, self.table) + found


def check(datasets, config, skip_bad=False, progress=True):
    """Check the splits of a data set.

    datasets: a dict from split ("train", "val", "test") to prepared Dataset. config: determines the scale of
    images, the anchors and MAX_GT_INSTANCES. skip_bad: training skips unreadable images, so they are not
    fatal. progress: show a progress bar on a terminal. Returns a Report.
    """
    scanned = {split: [] for split in datasets}
    total = sum(len(dataset.image_ids) for dataset in datasets.values())
    with tqdm(total=total, desc="check", unit="image", disable=None if progress else True) as bar:
        for split, dataset in datasets.items():
            for image_id in dataset.image_ids:
                scanned[split].append(look(dataset, image_id))
                bar.update(1)
    class_names = {split: dataset.class_names for split, dataset in datasets.items()}
    left_out = dict.fromkeys(
        fault for dataset in datasets.values() for fault in getattr(dataset, "faults", ())
    )
    found = findings.find_all(scanned, class_names, config, skip_bad, left_out)
    return Report(tuple(datasets), table.make(scanned, class_names, config), tuple(found))
