"""Write a checkpoint after each epoch, and keep the last ones and the best."""

import math

import keras

from mrcnn.training.averaging import averaged
from mrcnn.training.order import Order
from mrcnn.training.run import checkpoints, delete_checkpoint


class Checkpoint(keras.callbacks.Callback):
    """Writes the weights after each epoch; keeps the last ones and the best in validation.

    It writes the averaged weights if the optimiser keeps averages. run: the Run; this callback sets its
    best_loss and best_epoch. save: a function of (path, epoch) that writes the weights. keep: the number of
    last checkpoints to keep. by: "loss" or "mask_ap", see BEST_BY.
    """

    order = Order.KEEP

    def __init__(self, run, save, keep=1, by="loss"):
        super().__init__()
        self.run, self.save, self.keep, self.by = run, save, keep, by
        self.last = None

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        path = self.run.checkpoint(done)
        with averaged(self.model):
            self.save(path, done)
        self.last = path
        loss = self._loss(logs or {})
        if loss < self.run.best_loss:
            self.run.best_loss, self.run.best_epoch = float(loss), done
        found = checkpoints(self.run.folder)
        own = [epoch for epoch in found if epoch not in self.run.spared]
        for old in own[: -self.keep]:
            if old != self.run.best_epoch:
                delete_checkpoint(found[old])

    def _loss(self, logs):
        """Return the value to minimise: the validation loss, or 1 - mask AP."""
        if self.by == "loss":
            return logs.get("val_loss", math.inf)
        return 1.0 - logs["val_mask_ap"] if "val_mask_ap" in logs else math.inf

    def state(self):
        """Return the values to save with the run's state."""
        best = self.run.best_loss
        return {"loss": None if best == math.inf else best, "epoch": self.run.best_epoch}

    def restore(self, state):
        """Restore what ``state`` returned."""
        loss = state["loss"]
        self.run.best_loss, self.run.best_epoch = math.inf if loss is None else loss, state["epoch"]
