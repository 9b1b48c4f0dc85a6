"""Weights by layer name: every tensor where it belongs, one sentence for everything else."""

import os
import time

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.weights import named
from mrcnn.weights.named import WeightsError
from tests.stored import assert_constants, assert_equal, constant, fill, fill_at_random, values

HEADS = ("mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask")


@keras.saving.register_keras_serializable("test_weights")
class Holder(layers.Layer):
    """A layer around a model, as backbones of keras.applications are."""

    def __init__(self, inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, image):
        return self.inner(image)

    def get_config(self):
        return {**super().get_config(), "inner": keras.saving.serialize_keras_object(self.inner)}


def mini(classes=3, mask_channels=4, outputs=slice(None)):
    """A small network with every kind of nesting; ``outputs`` chooses a part of it."""
    image = keras.Input((8, 8, 3))
    held = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 1, name="Conv1"),
            layers.DepthwiseConv2D(3, name="block_dw"),
        ],
        name="extractor",
    )
    x = Holder(held, name="backbone")(image)
    x = layers.BatchNormalization(name="bn_conv1")(layers.Conv2D(4, 1, name="conv1")(x))
    x = layers.Dropout(0.5, name="dropout")(x)
    feature = keras.Input((None, None, 4))
    shared = layers.Conv2D(5, 1, name="rpn_conv_shared")(feature)
    outputs_of_rpn = [layers.Conv2D(2, 1, name="rpn_class_raw")(shared)]
    outputs_of_rpn += [layers.Conv2D(4, 1, name="rpn_bbox_pred")(shared)]
    rpn = keras.Model(feature, outputs_of_rpn, name="rpn_model")
    rois = layers.Reshape((2, 3, 6, 4), name="rois")(x)
    flat = layers.Flatten(name="flat")(rois)
    mask = layers.TimeDistributed(layers.Conv2D(mask_channels, 1), name="mrcnn_mask_conv1")(rois)
    mask = layers.TimeDistributed(layers.BatchNormalization(), name="mrcnn_mask_bn1")(mask)
    mask = layers.TimeDistributed(layers.Conv2D(classes, 1), name="mrcnn_mask")(mask)
    logits = layers.Dense(classes, name="mrcnn_class_logits")(flat)
    deltas = layers.Dense(4 * classes, name="mrcnn_bbox_fc")(flat)
    return keras.Model(image, [*rpn(x), logits, deltas, mask][outputs])


def layers_of(names):
    return {name.split("/")[0] for name in names}


MINI_LAYERS = {
    *("Conv1", "block_dw", "conv1", "bn_conv1", "rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred"),
    *("mrcnn_mask_conv1", "mrcnn_mask_bn1"),
    *HEADS,
}
MINI_TENSORS = 2 * 12 + 4  # kernel and bias (twice as many in batch norm)


def test_tensors_are_those_of_the_innermost_layers():
    tensors = named.tensors_of(mini())
    names = [tensor.name for tensor in tensors]
    assert layers_of(names) == MINI_LAYERS
    assert len(set(names)) == len(names) == MINI_TENSORS
    groups = {tensor.layer: tensor.group for tensor in tensors}
    assert groups["Conv1"] == "backbone"
    assert groups["rpn_class_raw"] == "rpn_model"
    assert groups["mrcnn_mask_conv1"] == "mrcnn_mask_conv1"
    assert [n for n in names if n.startswith("bn_conv1/")] == [
        f"bn_conv1/{weight}" for weight in ("gamma", "beta", "moving_mean", "moving_variance")
    ]


def test_layers_of_layers_count_as_one():
    """So two of a kind may have equal names inside, and training stages and weights mean the same layers."""
    image = keras.Input((4, 8))
    x = layers.MultiHeadAttention(2, 4, name="attention_a")(image, image)
    x = layers.MultiHeadAttention(2, 4, name="attention_b")(x, x)
    attention = keras.Model(image, layers.TimeDistributed(layers.Dense(2), name="rows")(x))
    names = [tensor.name for tensor in named.tensors_of(attention)]
    parts = ("query", "key", "value", "attention_output")
    assert names == [
        *(f"attention_{end}/{part}/{kind}" for end in "ab" for part in parts for kind in ("kernel", "bias")),
        "rows/kernel",
        "rows/bias",
    ]
    for model in (attention, mini()):
        addressed = {name for name, layer in leaf_layers(model).items() if layer.weights}
        assert addressed == layers_of(tensor.name for tensor in named.tensors_of(model))


def test_two_layers_of_one_name_are_refused():
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(3, name="dense_a")], name="inner")
    model = keras.Sequential([keras.Input((3,)), inner, layers.Dense(3, name="dense_a")])
    with pytest.raises(WeightsError, match="Two layers of the model are named 'dense_a'"):
        named.tensors_of(model)


