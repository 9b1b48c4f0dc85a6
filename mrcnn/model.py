"""The network under matterport's names: ``from mrcnn import model as modellib``."""

import copy
from pathlib import Path

import keras
import numpy as np

from mrcnn import startup
from mrcnn.backend import DataParallel, replicas
from mrcnn.config import Config
from mrcnn.detection import molding
from mrcnn.detection.detector import Detector
from mrcnn.detection.inputs import photographs
from mrcnn.detection.mask_rule import MaskRule
from mrcnn.detection.stream import Stream, batches
from mrcnn.matterport import handed_on, inspection, keras_methods
from mrcnn.matterport.batches import (
    build_detection_targets,
    build_rpn_targets,
    generate_random_rois,
    load_image_gt,
)
from mrcnn.matterport.generator import DataGenerator, data_generator
from mrcnn.matterport.graphs import (
    DetectionLayer,
    DetectionTargetLayer,
    ProposalLayer,
    build_fpn_mask_graph,
    build_rpn_model,
    conv_block,
    fpn_classifier_graph,
    identity_block,
    parse_image_meta_graph,
    resnet_graph,
    rpn_graph,
)
from mrcnn.matterport.loss_graphs import (
    mrcnn_bbox_loss_graph,
    mrcnn_class_loss_graph,
    mrcnn_mask_loss_graph,
    rpn_bbox_loss_graph,
    rpn_class_loss_graph,
)
from mrcnn.matterport.tensors import (
    apply_box_deltas_graph,
    batch_pack_graph,
    clip_boxes_graph,
    denorm_boxes_graph,
    detection_targets_graph,
    log2_graph,
    norm_boxes_graph,
    overlaps_graph,
    refine_detections_graph,
    smooth_l1_loss,
    trim_zeros_graph,
)
from mrcnn.modeling.anchors import backbone_shapes, image_anchors
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.modeling.network import build_network, predict_named
from mrcnn.modeling.normalization import BatchNorm
from mrcnn.modeling.roi_heads import PyramidROIAlign
from mrcnn.pipeline.transforms import compose_image_meta, mold_image, parse_image_meta, unmold_image
from mrcnn.screen import show
from mrcnn.training import driver, fingerprint
from mrcnn.training.data import TrainingData
from mrcnn.training.errors import RunError
from mrcnn.training.hashes import data_hashes
from mrcnn.training.run import Run, checkpoints, find_last, folder_name, position_of
from mrcnn.weights import downloads, hub, imagenet, named

__all__ = [
    "BatchNorm",
    "DataGenerator",
    "DetectionLayer",
    "DetectionTargetLayer",
    "MaskRCNN",
    "ProposalLayer",
    "PyramidROIAlign",
    "apply_box_deltas_graph",
    "batch_pack_graph",
    "build_detection_targets",
    "build_fpn_mask_graph",
    "build_rpn_model",
    "build_rpn_targets",
    "clip_boxes_graph",
    "compose_image_meta",
    "compute_backbone_shapes",
    "conv_block",
    "data_generator",
    "denorm_boxes_graph",
    "detection_targets_graph",
    "fpn_classifier_graph",
    "generate_random_rois",
    "identity_block",
    "load_image_gt",
    "log",
    "log2_graph",
    "mold_image",
    "mrcnn_bbox_loss_graph",
    "mrcnn_class_loss_graph",
    "mrcnn_mask_loss_graph",
    "norm_boxes_graph",
    "overlaps_graph",
    "parse_image_meta",
    "parse_image_meta_graph",
    "refine_detections_graph",
    "resnet_graph",
    "rpn_bbox_loss_graph",
    "rpn_class_loss_graph",
    "rpn_graph",
    "smooth_l1_loss",
    "trim_zeros_graph",
    "unmold_image",
]
__getattr__, _handed_on = handed_on.of(__name__)
__all__ += _handed_on

compute_backbone_shapes = backbone_shapes


def log(text, array=None):
    """Print a text, and an array's shape, range and type if one is given."""
    if array is not None:
        low, high = (f"{array.min():10.5f}", f"{array.max():10.5f}") if array.size else ("", "")
        text = f"{text:25}shape: {array.shape!s:20}  min: {low:10}  max: {high:10}  {array.dtype}"
    print(text)


