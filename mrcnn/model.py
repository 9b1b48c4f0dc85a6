"""The door to the network under matterport's names: ``from mrcnn import model as modellib``."""

import numpy as np
from keras import Model

from mrcnn import imagenet, inference, weights
from mrcnn.config import Config
from mrcnn.modeling.network import backbone_shapes, build_network
from mrcnn.modeling.resnet import BatchNorm
from mrcnn.pipeline.loader import load_image_gt
from mrcnn.pipeline.transforms import compose_image_meta, mold_image, parse_image_meta, unmold_image
from mrcnn.training import driver, fingerprint
from mrcnn.training.run import Run

__all__ = [
    "BatchNorm",
    "MaskRCNN",
    "compose_image_meta",
    "compute_backbone_shapes",
    "load_image_gt",
    "log",
    "mold_image",
    "parse_image_meta",
    "unmold_image",
]

compute_backbone_shapes = backbone_shapes


def log(text, array=None):
    """Print a line; of an array also its shape, range and type."""
    if array is not None:
        low, high = (f"{array.min():10.5f}", f"{array.max():10.5f}") if array.size else ("", "")
        text = f"{text:25}shape: {array.shape!s:20}  min: {low:10}  max: {high:10}  {array.dtype}"
    print(text)


class MaskRCNN:
    """Mask R-CNN for training or for inference.

    mode: "training" or "inference". config: a Config. model_dir: where runs are written.
    keras_model is the Keras model, epoch the number of epochs already trained, log_dir the folder of
    the run, class_names what the weights of the class head say of their classes (None: nothing).
    """

    def __init__(self, mode, config, model_dir):
        self.mode = mode
        self.config = config
        self.model_dir = str(model_dir)
        self.keras_model = build_network(mode, config)
        self.epoch = 0
        self.log_dir = None
        self.class_names = None
        self._anchors_of = inference.AnchorCache(config)
        self._detector = None
        self._run_folder = None

    # --- Weights --------------------------------------------------------------------------------

    def load_weights(self, filepath, by_name=False, exclude=None, insist=False):
        """Load weights by layer name from a file of ours, of matterport's, or of keras.applications.

        by_name: True loads what fits, False asks that the file hold every tensor of the network. A file for
        the backbone alone, as ImageNet's, is recognised and converted (with by_name). exclude: names of
        layers to leave as they are. insist: load by name however little fits. Returns a weights.Report of
        what was loaded. Raises weights.WeightsError if the file is unreadable or fits next to nothing.
        """
        graph, exclude = self.keras_model, exclude or ()
        report = imagenet.load_classifier(graph, filepath, exclude) if by_name and not insist else None
        if report is None:
            share = 0 if insist else weights.MINIMUM_SHARE
            report = weights.load(graph, filepath, by_name or insist, exclude, minimum_share=share)
        if any(name.startswith("mrcnn_class_logits/") for name in report.loaded):
            self.class_names = weights.read_metadata(filepath).get("class_names")
        return report

    def save_weights(self, filepath, epoch=None, layout="mrcnn"):
        """Write the weights with class names and config beside them, readable by matterport's code too.

        layout: "matterport" refuses a network that matterport's code cannot build.
        """
        weights.check_layout(layout, self.config)
        config = self.config.to_plain()
        for name in Config.no_effect:  # so that equal runs give equal files
            del config[name]
        metadata = {
            "class_names": self.class_names,
            "config": config,
            "epoch": self.epoch if epoch is None else epoch,
        }
        weights.save(self.keras_model, filepath, metadata)

    # --- Training -------------------------------------------------------------------------------

    def train(
        self, train_dataset, val_dataset, learning_rate, epochs, layers,
        augmentation=None, custom_callbacks=None, no_augmentation_sources=None,
    ):  # fmt: skip
        """Train up to a total of ``epochs``, counted with those already done.

        train_dataset, val_dataset: prepared Datasets; val_dataset may be None. layers: heads, 3+, 4+, 5+,
        all, or a regular expression of layer names. augmentation: see Loader. custom_callbacks: Keras
        callbacks. no_augmentation_sources: sources of images that are not augmented.
        """
        self._expect("training")
        if epochs <= self.epoch:
            print(f"Nothing to train: {self.epoch} epochs are done and {epochs} were asked for.")
            return
        if self._run_folder is None:
            self._run_folder = Run(self.model_dir, self.config)
            splits = {"train": train_dataset, "val": val_dataset}
            data = {
                split: None if dataset is None else fingerprint.data_hash(dataset)
                for split, dataset in splits.items()
            }
            self._run_folder.write_settings(**fingerprint.ingredients(self.config, data))
        stage = {"layers": layers, "epochs": epochs - self.epoch, "learning_rate": learning_rate}
        driver.train(
            self, train_dataset, val_dataset, self.config, self._run_folder, stages=[stage],
            augmentation=augmentation, callbacks=custom_callbacks or (),
            plain_sources=no_augmentation_sources or (),
        )  # fmt: skip

    def set_trainable(self, layer_regex):
        """Train the layers whose whole name matches a regular expression, and no others."""
        driver.set_trainable(self.keras_model, layer_regex)

    # --- Detection ------------------------------------------------------------------------------

    def detect(self, images, verbose=0):
        """Find the instances in images of any number and size.

        images: list of [H, W, 3] uint8 RGB. verbose: 1 prints shapes and ranges on the way.
        Returns a dict an image: rois [N, (y1, x1, y2, x2)] int32 pixels, class_ids [N] int32,
        scores [N] float32, masks [H, W, N] bool, by decreasing score.
        """
        self._expect("inference")
        molded, metas, windows = self.mold_inputs(images)
        if verbose:
            log(f"Processing {len(images)} images")
            for image, as_molded in zip(images, molded):
                log("image", image)
                log("molded image", as_molded)
        results = []
        for batch in _batches_of_equal_shape(molded, self.config.BATCH_SIZE):
            detections, masks = self._run(
                np.stack([molded[i] for i in batch]), np.stack([metas[i] for i in batch])
            )
            for row, i in enumerate(batch):
                found = inference.unmold_detections(
                    detections[row], masks[row], images[i].shape, molded[i].shape, windows[i]
                )
                results.append(dict(zip(("rois", "class_ids", "scores", "masks"), found)))
        return results

    def mold_inputs(self, images):
        """Molded images, image metas and windows of photographs: see inference.mold_inputs."""
        return inference.mold_inputs(images, self.config)

    def unmold_detections(self, detections, mrcnn_mask, original_image_shape, image_shape, window):
        """Detections of one image in its own pixels: see inference.unmold_detections."""
        return inference.unmold_detections(detections, mrcnn_mask, original_image_shape, image_shape, window)

    def get_anchors(self, image_shape):
        """Normalised anchors [A, (y1, x1, y2, x2)] of an image of the given molded shape."""
        return self._anchors_of(image_shape)

    def _run(self, images, metas):
        """detections [B, D, 6] and masks [B, D, h, w, C] of one batch, padded to BATCH_SIZE and cut again.

        One size of batch is one compiled graph.
        """
        if self._detector is None:
            outputs = self.keras_model.outputs
            self._detector = Model(self.keras_model.inputs, [outputs[0], outputs[3]])
        count = len(images)
        missing = self.config.BATCH_SIZE - count
        images, metas = (np.concatenate([x, np.repeat(x[-1:], missing, axis=0)]) for x in (images, metas))
        anchors = np.repeat(self.get_anchors(images.shape[1:])[None], len(images), axis=0)
        outputs = self._detector.predict_on_batch([images, metas.astype("float32"), anchors])
        return [output[:count] for output in outputs]

    def _expect(self, mode):
        if self.mode != mode:
            raise ValueError(f'this needs MaskRCNN(mode="{mode}"), but the model was made for {self.mode}.')


def _batches_of_equal_shape(images, size):
    """Indices of consecutive images of one shape, at most ``size`` together."""
    batch = []
    for index, image in enumerate(images):
        if batch and (len(batch) == size or image.shape != images[batch[0]].shape):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