def test_unnamed_variables_are_counted_within_their_layer():
    class Scale(layers.Layer):
        def build(self, shape):
            self.factors = [self.add_weight(shape=(2,)), self.add_weight(shape=(1,))]

        def call(self, x):
            return x

    def build():
        return keras.Sequential([keras.Input((3,)), Scale(name="scale")])

    names = [[tensor.name for tensor in named.tensors_of(model)] for model in (build(), build())]
    assert names == [["scale/variable", "scale/variable_1"]] * 2


# --- Round trips ---------------------------------------------------------------------------------


def test_a_saved_model_loads_with_every_tensor_equal(tmp_path):
    named.save(fill(mini()), tmp_path / "model.h5")
    model = mini()
    report = named.load(model, tmp_path / "model.h5")
    assert_constants(model)
    assert len(report.loaded) == report.total == MINI_TENSORS
    assert report.summary() == f"loaded {MINI_TENSORS} of {MINI_TENSORS} tensors"


def test_values_survive_to_the_last_bit(tmp_path):
    model, other = fill_at_random(mini()), mini()
    named.save(model, tmp_path / "model.h5")
    named.load(other, str(tmp_path / "model.h5"), by_name=False)
    assert_equal(other, values(model))


def test_a_model_of_other_outputs_takes_its_layers_and_no_others(tmp_path):
    """The inference graph holds its layers in another order than the training graph."""
    named.save(fill(mini()), tmp_path / "model.h5")
    model = mini(outputs=slice(None, None, -2))
    report = named.load(model, tmp_path / "model.h5")
    assert_constants(model)
    assert layers_of(report.unused_in_file) == {"mrcnn_bbox_fc"}


def test_equal_weights_give_equal_bytes(tmp_path):
    model = fill(mini())
    named.save(model, tmp_path / "first.h5", {"class_names": ["BG", "pumpkin"]})
    time.sleep(1.1)  # HDF5 keeps times in seconds
    named.save(fill(mini()), tmp_path / "second.h5", {"class_names": ["BG", "pumpkin"]})
    assert (tmp_path / "first.h5").read_bytes() == (tmp_path / "second.h5").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.h5", "second.h5"]


def test_metadata(tmp_path):
    path = tmp_path / "new folder" / "model.h5"
    metadata = {"class_names": ["BG", "Kürbis"], "config": {"MEAN_PIXEL": [1.5, 2, 3], "NAME": None}}
    named.save(mini(), path, metadata)
    assert named.read_metadata(path) == {"format": 1, **metadata}
    named.save(mini(), path)
    assert named.read_metadata(path) == {"format": 1}
    with pytest.raises(WeightsError, match="Metadata must be"):
        named.save(mini(), path, {"config": object()})


