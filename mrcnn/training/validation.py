"""Measure COCO AP during training, and stop a run whose epochs no longer improve."""

import time

import keras

from mrcnn.datasets.images import ImageError
from mrcnn.datasets.spread import evenly
from mrcnn.detection.tiling import Tiling
from mrcnn.evaluation import coco
from mrcnn.pipeline.loading import load_masks
from mrcnn.screen import show
from mrcnn.training.averaging import averaged
from mrcnn.training.order import Order
from mrcnn.training.stages import is_due


class MeanAP(keras.callbacks.Callback):
    """Adds COCO AP on a data set to the logs, every ``every`` epochs and after the last.

    It adds val_mask_ap, val_mask_ap50, val_box_ap, val_box_ap50, and ap_seconds. trained: a Trainable, see
    interface. epochs: their number in the whole run. skip_bad: skip unreadable images. images: measure on
    so many, evenly spread; None: on all. The inference network is built at first use.
    """

    order = Order.EVALUATE

    def __init__(self, trained, dataset, every, epochs, skip_bad=False, images=None):
        super().__init__()
        self.trained, self.dataset, self.every, self.epochs = trained, dataset, every, epochs
        self.skip_bad = skip_bad
        self._detector, self._image_ids = None, [int(i) for i in evenly(dataset.image_ids, images)]

    @property
    def count(self):
        """Return the number of images on which AP is measured."""
        return len(self._image_ids)

    def fault(self):
        """Return why AP cannot be measured, or None. It reads masks up to the first instance."""
        if any(map(self._has_instance, self._image_ids)):
            return None
        return f"none of the {len(self._image_ids)} validation images to measure it on holds an instance"

    def on_epoch_end(self, epoch, logs=None):
        if not is_due(epoch + 1, self.every, self.epochs):
            return
        begun = time.monotonic()
        with averaged(self.model):
            scores = self.measure()
        for name, kind in (("mask", "segm"), ("box", "bbox")):
            logs[f"val_{name}_ap"] = scores[kind]["AP"]
            logs[f"val_{name}_ap50"] = scores[kind]["AP50"]
        logs["ap_seconds"] = time.monotonic() - begun

    def _has_instance(self, image_id):
        try:
            return bool((load_masks(self.dataset, image_id)[1] > 0).any())
        except (ImageError, OSError):
            if not self.skip_bad:
                raise
            return False

    def measure(self):
        """Return the scores of coco.evaluate with the current weights."""
        if self._detector is None:
            self._detector = self.trained.for_inference(
                GPU_COUNT=1, DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE
            )
            if self.skip_bad:
                self._image_ids = coco.readable(self.dataset, self._image_ids)
        else:
            self._detector.take_weights(self.trained)
        return coco.evaluate(
            self._detector, self.dataset, self._image_ids, progress=False, kinds=("segm", "bbox"),
            tiling=Tiling.of_training(self.trained.config),
        )  # fmt: skip


class StopEarly(keras.callbacks.Callback):
    """Ends the last stage after ``patience`` consecutive epochs without a new best.

    run: the Run; Checkpoint sets its best_epoch. first: the number of epochs before the last stage, which do
    not count. by: "loss" or "mask_ap", the measure of the best; only an epoch that measures it can end the
    stage. report: called with the reason.
    """

    order = Order.STOP

    def __init__(self, run, patience, first, by="loss", report=show):
        super().__init__()
        self.run, self.patience, self.first, self.report = run, patience, first, report
        self.measure = f"val_{by}"

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        since = max(self.run.best_epoch or 0, self.first)
        if self.measure in (logs or {}) and done - since >= self.patience:
            self.model.stop_training = True
            self.report(
                f"Stopped early: no better epoch since epoch {since} (PATIENCE {self.patience}); "
                f"the best was epoch {self.run.best_epoch}."
            )
