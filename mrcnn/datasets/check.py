"""A look at a data set before anything is trained on it: what it is like, and what would spoil the training.

Thousands of images take seconds where the format knows a fast ``scan``: photographs are not decoded, masks
are decoded for their boxes alone, and only files of equal length are compared by their content. Damage in the
middle of a photograph stays unseen.
"""

from dataclasses import dataclass

from tqdm import tqdm

from mrcnn.datasets import findings, table
from mrcnn.datasets.scan import look


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

    def lines(self, shown=findings.SHOWN):
        """The table and the findings as text; ``shown`` files of a finding are named, all for None."""
        found = [line for finding in self.findings for line in finding.lines(shown)]
        return table.lines(self.splits, self.table) + found


def check(datasets, config, skip_bad=False, progress=True):
    """Look through the splits of a data set.

    datasets: a dict of split ("train", "val", "test") to prepared Dataset. config: says how images are
    scaled, the anchors and MAX_GT_INSTANCES. skip_bad: the training passes over unreadable images, so they
    are not fatal. progress: show a bar on a terminal. Returns a Report.
    """
    scanned = {split: [] for split in datasets}
    total = sum(len(dataset.image_ids) for dataset in datasets.values())
    with tqdm(total=total, desc="check", unit="image", disable=None if progress else True) as bar:
        for split, dataset in datasets.items():
            for image_id in dataset.image_ids:
                scanned[split].append(look(dataset, image_id))
                bar.update(1)
    class_names = {split: dataset.class_names for split, dataset in datasets.items()}
    found = findings.find_all(scanned, class_names, config, skip_bad)
    return Report(tuple(datasets), table.make(scanned, class_names, config), tuple(found))
