"""The names that programs imported from keras.engine."""

from keras import Input, InputSpec, Layer, Model
from keras.layers import InputLayer
from keras.utils import get_source_inputs

__all__ = ["Input", "InputLayer", "InputSpec", "Layer", "Model", "get_source_inputs"]
