"""What a run says when it cannot go on: a loss that is no finite number, or too little memory."""

import math
from collections import deque
from pathlib import Path

import keras
import numpy as np

from mrcnn.files import replacing, write_json
from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.training.errors import NonFiniteLoss
from mrcnn.training.order import Order
from mrcnn.weights import named

# Steps whose losses are kept, to see whether they rose before the end.
_RECENT = 20
# A batch larger than this is described, but not kept.
_LARGEST_BATCH = 64 << 20
# What the backends call an allocation that failed: TensorFlow, PyTorch, and JAX by its text.
_MEMORY_ERRORS = {"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"}
_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "out of memory", "OOM when allocating")
_MEMORY_SETTINGS = (
    "IMAGES_PER_GPU", "IMAGE_MAX_DIM", "TRAIN_ROIS_PER_IMAGE", "MAX_GT_INSTANCES", "PRECISION",
)  # fmt: skip


class StopAtNonFinite(keras.callbacks.Callback):
    """Raises NonFiniteLoss at the first step whose loss is infinite or no number.

    It also raises after an epoch with such a validation loss or such weights, before a checkpoint is written.
    ``start`` holds the first weights until the first epoch is done.
    """

    order = Order.GUARD

    def __init__(self):
        super().__init__()
        self.start = None
        self._recent = deque(maxlen=_RECENT)
        self._steps, self._means = 0, None  # of this epoch
        self._trained = False

    def state(self):
        return {"steps": self._steps, "means": self._means, "recent": list(self._recent)}

    def restore(self, state):
        self._steps, self._means = state["steps"], state["means"]
        self._recent.extend(state["recent"])

    def on_train_begin(self, logs=None):
        if not self._trained:
            self.start = {tensor.name: tensor.numpy() for tensor in named.tensors_of(self.model)}

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        self._steps += 1
        losses = of_this_step(self._steps, logs, self._means)
        if not math.isfinite(float(logs["loss"])):
            parts = ", ".join(f"{name} {losses[name]:.4g}" for name in LOSS_NAMES if name in losses)
            raise self._failure("The loss is no finite number", f" ({parts})", self._steps, losses)
        self._means = {name: float(value) for name, value in logs.items()}
        self._recent.append(losses["loss"])

    def on_epoch_end(self, epoch, logs=None):
        spoilt = non_finite_weights(self.model)
        if spoilt:
            raise self._failure(f"{_several(spoilt)} hold numbers that are not finite")
        if not math.isfinite((logs or {}).get("val_loss", 0.0)):
            losses = {name: logs[f"val_{name}"] for name in ("loss", *LOSS_NAMES)}
            what = "The validation loss is no finite number"
            raise self._failure(what, ", though all weights are", losses=losses)
        self.start, self._trained = None, True
        self._steps, self._means = 0, None

    def _failure(self, what, more="", step=None, losses=None):
        where = f"epoch {self._epoch}" + (f", step {step}" if step else "")
        return NonFiniteLoss(f"{what} in {where}{more}.", self._epoch, step, losses, self._recent)


def of_this_step(steps, means, before):
    """The losses of one step from Keras's means over an epoch's steps so far.

    steps: how many the means count. before: the means of one step less, None if there is none: then a
    single step is its own mean, and of several the mean is all that is known. The total is weighted by
    images, which shifts it where batches differ in size.
    """
    if before is None:
        return {name: float(value) for name, value in means.items()}
    return {
        name: steps * float(value) - (steps - 1) * float(before[name])
        for name, value in means.items()
        if name in before
    }


def non_finite_weights(model):
    """The names of a model's tensors that hold a number that is not finite."""
    return [tensor.name for tensor in named.tensors_of(model) if not np.isfinite(tensor.numpy()).all()]


def _several(names):
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} other tensors"


# --- The record of a loss that is no number ------------------------------------------------------


def explain(error, keras_model, loader, config, folder, rate, start=None, checkpoint=None):
    """Write failure.json about a NonFiniteLoss into a run's folder; returns a NonFiniteLoss with the cause.

    The model ends with the last good weights: those of ``checkpoint``, a path, or of ``start``, arrays by
    name. With them the batch is tried again, and another, which tells bad data from weights that went
    astray. rate: the learning rate. The batch's arrays go to failure_batch.npz unless they are large.
    """
    facts = {
        "epoch": error.epoch, "step": error.step, "learning_rate": rate, "precision": config.PRECISION,
        "losses": error.losses, "losses_of_the_steps_before": error.recent,
        "weights_not_finite": non_finite_weights(keras_model), "weight_norms": _largest_norms(keras_model),
        "last_good_weights": str(checkpoint) if checkpoint else "those the run started with",
    }  # fmt: skip
    if checkpoint:
        named.load(keras_model, checkpoint, minimum_share=0)
    elif start:
        named.assign(keras_model, start, "the start of the run")
    if error.step is not None:
        number = (error.epoch - 1) * len(loader) + error.step - 1
        batch = loader.batch(number)
        facts.update(batch=number, images=_images_of(batch, loader.dataset), faults=faults_of(batch))
        if checkpoint or start:
            other = loader.batch(number - 1 if number else 1)
            facts["losses_with_the_last_good_weights"] = _losses_of(keras_model, batch)
            facts["losses_of_another_batch_with_them"] = _losses_of(keras_model, other)
        _keep(batch, folder / "failure_batch.npz")
    facts["cause"] = likely_cause(facts)
    path = folder / "failure.json"
    write_json(path, _plain(facts))
    kept = f" The last good weights: {checkpoint}." if checkpoint else ""
    return NonFiniteLoss(
        f"{error} {facts['cause']} {path} describes it.{kept}",
        error.epoch, error.step, error.losses, error.recent,
    )  # fmt: skip


