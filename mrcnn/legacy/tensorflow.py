"""TensorFlow 1 names that old programs use at start-up, and a stand-in if TensorFlow is not installed."""

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

TOLD = "is not installed; a stand-in accepts the calls that old programs make at start-up."


def supply():
    """Complete TensorFlow when it is imported, or supply a stand-in if it is not found."""
    after_import("tensorflow", _complete)
    supply_module("tensorflow", _stand_in, TOLD)


def _complete(module):
    """Add sessions to TensorFlow 2, and its other old names from tf.compat.v1.

    Calls that would switch back to graph mode are ignored.
    """
    if not hasattr(module, "compat"):
        return  # the stand-in

    def find(name):
        if name in SESSIONS:
            return SESSIONS[name], "using a replacement, which has no effect except for allow_growth"
        if name.startswith("_") or not hasattr(module.compat.v1, name):
            return None
        return getattr(module.compat.v1, name), f"using tf.compat.v1.{name}"

    supply_names(module, find, "tf", "TensorFlow")
    module.identity = _taking_keras(module.identity)
    for name in ("disable_eager_execution", "disable_v2_behavior"):
        setattr(
            module.compat.v1,
            name,
            functools.partial(say, f"{name} is ignored: Keras 3 has no graph mode."),
        )


def _taking_keras(identity):
    """Wrap tf.identity to accept Keras tensors: notebooks apply it to a network's input to get its values."""

    @functools.wraps(identity)
    def wrapper(input, name=None):
        if type(input).__name__ == "KerasTensor":
            say("tf.identity returns a tensor of a Keras model unchanged.")
            return input
        return identity(input, name=name)

    return wrapper


def _stand_in(module):
    """Fill the stand-in: sessions, seeds, logging, and an empty list of devices."""
    module.__version__ = "1.15.0"
    module.__dict__.update(SESSIONS, Graph=sessions.Graph, set_random_seed=_nothing, device=_device)
    module.logging = SimpleNamespace(
        set_verbosity=logging.getLogger("tensorflow").setLevel,
        **{name: getattr(logging, name) for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")},
    )
    module.test = SimpleNamespace(gpu_device_name=lambda: "", is_gpu_available=lambda **options: False)
    module.config = SimpleNamespace(list_physical_devices=_no_devices)
    module.config.experimental = module.config
    # Keras finds the stand-in too: it checks values against these types and sets the seed.
    module.DType, module.TensorShape, module.TypeSpec = (
        type(name, (), {}) for name in ("DType", "TensorShape", "TypeSpec")
    )
    module.data = SimpleNamespace(Dataset=type("Dataset", (), {}))
    module.random = SimpleNamespace(set_seed=_nothing)
    module.identity = _identity
    module.__getattr__ = _unknown


def _nothing(seed):
    """Ignore a seed: Config.SEED seeds a training."""


def _identity(input, name=None):
    """Return the tensor itself."""
    return input


def _no_devices(kind=None):
    """Return TensorFlow's devices: none."""
    return []


def _device(name):
    """Return a context that changes nothing: Keras's backend chooses the device."""
    return contextlib.nullcontext()


def _unknown(name):
    raise AttributeError(
        f"TensorFlow is not installed and its stand-in has no {name!r}: install tensorflow to use it."
    )
