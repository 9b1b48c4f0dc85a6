"""Batches with matterport's inputs and outputs, without end or by number.

A: anchors, B: images, G: MAX_GT_INSTANCES, T: TRAIN_ROIS_PER_IMAGE.
"""

import itertools

import numpy as np
from keras.utils import PyDataset

from mrcnn.matterport.batches import build_detection_targets, build_rpn_targets, generate_random_rois
from mrcnn.modeling.anchors import image_anchors
from mrcnn.pipeline.augment import Augmentation
from mrcnn.pipeline.loader import Loader
from mrcnn.pipeline.transforms import mold_image

# The key of these random streams; the loader uses 0 and 1.
_TARGETS = 2


def data_generator(
    dataset, config, shuffle=True, augment=False, augmentation=None, random_rois=0, batch_size=1,
    detection_targets=False, no_augmentation_sources=None,
):  # fmt: skip
    """Yield the batches of a DataGenerator without end, as [inputs, outputs].

    augment: a left-right flip with probability 0.5.
    """
    if augmentation is None and augment:
        augmentation = Augmentation(flip_horizontal=True)
    batches = DataGenerator(
        dataset, config, shuffle, augmentation, random_rois, detection_targets, batch_size,
        no_augmentation_sources,
    )  # fmt: skip
    return (list(batches.batch(number)) for number in itertools.count())


class DataGenerator(PyDataset):
    """Batches of images in the order of this package's training, as in the ports to TensorFlow 2.

    shuffle, augmentation, no_augmentation_sources: see Loader. batch_size: None uses config.BATCH_SIZE.
    A batch is (inputs, outputs). inputs: molded images [B, H, W, 3], image metas, RPN matches [B, A, 1] and
    deltas, gt class ids [B, G], boxes and masks; with random_rois, that many ROIs per image; with
    detection_targets, the ROIs [B, T, 4] chosen from them. outputs: [], or with detection_targets class ids
    [B, T, 1], deltas and masks. Each image occurs once in every pass over the data; a batch may span two.
    Raises ValueError for detection_targets without random_rois.
    """

    def __init__(
        self, dataset, config, shuffle=True, augmentation=None, random_rois=0, detection_targets=False,
        batch_size=None, no_augmentation_sources=None,
    ):  # fmt: skip
        super().__init__()
        if detection_targets and not random_rois:
            raise ValueError(
                "detection_targets needs ROIs to choose from: give random_rois, for instance 2000."
            )
        self.batch_size = batch_size or config.BATCH_SIZE
        self.random_rois, self.detection_targets = random_rois, detection_targets
        self._loader = Loader(
            dataset, config, shuffle, augmentation=augmentation, plain_sources=no_augmentation_sources or (),
            batch_size=1,  # so that a batch may span two passes over the data
        )  # fmt: skip
        self._anchors, self._epoch = {}, 0

    def __len__(self):
        return -(-len(self._loader.dataset.image_ids) // self.batch_size)

    def __getitem__(self, index):
        return self.batch(self._epoch * len(self) + index)

    def on_epoch_end(self):
        """Go on to the next epoch, whose batches have the next numbers."""
        self._epoch += 1

    def batch(self, number):
        """Make a batch by its number in the endless stream; the same number gives the same batch."""
        positions = range(number * self.batch_size, (number + 1) * self.batch_size)
        images = [
            _example(self._loader, p, self._anchors, self.random_rois, self.detection_targets)
            for p in positions
        ]
        inputs, outputs = zip(*images)
        return [np.stack(column) for column in zip(*inputs)], [np.stack(column) for column in zip(*outputs)]


def _example(loader, position, anchors, random_rois, detection_targets):
    """Return the inputs and outputs of one image. anchors: a cache by image shape."""
    config = loader.config
    sample = {name: array[0] for name, array in loader.batch(position).items()}
    rng = np.random.default_rng([loader.seed, _TARGETS, position])
    image, meta = sample["input_image"], sample["input_image_meta"]
    if image.dtype == np.uint8:
        image = mold_image(image, config)
    class_ids, boxes, masks = (sample[f"input_gt_{name}"] for name in ("class_ids", "boxes", "masks"))
    boxes = boxes.astype(np.int32)
    if image.shape not in anchors:
        anchors[image.shape] = image_anchors(config, image.shape, normalized=False)
    rpn_match, rpn_deltas = build_rpn_targets(
        image.shape, anchors[image.shape], class_ids, boxes, config, rng
    )
    inputs = [image, meta, rpn_match[:, None], rpn_deltas, class_ids, boxes, masks]
    if not random_rois:
        return inputs, []
    rois = generate_random_rois(image.shape, random_rois, class_ids, boxes[class_ids != 0], rng)
    if not detection_targets:
        return [*inputs, rois], []
    chosen, roi_class_ids, deltas, roi_masks = build_detection_targets(
        rois, class_ids, boxes, masks, config, rng
    )
    return [*inputs, rois, chosen], [roi_class_ids[:, None], deltas, roi_masks]
