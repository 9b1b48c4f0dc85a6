"""Initial weights as a function of one seed and the layers' names, independent of what was built before."""

import zlib

import keras
import numpy as np

from mrcnn.keras_internals import all_inner_layers
from mrcnn.modeling.layer_names import leaf_layers


def seed_weights(model, seed):
    """Redraw every randomly initialised weight of a model and reset its random generators from ``seed``.

    Keras seeds initialisers from Python's global generator. Here a weight depends only on the seed and its
    layer's name, so two networks that share a layer start with equal weights in it, on every backend.
    """
    for name, layer in leaf_layers(model).items():
        _seed_layer(layer, seed, name)
        # Names of layers within a layer may depend on what the process built before, so number them.
        for number, inner in enumerate(all_inner_layers(layer)):
            _seed_layer(inner, seed, f"{name}/{number}")


def _seed_layer(layer, seed, name):
    for attribute in [key for key in vars(layer) if key.endswith("_initializer")]:
        weight = _weight_of(layer, attribute.removesuffix("_initializer"))
        initializer = getattr(layer, attribute)
        if weight is None or "seed" not in getattr(initializer, "get_config", dict)():
            continue
        weight.assign(_draw(initializer, tuple(weight.shape), _seed_of(seed, f"{name}/{attribute}")))
    generator = getattr(layer, "seed_generator", None)
    if generator is not None and generator is not layer:
        generator.state.assign([_seed_of(seed, name), 0])


def _weight_of(layer, kind):
    """Return the weight that a layer's initialiser of a kind ("kernel", "pointwise", "depthwise") is for."""
    names = (kind, f"{kind}_kernel", *(["kernel"] if kind == "depthwise" else []))
    found = [getattr(layer, name, None) for name in names]
    return next((weight for weight in found if isinstance(weight, keras.Variable)), None)


def _draw(initializer, shape, seed):
    """Draw an initialiser's values: variance scaling (Glorot, He, LeCun) by NumPy, any other by Keras."""
    if not isinstance(initializer, keras.initializers.VarianceScaling):
        again = type(initializer).from_config({**initializer.get_config(), "seed": seed})
        return again(shape, dtype="float32")
    rng = np.random.default_rng(seed)
    field = np.prod(shape[:-2]) if len(shape) > 2 else 1
    fan_in, fan_out = field * shape[-2], field * shape[-1]
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[initializer.mode]
    deviation = np.sqrt(initializer.scale / max(1.0, fan))
    if initializer.distribution == "uniform":
        return (2 * rng.random(shape, np.float32) - 1) * np.float32(np.sqrt(3) * deviation)
    values = rng.standard_normal(shape, np.float32)
    if initializer.distribution == "truncated_normal":
        while (outside := np.abs(values) > 2).any():
            values[outside] = rng.standard_normal(outside.sum(), np.float32)
        deviation /= 0.87962566  # standard deviation of a standard normal truncated at two deviations
    return values * np.float32(deviation)


def _seed_of(seed, name):
    return zlib.crc32(f"{seed}:{name}".encode()) & 0x7FFFFFFF  # PyTorch's generators take 31 bits
