"""Initial weights as a function of one seed and the layers' names, whatever was built before."""

import zlib

from mrcnn.modeling.layer_names import leaf_layers


def seed_weights(model, seed):
    """Draw every randomly initialised weight of a model again, and set its random generators, from ``seed``.

    Keras seeds initialisers from Python's global generator; here a weight depends on the seed and its
    own name alone, so two networks that share a layer start with the same weights in it.
    """
    for name, layer in leaf_layers(model).items():
        for attribute in [key for key in vars(layer) if key.endswith("_initializer")]:
            weight = getattr(layer, attribute.removesuffix("_initializer"), None)
            initializer = getattr(layer, attribute)
            if weight is None or "seed" not in getattr(initializer, "get_config", dict)():
                continue
            own_seed = _seed_of(seed, f"{name}/{attribute}")
            again = type(initializer).from_config({**initializer.get_config(), "seed": own_seed})
            weight.assign(again(weight.shape, dtype=weight.dtype))
        generator = getattr(layer, "seed_generator", None)
        if generator is not None and generator is not layer:
            generator.state.assign([_seed_of(seed, name), 0])


def _seed_of(seed, name):
    return zlib.crc32(f"{seed}:{name}".encode()) & 0x7FFFFFFF  # PyTorch's generators take 31 bits