def test_low_precision_is_stored_as_float32(tmp_path):
    dense = layers.Dense(2, dtype="bfloat16", name="dense")
    model = fill(keras.Sequential([keras.Input((3,)), dense]), lambda name: 0.5)
    named.save(model, tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        kernel = file["dense/dense/kernel:0"]
        assert kernel.dtype == "float32"
        np.testing.assert_array_equal(kernel[()], np.full((3, 2), 0.5))
    dense.kernel.assign(np.zeros((3, 2)))
    named.load(model, tmp_path / "model.h5")
    assert (values(model)["dense/kernel"].astype("float32") == 0.5).all()


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "model.h5").mkdir()
    with pytest.raises(WeightsError, match=r"model\.h5: cannot be written"):
        named.save(mini(), tmp_path / "model.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["model.h5"]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_disk_that_fills_leaves_the_file_before(tmp_path):
    import resource

    model, path = keras.Sequential([keras.Input((90,)), layers.Dense(90)]), tmp_path / "model.h5"
    path.write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(WeightsError, match=r"model\.h5: cannot be written: File too large\.$"):
            named.save(model, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["model.h5"]


# --- What does not fit ---------------------------------------------------------------------------


def test_heads_of_another_class_count_start_anew_together(tmp_path):
    path = tmp_path / "coco.h5"
    named.save(fill(mini(classes=81)), path)
    model = mini(classes=2)
    before = values(model)
    report = named.load(model, path)
    assert layers_of(report.shape_differs) == set(HEADS)
    assert report.restarted == [layer for layer in dict.fromkeys(layers_of_order(model)) if layer in HEADS]
    assert report.shape_differs["mrcnn_bbox_fc/bias"] == ((324,), (8,))
    assert report.classes == (81, 2)
    assert_constants(model, report.loaded)
    after = values(model)
    for name in report.shape_differs:
        np.testing.assert_array_equal(after[name], before[name])
    assert "loaded 22 of 28 tensors; shape differs: " in report.summary()
    assert "mrcnn_class_logits (file: 81 classes, model: 2)" in report.summary()
    assert "so these layers keep their initial values" in report.summary()


def layers_of_order(model):
    return [tensor.layer for tensor in named.tensors_of(model)]


def test_a_head_that_fits_by_chance_starts_anew_with_the_others(tmp_path):
    """A file whose mask head has the model's class count, but not its other heads."""
    tensors = {t.name: np.full(t.shape, constant(t.name)) for t in named.tensors_of(mini(classes=5))}
    tensors |= {
        t.name: np.ones(t.shape) for t in named.tensors_of(mini(classes=3)) if t.layer == "mrcnn_mask"
    }
    model = mini(classes=3)
    report = named.assign(model, tensors, "a file")
    assert report.kept == ["mrcnn_mask/kernel", "mrcnn_mask/bias"]
    assert set(report.restarted) == set(HEADS)
    assert "keep their initial values to agree with them: mrcnn_mask" in report.summary()
    assert not (values(model)["mrcnn_mask/kernel"] == 1).all()
    assert report.total == MINI_TENSORS


def test_a_layer_is_loaded_whole_or_not_at_all(tmp_path):
    path = tmp_path / "model.h5"
    named.save(fill(mini(mask_channels=6)), path)
    report = named.load(mini(mask_channels=4), path)
    assert set(report.restarted) == {"mrcnn_mask_conv1", "mrcnn_mask_bn1", "mrcnn_mask"}
    assert report.kept == ["mrcnn_mask/bias"]
    assert report.classes is None
    assert "mrcnn_mask_conv1 (kernel in file: 1x1x4x6, model: 1x1x4x4)" in report.summary()
    assert "mrcnn_class_logits/kernel" in report.loaded


def test_exclude_names_layers_and_nested_models(tmp_path):
    path = tmp_path / "model.h5"
    named.save(fill(mini()), path)
    model = mini()
    before = values(model)
    exclude = ["mrcnn_class_logits", "rpn_model", "Conv1", "rois", "mrcnn_bbox_fcc"]
    report = named.load(model, path, exclude=exclude)
    excluded = {"mrcnn_class_logits", "rpn_conv_shared", "rpn_class_raw", "rpn_bbox_pred", "Conv1"}
    assert layers_of(report.excluded) == excluded
    assert report.unknown_excludes == ["mrcnn_bbox_fcc"]
    assert report.unused_in_file == []
    for name, value in values(model).items():
        expected = before[name] if name in report.excluded else np.full(value.shape, constant(name))
        np.testing.assert_array_equal(value, expected)
    assert report.summary().endswith("excluded but no layer of the model: mrcnn_bbox_fcc")
    assert layers_of(named.load(model, path, exclude="conv1").excluded) == {"conv1"}


def test_excluded_heads_of_another_class_count_are_no_mismatch(tmp_path):
    path = tmp_path / "coco.h5"
    named.save(fill(mini(classes=81)), path)
    report = named.load(mini(), path, exclude=HEADS, skip_mismatch=False)
    assert layers_of(report.excluded) == set(HEADS)
    assert not report.shape_differs


@pytest.mark.parametrize("exclude", [HEADS, HEADS[:1], (*HEADS, "rois"), ()])
def test_heads_start_anew_alike_whether_or_not_they_are_excluded(tmp_path, exclude):
    named.save(fill(mini(classes=81)), tmp_path / "coco.h5")
    model = mini()
    expected = {
        name: value if name.split("/")[0] in HEADS else np.full(value.shape, constant(name))
        for name, value in values(model).items()
    }
    report = named.load(model, tmp_path / "coco.h5", exclude=exclude)
    assert_equal(model, expected)
    assert layers_of(report.excluded) | set(report.restarted) == set(HEADS)
    assert not set(report.excluded) & set(report.shape_differs)


@pytest.mark.parametrize("strict", [{"skip_mismatch": False}, {"by_name": False}])
def test_a_shape_that_differs_can_be_an_error_and_changes_nothing(tmp_path, strict):
    path = tmp_path / "coco.h5"
    named.save(fill(mini(classes=81)), path)
    model = mini()
    before = values(model)
    with pytest.raises(WeightsError, match=r"coco\.h5: does not fit the model: .*file: 81 classes, model: 3"):
        named.load(model, path, **strict)
    assert all((value == before[name]).all() for name, value in values(model).items())


def test_by_name_false_asks_for_every_tensor(tmp_path):
    path = tmp_path / "part.h5"
    named.save(fill(mini(outputs=slice(0, 3))), path)
    with pytest.raises(WeightsError, match=r"part\.h5: holds too little of the model: loaded 18 of 28"):
        named.load(mini(), path, by_name=False)
    assert layers_of(named.load(mini(), path).not_in_file) == {"mrcnn_bbox_fc", "mrcnn_mask"} | {
        "mrcnn_mask_conv1",
        "mrcnn_mask_bn1",
    }


def test_another_network_is_refused_unless_the_user_insists(tmp_path):
    path = tmp_path / "other.h5"
    other = keras.Sequential([keras.Input((3,)), *(layers.Dense(3, name=f"other{i}") for i in range(20))])
    named.save(other, path)
    with pytest.raises(WeightsError) as error:
        named.load(mini(), path)
    message = str(error.value)
    assert message.startswith(
        f"{path}: holds too little of the model: loaded 0 of 28 tensors; not in file: Conv1, "
    )
    assert message.endswith(
        "unused in file: other0, other1, other2, other3, other4, other5 and 14 more layers."
    )
    assert named.load(mini(), path, minimum_share=0).loaded == []