def likely_cause(facts):
    """One sentence about why a loss is no finite number, from what ``explain`` found."""
    again = facts.get("losses_with_the_last_good_weights", {})
    other = facts.get("losses_of_another_batch_with_them", {})
    recent = facts["losses_of_the_steps_before"]
    rate = facts["learning_rate"]
    if facts.get("faults"):
        return f"Likely cause: the batch itself, {facts['faults'][0]}."
    if facts["precision"] == "mixed_float16":
        return (
            "Likely cause: a number beyond 65504, the largest of float16; PRECISION mixed_bfloat16 has no "
            "such limit."
        )
    if _finite(other) and not _finite(again):
        names = ", ".join(str(image["path"] or image["id"]) for image in facts["images"])
        return (
            "Likely cause: these images, for with the last good weights, too, they alone give no finite "
            f"loss: {names}."
        )
    if len(recent) > 2 and recent[-1] > 2 * min(recent):
        return (
            f"Likely cause: a learning rate of {rate:.3g} is too high, the loss had risen from "
            f"{min(recent):.3g} to {recent[-1]:.3g} within {len(recent)} steps; lower it or warm up longer "
            "(WARMUP_STEPS)."
        )
    return (
        f"Likely cause: one step at a learning rate of {rate:.3g} threw the weights far off; lower it, warm "
        "up longer (WARMUP_STEPS) or clip gradients more (GRADIENT_CLIP_NORM)."
    )


def _finite(losses):
    return all(math.isfinite(value) for value in losses.values())


def faults_of(batch):
    """What is wrong with a batch's images and boxes, a phrase each; mostly nothing."""
    faults = []
    height, width = batch["input_image"].shape[1:3]
    for row, image in enumerate(batch["input_image"]):
        if not np.isfinite(image).all():
            faults.append(f"image {row + 1} holds numbers that are not finite")
        boxes = batch["input_gt_boxes"][row][batch["input_gt_class_ids"][row] != 0]
        sides = boxes[:, 2:] - boxes[:, :2]
        degenerate = ~np.isfinite(boxes).all(axis=1) | (sides <= 0).any(axis=1)
        if degenerate.any():
            faults.append(f"image {row + 1} has {degenerate.sum()} boxes without area")
        outside = (boxes < 0).any(axis=1) | (boxes[:, 2:] > (height, width)).any(axis=1)
        if outside.any():
            faults.append(f"image {row + 1} has {outside.sum()} boxes that leave the image")
    return faults


def _images_of(batch, dataset):
    """Ids, paths, and boxes (y1, x1, y2, x2) in pixels of the molded image, of each image of a batch."""
    rows = zip(batch["input_image_meta"][:, 0], batch["input_gt_class_ids"], batch["input_gt_boxes"])
    images = []
    for number, class_ids, boxes in rows:
        info = dataset.image_info[int(number)]
        images.append({
            "image_id": int(number), "source": info["source"], "id": info["id"], "path": info["path"],
            "class_ids": class_ids[class_ids != 0], "boxes": boxes[class_ids != 0],
        })  # fmt: skip
    return images


def _losses_of(keras_model, batch):
    keras_model.reset_metrics()
    return {name: float(value) for name, value in keras_model.test_on_batch(batch, return_dict=True).items()}


def _largest_norms(keras_model, count=10):
    """The tensors with the largest Euclidean norms, by name; those that are not finite first."""
    norms = {
        t.name: float(np.linalg.norm(t.numpy().astype(np.float64))) for t in named.tensors_of(keras_model)
    }
    order = sorted(norms, key=lambda name: (math.isfinite(norms[name]), -norms[name]))
    return {name: norms[name] for name in order[:count]}


def _keep(batch, path):
    if sum(array.nbytes for array in batch.values()) > _LARGEST_BATCH:
        return
    with replacing(path) as file:
        np.savez_compressed(file, **batch)


def _plain(value):
    """A value for JSON, which has no word for numbers that are not finite: they become text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value


# --- Memory ---------------------------------------------------------------------------------------


def is_out_of_memory(error):
    """Whether an exception, or one that it came from, is a backend's word for too little memory."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & _MEMORY_ERRORS or any(word in str(error) for word in _MEMORY_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def memory_advice(config):
    """One sentence that names the settings to lower, with their values."""
    values = ", ".join(f"{name} ({getattr(config, name)})" for name in _MEMORY_SETTINGS)
    return (
        f"There is too little memory for a step; lower one of these settings, or take mixed_bfloat16 as "
        f"PRECISION: {values}."
    )
