"""The names that programs imported from keras.utils.training_utils."""

from mrcnn.supplied.names import say

__all__ = ["multi_gpu_model"]


def multi_gpu_model(model, gpus=None, cpu_merge=True, cpu_relocation=False):
    """Return the model itself, so that its weights are those that are trained. No argument has an effect."""
    say("multi_gpu_model returns the model unchanged; MaskRCNN uses several devices by GPU_COUNT.")
    return model
