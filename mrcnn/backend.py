"""The one place that knows which backend Keras runs on."""

import os

import keras

# Whether ops.top_k puts the lower index first among equals. PyTorch's leaves their order open.
TOP_K_KEEPS_ORDER = keras.backend.backend() != "torch"


def make_deterministic():
    """Ask the backend for kernels that give the same bits every time, where it has a choice."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    # JAX on CPU is deterministic; on GPU its XLA flag must be in the environment before the start.


def device_names():
    """What the backend computes on: the names of its accelerators, or ["CPU"]."""
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow

        found = tensorflow.config.list_physical_devices("GPU")
        details = [tensorflow.config.experimental.get_device_details(device) for device in found]
        return [detail.get("device_name", "GPU") for detail in details] or ["CPU"]
    if name == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"] or ["CPU"]
    import torch

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or ["CPU"]
