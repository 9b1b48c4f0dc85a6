"""The network as detection runs it: photographs in, and for each detection a box and one mask out."""

import contextlib
import threading

import keras
import numpy as np

from mrcnn.detection.molding import AnchorCache
from mrcnn.modeling.anchors import Anchors, anchor_grid
from mrcnn.modeling.detections import MasksOfClass
from mrcnn.modeling.glue import SubtractMean
from mrcnn.modeling.network import named_outputs
from mrcnn.pipeline.transforms import mold_image


class Detector:
    """Runs an inference network on batches of images of one shape, from any thread.

    keras_model: from build_network("inference", config); it keeps its weights. config: its Config. scope:
    returns a context manager for the devices that it runs on.

    Images of uint8 cross to the device as such, and only the mask of a detection's own class comes back: one
    in 81 of the masks of a network for COCO's classes.

    anchors: an AnchorCache. shape: (height, width, channels) of the images of the last batch.
    """

    def __init__(self, keras_model, config, scope):
        self.config = config
        self.anchors = AnchorCache(config)
        self.shape = config.IMAGE_SHAPE
        self._keras_model, self._scope = keras_model, scope
        self._networks = {}  # by the dtype of the images
        self._one_at_a_time = threading.Lock()

    def __call__(self, batch):
        """Return the detections [n, D, 6] and their masks [n, D, h, w] of a list of n Fitted, see molding.

        Their images have one shape and dtype.
        """
        images = np.stack([one.image for one in batch])
        if images.dtype != np.uint8:
            images = mold_image(images, self.config)
        return self.run(images, np.stack([one.meta for one in batch]))

    def run(self, images, metas):
        """Return what ``__call__`` does. At most BATCH_SIZE images are given.

        images: [n, h, w, channels], uint8 photographs or float32 molded images. metas: [n, M].
        """
        self.shape = images.shape[1:]
        with self.alone():
            dtype = images.dtype.name
            if dtype not in self._networks:
                self._networks[dtype] = self._build(dtype)
            inputs = [images, metas.astype(np.float32)]
            if not self._has_fixed_size:
                inputs.append(np.repeat(self.anchors(self.shape)[None], len(images), axis=0))
            found = self._networks[dtype].predict_on_batch([self._padded(rows) for rows in inputs])
        return found["detections"][: len(images)], found["masks"][: len(images)]

    @contextlib.contextmanager
    def alone(self):
        """Return a context on the devices in which no other thread predicts with the network's weights.

        Servers detect in threads. On JAX, Keras gives the weights' buffers away while it predicts.
        """
        with self._one_at_a_time, self._scope():
            yield

    def _padded(self, rows):
        """Repeat the last row up to BATCH_SIZE: one size of batch is one compiled graph."""
        return np.concatenate([rows, np.repeat(rows[-1:], self.config.BATCH_SIZE - len(rows), axis=0)])

    @property
    def _has_fixed_size(self):
        return self._keras_model.inputs[0].shape[1] is not None

    def _build(self, dtype):
        """Build the network around the one with matterport's inputs and outputs."""
        image, meta, anchors = self._keras_model.inputs
        photographs = keras.Input(image.shape[1:], dtype=dtype, name="photographs")
        meta = keras.Input(meta.shape[1:], dtype="float32", name="image_meta")
        molded = SubtractMean(self.config.MEAN_PIXEL)(photographs) if dtype == "uint8" else photographs
        inputs = [photographs, meta]
        if self._has_fixed_size:
            grid = anchor_grid(self.config, image.shape[1:])
            anchors = Anchors(grid, image.shape[1:])(photographs)
        else:
            anchors = keras.Input(anchors.shape[1:], dtype="float32", name="anchors")
            inputs.append(anchors)
        outputs = dict(zip(named_outputs(self._keras_model), self._keras_model([molded, meta, anchors])))
        detections = outputs["mrcnn_detection"]
        masks = MasksOfClass()([outputs["mrcnn_mask"], detections])
        return keras.Model(inputs, {"detections": detections, "masks": masks})
