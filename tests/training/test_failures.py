"""Losses that are not finite, and too little memory: how they are detected and reported."""

import json
import math

import keras
import numpy as np
import pytest

from mrcnn.model import MaskRCNN
from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.pipeline.loader import Loader
from mrcnn.training import failures
from mrcnn.training.errors import NonFiniteLoss
from mrcnn.training.failures import faults_of, likely_cause
from mrcnn.training.memory import is_out_of_memory, memory_advice
from mrcnn.training.non_finite import StopAtNonFinite
from mrcnn.weights import named
from tests.scenes import Rectangles
from tests.tiny import Tiny


def tiny(**settings):
    config = Tiny()
    config.update({
        "IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64, "MINI_MASK_SHAPE": [28, 28], "TRAIN_ROIS_PER_IMAGE": 8,
        "POST_NMS_ROIS_TRAINING": 20, **settings,
    })  # fmt: skip
    return config


# --- Finding it -----------------------------------------------------------------------------------


@pytest.fixture
def watch():
    """A StopAtNonFinite of a small model, in epoch 3."""
    callback = StopAtNonFinite()
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, name="only")])
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(2)
    return callback


def means(*losses):
    """Keras's logs after each step: the means so far of all losses, which are a step's number plus 0 to 5."""
    return [
        {name: float(np.mean(losses[: n + 1])) + i for i, name in enumerate(["loss", *LOSS_NAMES])}
        for n in range(len(losses))
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops_with_the_losses_of_its_batch_alone(watch, bad):
    for step, logs in enumerate(means(4.0, 1.0, 7.0)):
        watch.on_train_batch_end(step, logs)
    last = means(4.0, 1.0, 7.0, 2.0)[-1]
    with pytest.raises(NonFiniteLoss, match=r"in epoch 3, step 4 \(rpn_class_loss 3, .*\)\.$") as caught:
        watch.on_train_batch_end(3, {**last, "loss": bad, "mrcnn_mask_loss": math.nan})
    error = caught.value
    assert (error.epoch, error.step) == (3, 4)
    assert error.recent == pytest.approx([4.0, 1.0, 7.0])
    assert error.losses["mrcnn_bbox_loss"] == pytest.approx(6.0)
    assert math.isnan(error.losses["mrcnn_mask_loss"])


def test_what_it_remembers_survives_an_interruption(watch):
    for step, logs in enumerate(means(4.0, 1.0)):
        watch.on_train_batch_end(step, logs)
    other = StopAtNonFinite()
    other.restore(json.loads(json.dumps(watch.state())))
    other.on_epoch_begin(2)
    bad = {**means(4.0, 1.0, 6.0)[-1], "loss": math.nan}
    with pytest.raises(NonFiniteLoss, match=r"step 3 \(rpn_class_loss 7, ") as caught:
        other.on_train_batch_end(0, bad)  # the rest of an epoch counts its own steps
    assert caught.value.recent == pytest.approx([4.0, 1.0])


def test_each_epoch_has_means_of_its_own(watch):
    watch.on_train_batch_end(0, means(9.0)[0])
    watch.on_epoch_end(2, {"val_loss": 1.0})
    watch.on_epoch_begin(3)
    with pytest.raises(NonFiniteLoss, match=r"in epoch 4, step 1 \(rpn_class_loss 3, "):
        watch.on_train_batch_end(0, {**means(2.0)[0], "loss": math.nan})


def test_weights_that_are_no_numbers_stop_before_a_checkpoint(watch):
    watch.model.layers[0].kernel.assign([[math.nan]])
    with pytest.raises(NonFiniteLoss, match=r"only/kernel hold numbers that are not finite in epoch 3\."):
        watch.on_epoch_end(2, {"val_loss": math.nan})


def test_a_validation_loss_that_is_no_number_stops(watch):
    logs = {f"val_{name}": 1.0 for name in LOSS_NAMES}
    with pytest.raises(NonFiniteLoss, match="validation loss is not finite in epoch 3, though all"):
        watch.on_epoch_end(2, {**logs, "val_loss": math.inf})


def test_the_first_weights_are_kept_until_an_epoch_is_done(watch):
    assert set(watch.start) == {"only/kernel", "only/bias"}
    watch.on_epoch_end(2, {})
    watch.on_train_begin()  # of the next stage
    assert watch.start is None


# --- Explaining it --------------------------------------------------------------------------------


def facts(**changes):
    return {
        "learning_rate": 0.5, "precision": "float32", "losses_of_the_steps_before": [1.0, 1.0, 1.1],
        "images": [{"path": "a.png", "id": "a"}, {"path": None, "id": "b"}], **changes,
    }  # fmt: skip


def tried_again(loss, other):
    return {
        "losses_with_the_last_good_weights": {"loss": loss},
        "losses_of_another_batch_with_them": {"loss": other},
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"faults": ["image 1 has 2 boxes without area"]}, "the batch itself, image 1 has 2 boxes"),
        ({"precision": "mixed_float16"}, "beyond 65504"),
        (tried_again(math.nan, 1.0), r"these images\. .*: a.png, b"),
        (tried_again(math.nan, math.nan), "one step at a learning rate"),
        (tried_again(1.0, 1.0), "one step at a learning rate"),
        ({"losses_of_the_steps_before": [1.0, 2.0, 9.0]}, "rate of 0.5 is too high: .* from 1 to 9"),
        ({"losses_of_the_steps_before": []}, "one step at a learning rate of 0.5"),
    ],
)
def test_the_likely_cause(changes, expected):
    import re

    cause = likely_cause(facts(**changes))
    assert re.match(f"Likely cause: .*{expected}", cause)
    assert cause.endswith(".")


