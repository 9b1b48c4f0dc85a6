"""The loader: turns a data set into batches. Batch k of a run is a pure function of (seed, k).

B: images per batch, G: MAX_GT_INSTANCES, M: length of image meta, N: instances of an image.
"""

import contextlib
import threading
import time
from dataclasses import dataclass

import numpy as np
from keras.utils import PyDataset

from mrcnn.machine import cores
from mrcnn.pipeline import copy_paste
from mrcnn.pipeline.augment import Augmentation, augmentation_of
from mrcnn.pipeline.errors import ImageError
from mrcnn.pipeline.masks import cover_mask, extract_bboxes, minimize_mask, resize_mask
from mrcnn.pipeline.rois import random_rois
from mrcnn.pipeline.scaled import Store, load_scaled
from mrcnn.pipeline.transforms import compose_image_meta, frame_image, mold_image

# Keys that separate the random streams derived from one seed.
_ORDER, _IMAGE = 0, 1
# Two: one decodes while the other waits for the disk. Each holds a batch, so memory bounds their number.
_LEAST_THREADS, _MOST_THREADS = 2, 16


def load_image_gt(
    dataset, config, image_id, augment=False, augmentation=None, use_mini_mask=None, rng=None, donor=None,
    load=load_scaled,
):  # fmt: skip
    """Load an image and its gt as the network trains on them, before mean subtraction and padding to G.

    augment: matterport's old option, a left-right flip with probability 0.5. augmentation: as in
    augmentation_of. use_mini_mask: return mini-masks; None uses config.USE_MINI_MASK. rng: a NumPy
    Generator, the only randomness; None uses one seeded with config.SEED. donor: a Scene that an
    Augmentation with copy_paste pastes from. load: load_scaled or a Store, which loads in its place.
    Returns image [H, W, 3] uint8, image_meta [M], class_ids [N], bbox [N, (y1, x1, y2, x2)] int32 pixels
    of the resized image, mask [H, W, N] bool or [*MINI_MASK_SHAPE, N]: bool, or with MASK_TARGET aligned
    float16 from 0 to 1, see masks.cover_mask. Instances left without a pixel by resizing or augmentation are
    dropped.
    """
    rng = np.random.default_rng(config.SEED) if rng is None else rng
    augmentation = augmentation_of(augmentation)
    scene = load_scene(dataset, config, image_id, augmentation, rng, augment, load)
    image, mask, class_ids = scene.image, scene.masks, scene.class_ids
    if donor is not None:
        image, mask, class_ids = copy_paste.paste(
            image, mask, class_ids, (donor.image, donor.masks, donor.class_ids), rng,
            augmentation.paste_at_most, augmentation.occlusion, augmentation.min_visible,
        )  # fmt: skip

    bbox = extract_bboxes(mask)
    visible = bbox[:, 2] > bbox[:, 0]
    if not visible.all():
        mask, class_ids, bbox = mask[:, :, visible], class_ids[visible], bbox[visible]
    if config.USE_MINI_MASK if use_mini_mask is None else use_mini_mask:
        minimize = cover_mask if config.MASK_TARGET == "aligned" else minimize_mask
        mask = minimize(bbox, mask, config.MINI_MASK_SHAPE)

    active = np.zeros(dataset.num_classes, np.int32)
    active[dataset.source_class_ids[dataset.image_info[image_id]["source"]]] = 1
    meta = compose_image_meta(image_id, scene.original_shape, image.shape, scene.window, scene.scale, active)
    return np.ascontiguousarray(image), meta, class_ids, bbox, mask


@dataclass
class Scene:
    """An image [H, W, 3] at the network's size with its masks [H, W, N] and class_ids [N].

    original_shape: shape before resizing. window, scale: as resize_image returns them, before augmentation.
    """

    image: np.ndarray
    masks: np.ndarray
    class_ids: np.ndarray
    original_shape: tuple
    window: tuple
    scale: float


def load_scene(dataset, config, image_id, augmentation, rng, flip=False, load=load_scaled):
    """Load an image and its masks as a Scene, resized and augmented.

    augmentation: an object with ``apply``, or None. rng: a NumPy Generator, the only randomness.
    flip: flip left and right with probability 0.5. load: as in load_image_gt.
    """
    scaled = load(dataset, config, image_id)
    image, window, padding, crop = frame_image(
        scaled.image, config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_RESIZE_MODE, rng
    )
    masks = resize_mask(scaled.masks, 1, padding, crop)
    if flip and rng.random() < 0.5:
        image, masks = image[:, ::-1], masks[:, ::-1]
    if augmentation is not None:
        image, masks = augmentation.apply(image, masks, rng)
    return Scene(image, masks, scaled.class_ids, scaled.original_shape, window, scaled.scale)


def threads_of(config):
    """Return the number of threads that prepare batches: WORKERS, or by the number of processor cores."""
    if config.WORKERS is not None:
        return config.WORKERS
    return min(max(cores(), _LEAST_THREADS), _MOST_THREADS)


