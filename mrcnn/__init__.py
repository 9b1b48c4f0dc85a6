"""Mask R-CNN on Keras 3, under the names of matterport's library.

``mrcnn.load("last")("photo.jpg")`` detects with trained weights, see mrcnn.predictor.

Importing it has no side effects: ``mrcnn.startup`` contains what the commands and MaskRCNN set up, and
``mrcnn.legacy`` what old programs need.
"""


def __getattr__(name):
    if name == "__version__":
        from mrcnn.version import version

        return version()
    if name == "load":
        from mrcnn.predictor import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
