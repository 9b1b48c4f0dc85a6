"""Record a loss that is not finite: failure.json, with its likely cause."""

import math
from pathlib import Path

import numpy as np

from mrcnn.files import replacing, write_json
from mrcnn.training.errors import NonFiniteLoss
from mrcnn.training.non_finite import non_finite_weights
from mrcnn.training.schedule import current_rate
from mrcnn.weights import named

# The arrays of a larger batch are not kept.
_LARGEST_BATCH = 64 << 20


def explain(error, model, loader, folder, start=None, checkpoint=None):
    """Write failure.json to a run's folder; return the NonFiniteLoss with its cause in the message.

    model: a Trainable, left with the last good weights: those of ``checkpoint``, a path, or of ``start``,
    arrays by name. With these weights the batch and another one are evaluated again: if only the batch
    fails, its data are bad. loader: the training's. The batch's arrays go to failure_batch.npz unless large.
    """
    facts = _facts_of(error, model)
    facts["last_good_weights"] = str(checkpoint) if checkpoint else "those the run started with"
    restored = _restore(model.keras_model, start, checkpoint)
    if error.step is not None:
        number = (error.epoch - 1) * len(loader) + error.step - 1
        batch = loader.batch(number)
        facts.update(batch=number, images=_images_of(batch, loader.dataset), faults=faults_of(batch))
        if restored:
            other = loader.batch(number - 1 if number else 1)
            facts["losses_with_the_last_good_weights"] = _losses_of(model.keras_model, batch)
            facts["losses_of_another_batch_with_them"] = _losses_of(model.keras_model, other)
        _keep(batch, folder / "failure_batch.npz")
    facts["cause"] = likely_cause(facts)
    path = folder / "failure.json"
    write_json(path, _plain(facts))
    kept = f" The last good weights: {checkpoint}." if checkpoint else ""
    return NonFiniteLoss(
        f"{error} {facts['cause']} {path} describes it.{kept}",
        error.epoch, error.step, error.losses, error.recent,
    )  # fmt: skip


def _facts_of(error, model):
    """Return the facts of a NonFiniteLoss and of the model at that moment."""
    return {
        "epoch": error.epoch,
        "step": error.step,
        "learning_rate": current_rate(model.keras_model),
        "precision": model.config.PRECISION,
        "losses": error.losses,
        "losses_of_the_steps_before": error.recent,
        "weights_not_finite": non_finite_weights(model.keras_model),
        "weight_norms": _largest_norms(model.keras_model),
    }


def _restore(keras_model, start, checkpoint):
    """Load the weights of a checkpoint, or else those of the start; return whether there are any."""
    if checkpoint:
        named.load(keras_model, checkpoint, minimum_share=0)
    elif start:
        named.assign(keras_model, start, "the start of the run")
    return bool(checkpoint or start)


def likely_cause(facts):
    """Return one sentence on the likely cause of a loss that is not finite, from the facts of ``explain``."""
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
            "Likely cause: these images. With the last good weights, too, their loss is not finite while "
            f"another batch's is: {names}."
        )
    if len(recent) > 2 and recent[-1] > 2 * min(recent):
        return (
            f"Likely cause: a learning rate of {rate:.3g} is too high: the loss rose from "
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
    """Return the faults of a batch's images and boxes, a phrase each; usually none."""
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
    """Return id, path, and boxes (y1, x1, y2, x2) in molded pixels of each image of a batch."""
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
    """Return the tensors with the largest Euclidean norms, by name; non-finite ones first."""
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
    """Convert a value for JSON; it cannot represent non-finite numbers, so they become text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, Path) else value
