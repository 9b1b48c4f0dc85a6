"""Recognise too little memory for a step, and name the settings to lower."""

# The errors of a failed allocation: TensorFlow's and PyTorch's by class, JAX's by text.
_MEMORY_ERRORS = {"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"}
_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "out of memory", "OOM when allocating")
_MEMORY_SETTINGS = (
    "IMAGES_PER_GPU", "IMAGE_MAX_DIM", "TRAIN_ROIS_PER_IMAGE", "MAX_GT_INSTANCES", "PRECISION",
)  # fmt: skip


def is_out_of_memory(error):
    """Return whether an exception, or one of its causes, is a backend's out-of-memory error."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & _MEMORY_ERRORS or any(word in str(error) for word in _MEMORY_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def memory_advice(config):
    """Return one sentence that names the settings to lower, with their values."""
    values = ", ".join(f"{name} ({getattr(config, name)})" for name in _MEMORY_SETTINGS)
    return (
        f"There is too little memory for a step; lower one of these settings, or set PRECISION to "
        f"mixed_bfloat16: {values}."
    )