def test_faults_of_a_batch():
    batch = Loader(Rectangles([2, 1]), tiny(), shuffle=False).batch(0)
    assert faults_of(batch) == []
    batch["input_gt_boxes"][0, 1, 2] = batch["input_gt_boxes"][0, 1, 0]
    batch["input_gt_boxes"][1, 0, 3] = 65
    batch["input_image"] = batch["input_image"].astype(np.float32)
    batch["input_image"][1, 5, 5, 0] = math.nan
    assert faults_of(batch) == [
        "image 1 has 1 boxes without area",
        "image 2 holds numbers that are not finite",
        "image 2 has 1 boxes that leave the image",
    ]


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """A failure after the weights diverged: the error, the record, the batch, the model and its start."""
    config, folder = tiny(), tmp_path_factory.mktemp("run")
    loader = Loader(Rectangles([2, 1, 0]), config)
    trained = MaskRCNN("training", config, "runs")
    model = trained.keras_model
    model.compile(optimizer=keras.optimizers.SGD(0.5))
    start = {tensor.name: tensor.numpy() for tensor in named.tensors_of(model)}
    spoilt = named.tensors_of(model)[0]
    spoilt.variable.assign(np.full(spoilt.shape, np.nan))
    losses = {"loss": math.nan, "rpn_class_loss": 0.5}
    error = NonFiniteLoss("It failed.", epoch=2, step=1, losses=losses, recent=[1.0, 2.0, 8.0])
    said = failures.explain(error, trained, loader, folder, start=start)
    record = json.loads((folder / "failure.json").read_text())
    return {
        "said": said,
        "record": record,
        "folder": folder,
        "loader": loader,
        "model": model,
        "start": start,
    }


def test_the_record_tells_the_batch_and_its_losses(explained):
    record, loader = explained["record"], explained["loader"]
    batch = loader.batch(2)  # the first of the second epoch
    assert record["batch"] == 2 and record["epoch"] == 2 and record["step"] == 1
    assert record["losses"] == {"loss": "nan", "rpn_class_loss": 0.5}
    ids = [int(number) for number in batch["input_image_meta"][:, 0]]
    assert [image["image_id"] for image in record["images"]] == ids
    assert [image["path"] for image in record["images"]] == [f"image{number}.png" for number in ids]
    for row, image in enumerate(record["images"]):
        count = len(image["class_ids"])
        assert image["boxes"] == batch["input_gt_boxes"][row][:count].tolist()
        assert count == np.count_nonzero(batch["input_gt_class_ids"][row])
    with np.load(explained["folder"] / "failure_batch.npz") as kept:
        assert set(kept) == set(batch)
        np.testing.assert_array_equal(kept["input_image"], batch["input_image"])


def test_the_batch_is_tried_again_with_good_weights_which_the_model_keeps(explained):
    record = explained["record"]
    spoilt = next(iter(explained["start"]))
    assert record["weights_not_finite"] == [spoilt]
    assert next(iter(record["weight_norms"].items())) == (spoilt, "nan")
    again = record["losses_with_the_last_good_weights"]
    other = record["losses_of_another_batch_with_them"]
    assert set(again) == set(other) == {"loss", *LOSS_NAMES}
    assert again != other
    assert all(0 <= value < 100 for value in again.values())
    for tensor in named.tensors_of(explained["model"]):
        np.testing.assert_array_equal(tensor.numpy(), explained["start"][tensor.name])


def test_the_error_says_the_cause_and_where_the_record_is(explained):
    text = str(explained["said"])
    assert text.startswith("It failed. Likely cause: a learning rate of 0.5 is too high: the loss rose from")
    assert text.endswith(f"{explained['folder'] / 'failure.json'} describes it.")


def test_large_batches_are_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(failures, "_LARGEST_BATCH", 100)
    failures._keep({"a": np.zeros(13)}, tmp_path / "large.npz")
    failures._keep({"a": np.zeros(12)}, tmp_path / "small.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["small.npz"]


# --- Memory ---------------------------------------------------------------------------------------


class ResourceExhaustedError(Exception):
    """Named as TensorFlow's."""


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


def chained(error):
    try:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("while training") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ResourceExhaustedError("x"), True),
        (OutOfMemoryError("x"), True),
        (MemoryError(), True),
        (np._core._exceptions._ArrayMemoryError((1,), np.dtype("uint8")), True),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1099511627776 bytes."), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (chained(ResourceExhaustedError("x")), True),
        (RuntimeError("INVALID_ARGUMENT: shapes differ"), False),
        (chained(ValueError("x")), False),
        (OSError(28, "No space left on device"), False),
    ],
)
def test_too_little_memory_is_recognised(error, expected):
    assert is_out_of_memory(error) is expected


def test_the_advice_names_settings_with_their_values():
    advice = memory_advice(tiny(IMAGES_PER_GPU=7))
    assert "IMAGES_PER_GPU (7), IMAGE_MAX_DIM (64), TRAIN_ROIS_PER_IMAGE (8), MAX_GT_INSTANCES (6)" in advice
    assert "PRECISION (float32)" in advice