class CheckpointPath(str):
    """The path of a checkpoint. It is also the pair (folder, path) that find_last used to return."""

    def __iter__(self):
        return iter((str(Path(self).parent), str(self)))

    def __getitem__(self, index):
        return tuple(self)[index] if index in (0, 1) else super().__getitem__(index)


class MaskRCNN:
    """Mask R-CNN for training or for inference.

    mode: "training" or "inference". config: a Config. model_dir: where runs are written.
    keras_model is the Keras model, epoch the number of epochs already trained, log_dir the folder of
    the run and checkpoint_path what its checkpoints are called, class_names what the weights of the class
    head say of their classes (None: nothing), mask_rule how the mask head's targets were sampled.
    A preset of keras-hub as BACKBONE is read unless the config has BACKBONE_PRESET, which is then filled in.
    Raises ConfigError with all that is wrong with the config, and the errors of weights.hub.complete.
    """

    def __init__(self, mode, config, model_dir):
        config.check()
        startup.start(training=mode == "training")
        hub.complete(config)
        self.mode = mode
        self.config = config
        self.model_dir = str(model_dir)
        self._parallel = _devices(config)
        with self._parallel.scope():
            self.keras_model = self.build(mode, config)
        self.class_names = None
        self.mask_rule = MaskRule.of(config.to_plain())
        self.set_log_dir()
        self._detector = Detector(self.keras_model, config, self._parallel.scope)
        keras_methods.add_methods(self.keras_model, self.save_weights, self._load_into_keras_model)

    def build(self, mode, config):
        """Build keras_model, see mrcnn.modeling.network.build_network; a subclass may build another."""
        return build_network(mode, config)

    # --- Weights --------------------------------------------------------------------------------

    def load_weights(self, filepath, by_name=False, exclude=None, insist=False, report=show):
        """Load weights by layer name from a file of ours, of matterport's, or of keras.applications.

        by_name: True loads what fits, False asks that the file hold every tensor of the network. A file for
        the backbone alone, as ImageNet's, is recognised and converted (with by_name). exclude: names of
        layers to leave as they are. insist: load by name however little fits. report: called with a line on
        what was loaded; None: nothing is said. A checkpoint's epoch and folder are gone on with, see
        set_log_dir. Returns a named.Report.
        Raises named.WeightsError if the file is unreadable or fits next to nothing.
        """
        graph, exclude = self.keras_model, exclude or ()
        found = imagenet.load_classifier(graph, filepath, exclude) if by_name and not insist else None
        if found is None:
            share = 0 if insist else named.MINIMUM_SHARE
            found = named.load(graph, filepath, by_name or insist, exclude, minimum_share=share)
        if any(name.startswith("mrcnn_class_logits/") for name in found.loaded):
            self.class_names = named.read_metadata(filepath).get("class_names")
        self._take_mask_rule(filepath, found)
        if report is not None:
            report(f"{filepath}: {found.summary()}")
        self.set_log_dir(filepath)
        return found

    def _take_mask_rule(self, filepath, found):
        """Take over how the loaded mask head was trained; training itself goes on by the config's rule."""
        if self.mode == "inference" and any(name.startswith("mrcnn_mask/") for name in found.loaded):
            self.mask_rule = MaskRule.of(named.read_metadata(filepath).get("config") or {})

    def get_imagenet_weights(self):
        """Return the path of the backbone's ImageNet weights; download them if they are not in the cache.

        Those of a preset of keras-hub are what it was trained on. Raises downloads.DownloadError, whose
        message gives an alternative.
        """
        if self.config.BACKBONE_PRESET is not None:
            return str(hub.weights_file(self.config.BACKBONE_PRESET))
        return str(downloads.fetch(self.config.BACKBONE))

    def find_last(self):
        """Return the path of the last checkpoint of the newest run with this config's NAME in model_dir.

        The path is also a pair as in older versions, whose second part is the path.
        Raises FileNotFoundError if there is none.
        """
        try:
            return CheckpointPath(find_last(self.model_dir, str(self.config.NAME).lower()))
        except RunError as error:
            raise FileNotFoundError(str(error)) from error

    def save_weights(self, filepath, epoch=None, layout="mrcnn"):
        """Write the weights with class names and config to a file that matterport's code can read too.

        layout: "matterport" rejects a network that matterport's code cannot build.
        """
        named.check_layout(layout, self.config)
        config = self.config.to_plain()
        for name in Config.no_effect:  # so that equal runs give equal files
            del config[name]
        config.update(self.mask_rule.settings())
        metadata = {
            "class_names": self.class_names,
            "config": config,
            "epoch": self.epoch if epoch is None else epoch,
        }
        named.save(self.keras_model, filepath, metadata)

    def _load_into_keras_model(self, filepath, by_name):
        """Load a file as keras_model.load_weights: all of it, or with by_name what fits."""
        self._take_mask_rule(filepath, named.load(self.keras_model, filepath, by_name))

    # --- Training -------------------------------------------------------------------------------

    def train(
        self, train_dataset, val_dataset, learning_rate, epochs, layers,
        augmentation=None, custom_callbacks=None, no_augmentation_sources=None,
    ):  # fmt: skip
        """Train up to a total of ``epochs``, including completed epochs.

        train_dataset, val_dataset: prepared Datasets; val_dataset may be None. layers: heads, 3+, 4+, 5+,
        all, or a regular expression of layer names. augmentation: see Loader. custom_callbacks: Keras
        callbacks. no_augmentation_sources: sources of images that are not augmented.
        """
        self._expect("training")
        if epochs <= self.epoch:
            print(f"Nothing to train: {self.epoch} epochs are done and {epochs} were requested.")
            return
        stage = {"layers": layers, "epochs": epochs - self.epoch, "learning_rate": learning_rate}
        data = TrainingData(
            train_dataset, val_dataset, augmentation, plain_sources=tuple(no_augmentation_sources or ())
        )
        driver.check(self, data, [stage])
        if self._run is None or self._run.discarded:
            self._run = self._open_run(data)
        with self._run.starting():
            driver.train(self, data, self._run, stages=[stage], callbacks=custom_callbacks or ())

    def begin_run(self, folder, class_names):
        """Take note of the folder that training writes to, and of its classes' names by class id."""
        self.log_dir, self.class_names = str(folder), list(class_names)

    def end_run(self, epoch):
        """Take note of how many whole epochs are done."""
        self.epoch = epoch

    def scope(self):
        """Return a context manager within which keras_model trains and runs on all devices of GPU_COUNT."""
        return self._parallel.scope()

    def _open_run(self, data):
        """The run in log_dir, or a new one if that folder holds another run, or later epochs of this one."""
        facts = fingerprint.ingredients(self.config, data_hashes(data.train, data.val))
        folder, known = Path(self.log_dir), checkpoints(self.log_dir)
        goes_on = max(known) == self.epoch if known else not (folder / "run.json").exists()
        run = Run(self.model_dir, self.config, folder=folder if goes_on else None)
        run.spared = frozenset(known) if goes_on else frozenset()
        with run.starting():
            run.write_settings(**facts)
        return run

    def set_log_dir(self, model_path=None):
        """Go on with the epoch of a checkpoint, in a folder with its run's date, or start a new run.

        model_path: ``<name><YYYYMMDDTHHMM>/mask_rcnn_<name>_<epoch>.h5``; other paths, and none, start at
        epoch 0. log_dir is within model_dir wherever the checkpoint lies. It is made, and may change, when it
        is trained.
        """
        begun, self.epoch = (None if model_path is None else position_of(model_path)) or (None, 0)
        self.log_dir = str(Path(self.model_dir) / folder_name(self.config, begun))
        self._run = None

    @property
    def checkpoint_path(self):
        """The path of this run's checkpoints with "{epoch:04d}" for the epoch."""
        return str(Path(self.log_dir) / f"mask_rcnn_{str(self.config.NAME).lower()}_{{epoch:04d}}.h5")

    def compile(self, learning_rate, momentum):
        """Compile keras_model with matterport's optimiser, for programs that call ``fit`` themselves."""
        with self.scope():
            clip = self.config.GRADIENT_CLIP_NORM / replicas()
            self.keras_model.compile(
                optimizer=keras.optimizers.SGD(learning_rate, momentum=momentum, clipnorm=clip)
            )

    def set_trainable(self, layer_regex, keras_model=None, indent=0, verbose=1):
        """Train the layers whose whole name matches a regular expression, and no others.

        keras_model: None uses self.keras_model. indent: spaces before printed lines. verbose: 1 prints these
        layers.
        """
        keras_model = keras_model or self.keras_model
        driver.set_trainable(keras_model, layer_regex)
        if verbose:
            print(f"{' ' * indent}Layers to train:")
            for name, layer in leaf_layers(keras_model).items():
                if layer.trainable_weights:
                    print(f"{' ' * indent}  {name:24} ({type(layer).__name__})")

    def find_trainable_layer(self, layer):
        """Return the layer that holds the weights within wrappers such as TimeDistributed."""
        while isinstance(layer, keras.layers.Wrapper):
            layer = layer.layer
        return layer

    def get_trainable_layers(self):
        """Return the layers of keras_model that have weights; the RPN counts as one, a nested model."""
        layers = [self.find_trainable_layer(layer) for layer in self.keras_model.layers]
        return [layer for layer in layers if layer.weights]

    # --- From training to inference -------------------------------------------------------------

    def for_inference(self, **overrides):
        """A MaskRCNN for inference with this one's weights, class names and config.

        overrides: settings that differ there, for example DETECTION_MIN_CONFIDENCE=0.05. Weights that are
        trained later reach it by ``take_weights``. Raises ConfigError.
        """
        config = copy.copy(self.config)
        config.update(overrides)
        detector = type(self)("inference", config, self.model_dir)
        detector.class_names = self.class_names
        detector.take_weights(self)
        return detector

    def take_weights(self, other):
        """Copy the weights of another MaskRCNN of the same network, in whichever mode.

        Raises named.WeightsError unless all tensors are there in their shapes.
        """
        stored = {tensor.name: tensor.numpy() for tensor in named.tensors_of(other.keras_model)}
        named.assign(self.keras_model, stored, "the other model", skip_mismatch=False, minimum_share=1)
        self.mask_rule = other.mask_rule

    # --- Detection ------------------------------------------------------------------------------

    def detect(self, images, verbose=0):
        """Detect the instances in any number of images of any sizes; threads may call it at the same time.

        images: list of [H, W, 3] uint8 RGB, Pillow images or paths, see detection.inputs. verbose: 1 prints
        shapes and ranges of intermediate arrays.
        Returns a dict per image: rois [N, (y1, x1, y2, x2)] int32 pixels, class_ids [N] int32,
        scores [N] float32, masks [H, W, N] bool, by decreasing score.
        """
        images = photographs(images, self.config.IMAGE_CHANNEL_COUNT)
        if verbose:
            log(f"Processing {len(images)} images")
            for image, molded in zip(images, molding.mold_inputs(images, self.config)[0]):
                log("image", image)
                log("molded image", molded)
        return list(self.detect_stream(images, finish=lambda found: dict(found.detections)))

    def detect_stream(self, sources, read=lambda image: image, finish=None, catch=(), tiling=None, tta=None):
        """Detect in any number of photographs, one after another, in memory that does not grow with them.

        sources: an iterable. read, finish, catch, tiling, tta: see detection.stream.Stream, which the results
        come from: Found objects in the order of the sources, or what ``finish`` makes of them.
        """
        self._expect("inference")
        return Stream(self._detector, self._rule, read, finish, catch, tiling=tiling, tta=tta)(sources)

    def detect_molded(self, molded_images, image_metas, verbose=0):
        """Detect in molded images; the results are in pixels of the molded images.

        molded_images: [B, H, W, 3] float32. image_metas: [B, M].
        """
        self._expect("inference")
        if verbose:
            log(f"Processing {len(molded_images)} images")
            for image in molded_images:
                log("image", image)
        results = []
        for rows in batches(list(zip(molded_images, image_metas)), self.config.BATCH_SIZE, _shape_of_first):
            images, metas = (np.stack(column) for column in zip(*rows))
            for image, found in zip(images, zip(*self._detector.run(images.astype(np.float32), metas))):
                window = (0, 0, *image.shape[:2])
                results.append(dict(molding.unmold(*found, image.shape, image.shape, window, self._rule)))
        return results

    def mold_inputs(self, images):
        """Mold photographs into network inputs: three arrays of what molding.mold_inputs lists.

        Raises ValueError if the molded images have several sizes, as in mode pad64. ``detect`` takes them.
        """
        molded, metas, windows = molding.mold_inputs(images, self.config)
        sizes = sorted({f"{image.shape[0]} x {image.shape[1]}" for image in molded})
        if len(sizes) > 1:
            raise ValueError(
                f"mold_inputs makes one array, but the molded images have the sizes {', '.join(sizes)} by "
                f"IMAGE_RESIZE_MODE {self.config.IMAGE_RESIZE_MODE}: mold them one by one."
            )
        return np.array(molded), np.array(metas), np.array(windows)

    def unmold_detections(self, detections, mrcnn_mask, original_image_shape, image_shape, window):
        """Convert detections of one image to its own pixels by MASK_PASTE, see molding.unmold_detections."""
        return molding.unmold_detections(
            detections, mrcnn_mask, original_image_shape, image_shape, window, self._rule
        )

    @property
    def _rule(self):
        """The MaskRule by which results are mapped, None for matterport's way."""
        return self.mask_rule if self.config.MASK_PASTE == "as_trained" else None

    def get_anchors(self, image_shape):
        """Return normalised anchors [A, (y1, x1, y2, x2)] of an image of the given molded shape."""
        self._detector.shape = image_shape
        return self._detector.anchors(image_shape)

    @property
    def anchors(self):
        """The most recently used anchors, [A, (y1, x1, y2, x2)] in pixels of the molded image."""
        return image_anchors(self.config, self._detector.shape, normalized=False)

    def _inputs(self, images, metas):
        """Return the network's inputs for molded images of one shape."""
        anchors = np.repeat(self.get_anchors(images.shape[1:])[None], len(images), axis=0)
        return [images, metas.astype("float32"), anchors]

    # --- Looks into the network -----------------------------------------------------------------

    def run_graph(self, images, outputs, image_metas=None):
        """Compute the values of tensors of keras_model for some images; return an OrderedDict of arrays.

        images: list of [H, W, 3] uint8 RGB, or with image_metas [B, M] molded images. outputs: pairs of a
        name and a tensor from keras_model.get_layer(...).output or ``ancestor``.
        """
        self._expect("inference")
        molded, metas = images, image_metas
        if image_metas is None:
            molded, metas, _ = self.mold_inputs(images)
        inputs = self._inputs(np.asarray(molded), np.asarray(metas))
        with self._detector.alone():
            found = inspection.run_graph(self.keras_model, inputs, outputs)
        for name, array in found.items():
            log(name, array)
        return found

    def network_outputs(self, molded_image, image_meta):
        """Compute all outputs for one molded image: arrays of a batch of one, see network.named_outputs.

        molded_image: [H, W, 3] float32. image_meta: [M]. Threads may call it at the same time.
        """
        self._expect("inference")
        inputs = self._inputs(np.asarray(molded_image)[None], np.asarray(image_meta)[None])
        with self._detector.alone():
            return predict_named(self.keras_model, inputs)

    def ancestor(self, tensor, name, checked=None):
        """Find a tensor by name among those from which a given one is computed, see inspection.ancestor.

        checked: has no effect.
        """
        return inspection.ancestor(tensor, name)

    def _expect(self, mode):
        if self.mode != mode:
            raise ValueError(f'this needs MaskRCNN(mode="{mode}"), but the model was made for {self.mode}.')


def _devices(config):
    """Return the DataParallel for GPU_COUNT; report if it gets only one device."""
    parallel = DataParallel(config.GPU_COUNT)
    if len(parallel.devices) < config.GPU_COUNT:
        print(
            f"GPU_COUNT is {config.GPU_COUNT}, but one device does it all, in batches of "
            f"{config.BATCH_SIZE}: Keras on {keras.backend.backend()} can share among no more here."
        )
    return parallel


def _shape_of_first(row):
    return row[0].shape
