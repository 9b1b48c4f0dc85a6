"""The data that a run trains and validates on."""

from dataclasses import dataclass
from typing import Any

from mrcnn.config import ConfigError
from mrcnn.datasets.tiled import tiled
from mrcnn.pipeline.loader import Loader


@dataclass(frozen=True)
class TrainingData:
    """The data sets of a run, and how to read them.

    train, val: prepared Datasets; val may be None. augmentation, plain_sources, skip_bad: as in Loader.
    """

    train: Any
    val: Any = None
    augmentation: Any = None
    plain_sources: tuple = ()
    skip_bad: bool = False

    def check_classes(self, config):
        """Raise ConfigError unless each data set has NUM_CLASSES classes."""
        for dataset in (self.train, self.val):
            if dataset is not None and dataset.num_classes != config.NUM_CLASSES:
                raise ConfigError(
                    f"NUM_CLASSES is {config.NUM_CLASSES}, but the data set has {dataset.num_classes} "
                    f"classes: {', '.join(dataset.class_names)}."
                )

    def loaders(self, config, epoch):
        """Return the Loader for training from ``epoch`` on, and that for validation or None."""
        training = Loader(
            tiled(self.train, config), config, augmentation=self.augmentation,
            plain_sources=self.plain_sources, skip_bad=self.skip_bad, steps=config.STEPS_PER_EPOCH,
            start_epoch=epoch,
        )  # fmt: skip
        if self.val is None or config.VALIDATION_STEPS == 0:
            return training, None
        validation = Loader(
            tiled(self.val, config),
            config,
            shuffle=False,
            skip_bad=self.skip_bad,
            steps=config.VALIDATION_STEPS,
        )
        return training, validation


def report_skipped(loader, purpose, report):
    """Report the images that a Loader skipped, with reasons. purpose: for example "training"."""
    if loader is not None and loader.skipped:
        report(f"Skipped in {purpose}: {len(loader.skipped)} of {len(loader.dataset.image_ids)} images")
        for path in sorted(loader.skipped):
            report(f"  {loader.skipped[path]}")