class Loader(PyDataset):
    """Batches of a data set for ``fit``, prepared by threads.

    Every pass over the data contains each image exactly once. The last batch of a pass may be shorter; with
    GPU_COUNT above 1 it is filled with the first images of the next pass instead.

    shuffle: use a different random order in each pass; False uses the data set's order in every epoch.
    seed: seed of all randomness; None uses config.SEED. augmentation: as in load_image_gt. plain_sources:
    sources whose images are not augmented. skip_bad: replace an unreadable image by the next one and record
    it in ``skipped`` instead of stopping the run. workers: number of threads; None uses threads_of(config).
    batch_size: None uses config.BATCH_SIZE. steps: batches per epoch; None uses as many as show every image
    once. start_epoch: number of the first epoch.

    Attributes: ``skipped`` maps the path of each skipped image to the reason. ``error`` holds the exception
    that stopped a thread, because some backends pass on its text only. ``ready`` maps a batch's number to the
    time.monotonic() at which it was ready. ``loading`` maps each thread to the path it reads and since when.

    Raises ValueError if the data set has no images.
    """

    def __init__(
        self,
        dataset,
        config,
        shuffle=True,
        seed=None,
        augmentation=None,
        plain_sources=(),
        skip_bad=False,
        workers=None,
        batch_size=None,
        steps=None,
        start_epoch=0,
    ):
        super().__init__(workers=threads_of(config) if workers is None else workers)
        if not len(dataset.image_ids):
            raise ValueError("The data set has no images; add some, then call prepare().")
        self.dataset = dataset
        self.config = config
        self.shuffle = shuffle
        self.seed = config.SEED if seed is None else seed
        self.augmentation = augmentation_of(augmentation)
        self.plain_sources = set(plain_sources)
        self.skip_bad = skip_bad
        self.batch_size = batch_size or config.BATCH_SIZE
        self._steps_of_pass = -(-len(dataset.image_ids) // self.batch_size)
        self.steps = steps or self._steps_of_pass
        self.epoch = start_epoch
        self.skipped = {}
        self.error = None
        self.ready = {}
        self.loading = {}
        self._load = Store(config.CACHE_GB)
        self._orders = {}
        self._lock = threading.Lock()
        self._within_epoch = False

    def __len__(self):
        return self.steps

    def __getitem__(self, index):
        number = self.epoch * self.steps + index if self.shuffle else index
        try:
            batch = self.batch(number)
        except Exception as error:
            self.error = error
            raise
        with self._lock:
            self.ready[number] = time.monotonic()
            if len(self.ready) > 2 * self.steps:  # no callback collects these times
                del self.ready[next(iter(self.ready))]
        return (batch,)

    def on_epoch_begin(self):
        """Note that Keras has started an epoch."""
        self._within_epoch = True

    def on_epoch_end(self):
        """Advance to the next epoch, whose batches have the next numbers."""
        # Keras also ends an epoch that never began, when it resets the iterator at the start of fit.
        if self._within_epoch:
            self.epoch += 1
        self._within_epoch = False

    def batch(self, k):
        """Make batch number k of the run: a dict of arrays, keyed by the names of the network's inputs.

        input_image [B, H, W, 3] uint8, or molded float32 if the images have another dtype; input_image_meta
        [B, M] float32; input_gt_class_ids [B, G] int32 (0: padding, negative: crowd); input_gt_boxes
        [B, G, (y1, x1, y2, x2)] float32 pixels; input_gt_masks [B, height, width, G] bool, or float16 as from
        load_image_gt. Without USE_RPN_ROIS also input_roi [B, POST_NMS_ROIS_TRAINING, (y1, x1, y2, x2)]
        float32 pixels. Raises ValueError if an image does not have the size of IMAGE_SHAPE, which anchors and
        targets are made for, ImageError if it cannot be read.
        """
        samples = [self._sample(position) for position in self._positions(k)]
        for sample in samples:
            self._check_size(sample)
        batch = {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}
        if batch["input_image"].dtype != np.uint8:  # the training model molds uint8 on the device
            batch["input_image"] = mold_image(batch["input_image"], self.config)
        return batch

    def _check_size(self, sample):
        """Raise ValueError for an image of another size than the network's, which pad64 and none may give."""
        height, width = sample["input_image"].shape[:2]
        wanted = tuple(int(side) for side in self.config.IMAGE_SHAPE[:2])
        if (height, width) != wanted:
            link = self.dataset.source_image_link(int(sample["input_image_meta"][0]))
            mode = self.config.IMAGE_RESIZE_MODE
            raise ValueError(
                f"{link}: has {height} x {width} pixels by IMAGE_RESIZE_MODE {mode}, but training needs "
                f"{wanted[0]} x {wanted[1]} of each image; set IMAGE_RESIZE_MODE to square or crop."
            )

    def _positions(self, k):
        """Return the positions of a batch's images in the endless stream of passes."""
        if self.config.GPU_COUNT > 1:  # devices share a batch equally, so batches run on into the next pass
            return range(k * self.batch_size, (k + 1) * self.batch_size)
        count = len(self.dataset.image_ids)
        passes, step = divmod(k, self._steps_of_pass)
        first = step * self.batch_size
        return range(passes * count + first, passes * count + min(first + self.batch_size, count))

    def image_id_at(self, position):
        """Return the id of the image at a position in the endless stream of passes over the data."""
        passes, place = divmod(position, len(self.dataset.image_ids))
        if not self.shuffle:
            return self.dataset.image_ids[place]
        with self._lock:
            if passes not in self._orders:
                rng = np.random.default_rng([self.seed, _ORDER, passes])
                # Keep the previous pass too: a batch can span the border between two passes.
                self._orders = {p: o for p, o in self._orders.items() if p >= passes - 1}
                self._orders[passes] = rng.permutation(self.dataset.image_ids)
            return self._orders[passes][place]

    def _sample(self, position):
        """Make the arrays of one image, or with skip_bad those of the next readable image."""
        return self._readable(position, lambda image_id, rng: self._padded(*self._gt(image_id, rng), rng))

    def example(self, position):
        """Return the training example at a position in the endless stream, for display.

        Returns the image's id in the data set, image [H, W, 3] uint8, class_ids [N] and full-size masks
        [H, W, N] bool.
        """

        def look(image_id, rng):
            image, _, class_ids, _, masks = self._gt(image_id, rng, use_mini_mask=False)
            return image_id, image, class_ids, masks

        return self._readable(position, look)

    def _readable(self, position, make):
        """Call make(image_id, rng) for the image at a position, or with skip_bad the next readable one."""
        for skip in range(len(self.dataset.image_ids)):
            image_id = self.image_id_at(position + skip)
            try:
                with self._noted(image_id):
                    return make(image_id, np.random.default_rng([self.seed, _IMAGE, position]))
            except (ImageError, OSError) as error:
                self._skip(image_id, error)
        raise ImageError(f"None of the {len(self.dataset.image_ids)} images can be read.")

    @contextlib.contextmanager
    def _noted(self, image_id):
        """Record in ``loading`` what this thread reads, so that a stall can be reported."""
        thread = threading.get_ident()
        before = self.loading.get(thread)
        self.loading[thread] = (self.dataset.source_image_link(image_id), time.monotonic())
        try:
            yield
        finally:
            if before is None:
                del self.loading[thread]
            else:
                self.loading[thread] = before

    def _skip(self, image_id, error):
        """Record an unreadable image; raise the error instead if images must not be skipped."""
        if not self.skip_bad:
            raise error
        with self._lock:
            self.skipped[self.dataset.source_image_link(image_id)] = str(error)

    def _gt(self, image_id, rng, use_mini_mask=None):
        """Call load_image_gt with this loader's augmentation and randomness."""
        plain = self.dataset.image_info[image_id]["source"] in self.plain_sources
        augmentation = None if plain else self.augmentation
        donor = None
        if isinstance(augmentation, Augmentation) and augmentation.copy_paste:
            donor = self._donor(image_id, rng)
        return load_image_gt(
            self.dataset, self.config, image_id, augmentation=augmentation, use_mini_mask=use_mini_mask,
            rng=rng, donor=donor, load=self._load,
        )  # fmt: skip

    def _donor(self, image_id, rng):
        """Load a Scene to paste from, with the probability that the augmentation sets; otherwise None."""
        if rng.random() >= self.augmentation.copy_paste:
            return None
        donor_id = self._another(image_id, rng)
        try:
            with self._noted(donor_id):
                return load_scene(
                    self.dataset, self.config, donor_id, self.augmentation, rng, load=self._load
                )
        except (ImageError, OSError) as error:
            self._skip(donor_id, error)
            return None

    def _another(self, image_id, rng):
        """Choose another image of the same source at random, or the image itself if none is found.

        The pasted classes must be active in the image, which the same source ensures.
        """
        source = self.dataset.image_info[image_id]["source"]
        for _ in range(50):
            other = self.dataset.image_ids[rng.integers(len(self.dataset.image_ids))]
            if other != image_id and self.dataset.image_info[other]["source"] == source:
                return other
        return image_id

    def _padded(self, image, meta, class_ids, bbox, mask, rng):
        """Pad one image's arrays to the batch's fixed sizes; of more than G instances keep a random G."""
        places = self.config.MAX_GT_INSTANCES
        if len(class_ids) > places:
            chosen = np.sort(rng.choice(len(class_ids), places, replace=False))
            class_ids, bbox, mask = class_ids[chosen], bbox[chosen], mask[:, :, chosen]
        missing = places - len(class_ids)
        sample = {
            "input_image": image,
            "input_image_meta": meta.astype(np.float32),
            "input_gt_class_ids": np.pad(class_ids, (0, missing)),
            "input_gt_boxes": np.pad(bbox, [(0, missing), (0, 0)]).astype(np.float32),
            "input_gt_masks": np.pad(mask, [(0, 0), (0, 0), (0, missing)]),
        }
        if not self.config.USE_RPN_ROIS:
            rois = random_rois(image.shape, self.config.POST_NMS_ROIS_TRAINING, bbox, rng)
            sample["input_roi"] = rois.astype(np.float32)
        return sample
