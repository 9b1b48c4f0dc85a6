"""Modules, functions, and arguments of classes of Keras 2 that Keras 3 has removed."""

import functools

from mrcnn.legacy import keras_classes
from mrcnn.legacy.imports import after_import, supply_alias
from mrcnn.supplied.names import from_table, supply_names

# Old module names and the modules that hold their contents today.
MODULES = {
    "keras.engine": "mrcnn.legacy.keras_engine",
    "keras.engine.topology": "mrcnn.legacy.keras_engine",
    "keras.engine.training": "mrcnn.legacy.keras_engine",
    "keras.layers.advanced_activations": "keras.layers",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.core": "keras.layers",
    "keras.layers.embeddings": "keras.layers",
    "keras.layers.merge": "keras.layers",
    "keras.layers.noise": "keras.layers",
    "keras.layers.normalization": "keras.layers",
    "keras.layers.pooling": "keras.layers",
    "keras.layers.recurrent": "keras.layers",
    "keras.layers.wrappers": "keras.layers",
    "keras.objectives": "keras.losses",
    "keras.utils.data_utils": "keras.utils",
    "keras.utils.generic_utils": "keras.utils",
    "keras.utils.np_utils": "keras.utils",
    "keras.utils.training_utils": "mrcnn.legacy.keras_training_utils",
    "keras.utils.vis_utils": "keras.utils",
    "keras.backend.tensorflow_backend": "keras.backend",
}

# Old backend functions, by the module that provides them today.
BACKEND = {
    "keras.ops": (  # with the same arguments
        *("abs", "all", "any", "binary_crossentropy", "cast", "categorical_crossentropy", "clip", "cos"),
        *("equal", "exp", "eye", "greater", "greater_equal", "less", "less_equal", "log", "max", "maximum"),
        *("mean", "min", "minimum", "ndim", "not_equal", "ones", "ones_like", "prod", "reshape", "round"),
        *("shape", "sigmoid", "sign", "sin", "softmax", "softplus", "sparse_categorical_crossentropy"),
        *("sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "sum", "tanh", "tile", "transpose"),
        *("var", "zeros", "zeros_like"),
    ),
    "mrcnn.legacy.keras_backend": (
        *("_get_available_gpus", "argmax", "argmin", "concatenate", "constant", "dot", "eval"),
        *("expand_dims", "flatten", "function", "gather", "get_value", "image_dim_ordering", "int_shape"),
        *("learning_phase", "permute_dimensions", "pow", "set_image_dim_ordering", "set_learning_phase"),
        *("set_value", "variable"),
    ),
    "mrcnn.legacy.sessions": ("get_session", "set_session"),
}

UTILS = {"multi_gpu_model": "mrcnn.legacy.keras_training_utils:multi_gpu_model"}
_WITH_IMAGES = "keras._tf_keras.keras.preprocessing.image"
IMAGE = {
    name: f"{_WITH_IMAGES}:{name}"
    for name in (
        *("DirectoryIterator", "ImageDataGenerator", "Iterator", "NumpyArrayIterator"),
        *("apply_affine_transform", "apply_brightness_shift", "apply_channel_shift", "random_brightness"),
        *("random_channel_shift", "random_rotation", "random_shear", "random_shift", "random_zoom"),
    )
}


def supply():
    """Make the old modules importable and add the old functions to ``keras.backend``."""
    for old, new in MODULES.items():
        supply_alias(old, new, "Keras")
    after_import("keras.backend", _complete)
    after_import("keras._tf_keras.keras.backend", _complete)  # tf.keras.backend as an attribute
    after_import("tensorflow.keras.backend", _complete)  # another module, which ``from ... import`` loads
    for place in ("keras", "keras._tf_keras.keras", "tensorflow.keras"):
        after_import(f"{place}.utils", functools.partial(_supply, UTILS))
    after_import("keras.preprocessing.image", functools.partial(_supply, IMAGE))
    after_import("keras.optimizers", keras_classes.complete_optimizers)
    after_import("keras.callbacks", keras_classes.complete_callbacks)


def _supply(table, module):
    supply_names(module, from_table(table), module.__name__, "Keras")


def _complete(module):
    table = {name: f"{home}:{name}" for home, names in BACKEND.items() for name in names}
    table["tensorflow_backend"] = "keras.backend.tensorflow_backend:"
    supply_names(module, from_table(table), "keras.backend", "Keras")
