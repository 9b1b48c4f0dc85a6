"""Too little memory for a step: how it is recognised, and the settings that need less."""

# What the backends call an allocation that failed: TensorFlow, PyTorch, and JAX by its text.
_MEMORY_ERRORS = {"ResourceExhaustedError", "OutOfMemoryError", "MemoryError"}
_MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "out of memory", "OOM when allocating")
_MEMORY_SETTINGS = (
    "IMAGES_PER_GPU", "IMAGE_MAX_DIM", "TRAIN_ROIS_PER_IMAGE", "MAX_GT_INSTANCES", "PRECISION",
)  # fmt: skip


def is_out_of_memory(error):
    """Whether an exception, or one that it came from, is a backend's word for too little memory."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & _MEMORY_ERRORS or any(word in str(error) for word in _MEMORY_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False


def memory_advice(config):
    """One sentence that names the settings to lower, with their values."""
    values = ", ".join(f"{name} ({getattr(config, name)})" for name in _MEMORY_SETTINGS)
    return (
        f"There is too little memory for a step; lower one of these settings, or take mixed_bfloat16 as "
        f"PRECISION: {values}."
    )
