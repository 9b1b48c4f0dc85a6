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
