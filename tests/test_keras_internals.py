"""What the library expects of Keras's private names, and that it overrides them in one module alone."""

import importlib
import inspect
import pkgutil

import keras
import numpy as np
from keras import layers

import mrcnn
from mrcnn import keras_internals


def small_model():
    """x -> twice -> a Sequential inside -> the sum of both."""
    x = keras.Input((3,), name="x")
    twice = layers.Dense(3, name="twice")(x)
    inside = keras.Sequential([layers.Dense(3, name="deep")], name="inside")
    return keras.Model(x, layers.Add(name="sum")([twice, inside(twice)]))


def test_inner_layers_are_those_of_one_level_or_of_all():
    model = small_model()
    names = [layer.name for layer in keras_internals.inner_layers(model)]
    assert names == ["x", "twice", "inside", "sum"]
    assert {layer.name for layer in keras_internals.all_inner_layers(model)} >= {"twice", "inside", "deep"}


def test_nodes_come_in_topological_order():
    nodes = keras_internals.nodes_of(small_model())
    made_by = [keras_internals.operation_of(node.output_tensors[0]).name for node in nodes]
    assert made_by == ["x", "twice", "inside", "sum"]
    assert nodes[-1].input_tensors == [nodes[1].output_tensors[0], nodes[2].output_tensors[0]]


def test_upstream_begins_with_the_nearest():
    found = keras_internals.upstream(small_model().output)
    names = [keras_internals.operation_of(tensor).name for tensor in found]
    assert names[0] == "sum" and names[-1] == "x" and set(names) == {"sum", "twice", "inside", "x"}


def test_averages_stand_beside_their_weights():
    model = small_model()
    optimizer = keras.optimizers.SGD(use_ema=True, ema_momentum=0.5)
    optimizer.apply(
        [keras.ops.ones(weight.shape) for weight in model.trainable_variables], model.trainable_variables
    )
    pairs = list(keras_internals.averages_of(optimizer))
    assert [weight.path for weight, _ in pairs] == [weight.path for weight in model.trainable_variables]
    for weight, average in pairs:
        assert average.shape == weight.shape and (np.asarray(average) == np.asarray(weight)).all()


def test_no_class_of_ours_overrides_a_private_name_of_keras():
    overriding = set()
    for info in pkgutil.walk_packages(mrcnn.__path__, "mrcnn."):
        if info.name.startswith(("mrcnn.legacy", "mrcnn.keras_internals", "mrcnn.torch_ops")):
            continue  # the last one needs PyTorch, and has no class of Keras
        for _, kind in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
            if not kind.__module__.startswith("mrcnn."):
                continue
            theirs = {
                name for base in kind.__mro__ if base.__module__.startswith("keras.") for name in vars(base)
            }
            own = {name for name, value in vars(kind).items() if callable(value) and name[0] == "_"}
            overriding |= {f"{kind.__name__}.{name}" for name in own & theirs if not name.startswith("__")}
    assert overriding - {"BuiltModel._maybe_symbolic_build"} == set()


def test_an_optimiser_clips_by_the_functions_it_is_given():
    """And as Keras does where it clips by value, or not at all."""
    gradients = [keras.ops.ones((2,)) * 3.0]

    def clipped(**options):
        optimizer = keras.optimizers.SGD(**options)
        keras_internals.clip_by(
            optimizer, lambda given, norm: ("each", norm), lambda given, norm: ("together", norm)
        )
        return optimizer._clip_gradients(gradients)

    assert clipped(clipnorm=5.0) == ("each", 5.0)
    assert clipped(global_clipnorm=2.0) == ("together", 2.0)
    assert clipped() is gradients
    np.testing.assert_array_equal(clipped(clipvalue=1.0)[0], [1.0, 1.0])
