"""TensorFlow 1's names at the top of programs, and where TensorFlow is not installed a stand-in for these."""

import contextlib
import functools
import logging
from types import SimpleNamespace

from mrcnn.legacy import sessions
from mrcnn.legacy.imports import after_import, supply_module
from mrcnn.supplied.names import say, supply_names

SESSIONS = {
    "ConfigProto": sessions.Settings,
    "GPUOptions": sessions.Settings,
    "InteractiveSession": sessions.Session,
    "Session": sessions.Session,
    "get_default_graph": sessions.get_default_graph,
    "global_variables_initializer": sessions.initializer,
    "initialize_all_variables": sessions.initializer,
    "local_variables_initializer": sessions.initializer,
    "reset_default_graph": sessions.reset_default_graph,
}

TOLD = "is not installed; a stand-in takes the calls at the top of old programs."


def supply():
    """Complete TensorFlow when it is imported; stand in for it where it is not found."""
    after_import("tensorflow", _complete)
    supply_module("tensorflow", _stand_in, TOLD)


def _complete(module):
    """Let TensorFlow 2 answer for sessions, and for its other old names by tf.compat.v1.

    What would send it back to graphs is passed over.
    """
    if not hasattr(module, "compat"):
        return  # the stand-in

    def find(name):
        if name in SESSIONS:
            return SESSIONS[name], "supplied, without effect but for allow_growth"
        if name.startswith("_") or not hasattr(module.compat.v1, name):
            return None
        return getattr(module.compat.v1, name), f"supplied as tf.compat.v1.{name}"

    supply_names(module, find, "tf", "TensorFlow")
    module.identity = _taking_keras(module.identity)
    for name in ("disable_eager_execution", "disable_v2_behavior"):
        setattr(
            module.compat.v1,
            name,
            functools.partial(say, f"{name} is passed over: Keras 3 has no graph mode."),
        )


def _taking_keras(identity):
    """TensorFlow's identity, which notebooks put around a network's input to ask for its values."""

    @functools.wraps(identity)
    def wrapper(input, name=None):
        if type(input).__name__ == "KerasTensor":
            say("tf.identity of a tensor of a Keras model is that tensor.")
            return input
        return identity(input, name=name)

    return wrapper


def _stand_in(module):
    """Fill the stand-in: sessions, seeds, logging and devices, of which it has none."""
    module.__version__ = "1.15.0"
    module.__dict__.update(SESSIONS, Graph=sessions.Graph, set_random_seed=_nothing, device=_device)
    module.logging = SimpleNamespace(
        set_verbosity=logging.getLogger("tensorflow").setLevel,
        **{name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")},
    )
    module.test = SimpleNamespace(gpu_device_name=lambda: "", is_gpu_available=lambda **options: False)
    module.config = SimpleNamespace(list_physical_devices=_no_devices)
    module.config.experimental = module.config
    # Keras, too, finds the stand-in, and asks whether what it is given is of these types or sets the seed.
    module.DType, module.TensorShape, module.TypeSpec = (
        type(name, (), {}) for name in ("DType", "TensorShape", "TypeSpec")
    )
    module.data = SimpleNamespace(Dataset=type("Dataset", (), {}))
    module.random = SimpleNamespace(set_seed=_nothing)
    module.identity = _identity
    module.__getattr__ = _unknown


def _nothing(seed):
    """A seed without effect: Config.SEED is the seed of a training."""


def _identity(input, name=None):
    """The tensor itself."""
    return input


def _no_devices(kind=None):
    """TensorFlow's devices."""
    return []


def _device(name):
    """A block whose device Keras's backend chooses."""
    return contextlib.nullcontext()


def _unknown(name):
    raise AttributeError(
        f"TensorFlow is not installed and its stand-in has no {name!r}: install tensorflow to use it."
    )
