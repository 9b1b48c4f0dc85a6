"""From a data set to batches: batch number k of a run is a pure function of (seed, k).

B: images of a batch, G: MAX_GT_INSTANCES, M: length of image meta.
"""

import contextlib
import threading
import time
from dataclasses import dataclass

import numpy as np
from keras.utils import PyDataset

from mrcnn.pipeline import copy_paste
from mrcnn.pipeline.augment import Augmentation, augmentation_of
from mrcnn.pipeline.errors import ImageError
from mrcnn.pipeline.masks import extract_bboxes, minimize_mask, resize_mask
from mrcnn.pipeline.rois import random_rois
from mrcnn.pipeline.transforms import compose_image_meta, mold_image, resize_image

# Separates the random streams that one seed feeds.
_ORDER, _IMAGE = 0, 1


def load_image_gt(
    dataset, config, image_id, augment=False, augmentation=None, use_mini_mask=None, rng=None, donor=None
):
    """An image and its gt as the network learns them, but for the mean pixel and padding to G.

    augment: matterport's old way, a left-right flip half of the time. augmentation: as in augmentation_of.
    use_mini_mask: masks are mini-masks (none: as config.USE_MINI_MASK says). rng: the only randomness; a
    fixed one where none is given. donor: a Scene from which an Augmentation with copy_paste pastes.
    Returns image [H, W, 3] uint8, image_meta [M], class_ids [N], bbox [N, (y1, x1, y2, x2)] int32 pixels
    of the resized image, mask [H, W, N] or [*MINI_MASK_SHAPE, N] bool. Instances that resizing or
    augmentation left without a pixel are dropped.
    """
    rng = np.random.default_rng(config.SEED) if rng is None else rng
    augmentation = augmentation_of(augmentation)
    scene = load_scene(dataset, config, image_id, augmentation, rng, flip=augment)
    image, mask, class_ids = scene.image, scene.masks, scene.class_ids
    if donor is not None:
        image, mask, class_ids = copy_paste.paste(
            image, mask, class_ids, (donor.image, donor.masks, donor.class_ids), rng,
            augmentation.paste_at_most, augmentation.occlusion, augmentation.min_visible,
        )  # fmt: skip

    visible = mask.any(axis=(0, 1))
    if not visible.all():
        mask, class_ids = mask[:, :, visible], class_ids[visible]
    bbox = extract_bboxes(mask)
    if config.USE_MINI_MASK if use_mini_mask is None else use_mini_mask:
        mask = minimize_mask(bbox, mask, config.MINI_MASK_SHAPE)

    active = np.zeros(dataset.num_classes, np.int32)
    active[dataset.source_class_ids[dataset.image_info[image_id]["source"]]] = 1
    meta = compose_image_meta(image_id, scene.original_shape, image.shape, scene.window, scene.scale, active)
    return np.ascontiguousarray(image), meta, class_ids, bbox, mask


@dataclass
class Scene:
    """An image [H, W, 3] at the network's size with its masks [H, W, N] and class_ids [N].

    original_shape, window, scale: what resizing did, see resize_image; they are of before augmentation.
    """

    image: np.ndarray
    masks: np.ndarray
    class_ids: np.ndarray
    original_shape: tuple
    window: tuple
    scale: float


def load_scene(dataset, config, image_id, augmentation, rng, flip=False):
    """The Scene of an image, resized and augmented. flip: left and right change places half of the time.

    augmentation: an object with ``apply``, or None.
    """
    image, masks, class_ids = _load(dataset, image_id)
    original_shape = image.shape
    image, window, scale, padding, crop = resize_image(
        image,
        min_dim=config.IMAGE_MIN_DIM,
        max_dim=config.IMAGE_MAX_DIM,
        min_scale=config.IMAGE_MIN_SCALE,
        mode=config.IMAGE_RESIZE_MODE,
        rng=rng,
    )
    masks = resize_mask(masks, scale, padding, crop)
    if flip and rng.random() < 0.5:
        image, masks = image[:, ::-1], masks[:, ::-1]
    if augmentation is not None:
        image, masks = augmentation.apply(image, masks, rng)
    return Scene(image, masks, class_ids, original_shape, window, scale)


def _load(dataset, image_id):
    """Image, masks and class ids as the data set has them; masks [H, W, 0] where there are none."""
    image = dataset.load_image(image_id)
    mask, class_ids = dataset.load_mask(image_id)
    if not len(class_ids):
        return image, np.zeros((*image.shape[:2], 0), bool), np.zeros(0, np.int32)
    if mask.shape[:2] != image.shape[:2]:
        raise ImageError(
            f"{dataset.source_image_link(image_id)}: the image is {image.shape[1]} x {image.shape[0]}, "
            f"its masks are {mask.shape[1]} x {mask.shape[0]}; load_mask must resize them."
        )
    return image, np.asarray(mask, bool), np.asarray(class_ids, np.int32)


class Loader(PyDataset):
    """Batches of a data set for ``fit``, prepared by threads.

    Each image comes exactly once in every pass over the data; the last batch of a pass may be shorter, but
    with GPU_COUNT above 1, where it takes in the first images of the next pass.
    shuffle: each pass in an order of its own; without it, in the data set's order, the same each epoch.
    seed: none is config.SEED. augmentation: as in load_image_gt.
    plain_sources: sources whose images are not augmented. skip_bad: an unreadable file gives its place
    to the next image and is noted in ``skipped`` (path to reason), instead of stopping the run. steps:
    batches of an epoch; none: as many as show every image once. start_epoch: the epoch that comes first.

    ``error`` keeps the exception that stopped a thread: some backends only pass on its text. ``ready`` tells
    by its number when a batch was (time.monotonic()), ``loading`` what each thread reads and since when.
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
        super().__init__(workers=config.WORKERS if workers is None else workers, use_multiprocessing=False)
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
            if len(self.ready) > 2 * self.steps:  # nobody asks
                del self.ready[next(iter(self.ready))]
        return (batch,)

    def on_epoch_begin(self):
        self._within_epoch = True

    def on_epoch_end(self):
        # Keras also ends an epoch that never began, when it resets the iterator at the start of fit.
        if self._within_epoch:
            self.epoch += 1
        self._within_epoch = False

    def batch(self, k):
        """Batch number k of the run: a dict of arrays under the names of the network's inputs.

        input_image [B, H, W, 3] float32 molded, input_image_meta [B, M] float32, input_gt_class_ids
        [B, G] int32 (0: padding, negative: crowd), input_gt_boxes [B, G, (y1, x1, y2, x2)] float32
        pixels, input_gt_masks [B, height, width, G] bool.
        """
        samples = [self._sample(position) for position in self._positions(k)]
        shapes = {sample["input_image"].shape[:2] for sample in samples}
        if len(shapes) > 1:
            raise ValueError(
                f"Images of one batch have different sizes, {' and '.join(map(str, sorted(shapes)))}: "
                f"IMAGE_RESIZE_MODE {self.config.IMAGE_RESIZE_MODE!r} needs IMAGES_PER_GPU 1."
            )
        batch = {name: np.stack([sample[name] for sample in samples]) for name in samples[0]}
        batch["input_image"] = mold_image(batch["input_image"], self.config)
        return batch

    def _positions(self, k):
        """Where the images of a batch stand in the endless stream."""
        if self.config.GPU_COUNT > 1:  # devices share a batch in equal parts: it goes on with the next pass
            return range(k * self.batch_size, (k + 1) * self.batch_size)
        count = len(self.dataset.image_ids)
        passes, step = divmod(k, self._steps_of_pass)
        first = step * self.batch_size
        return range(passes * count + first, passes * count + min(first + self.batch_size, count))

    def image_id_at(self, position):
        """The image at a position of the endless stream: pass after pass over the data."""
        passes, place = divmod(position, len(self.dataset.image_ids))
        if not self.shuffle:
            return self.dataset.image_ids[place]
        with self._lock:
            if passes not in self._orders:
                rng = np.random.default_rng([self.seed, _ORDER, passes])
                # Two passes are at hand at once where a batch spans their border.
                self._orders = {p: o for p, o in self._orders.items() if p >= passes - 1}
                self._orders[passes] = rng.permutation(self.dataset.image_ids)
            return self._orders[passes][place]

    def _sample(self, position):
        """The arrays of one image; the next readable one's with skip_bad."""
        return self._readable(position, lambda image_id, rng: self._padded(*self._gt(image_id, rng), rng))

    def example(self, position):
        """What training sees at a position of the endless stream, for people.

        Returns the image's number in the data set, image [H, W, 3] uint8, class_ids [N] and whole masks
        [H, W, N] bool.
        """

        def look(image_id, rng):
            image, _, class_ids, _, masks = self._gt(image_id, rng, use_mini_mask=False)
            return image_id, image, class_ids, masks

        return self._readable(position, look)

    def _readable(self, position, make):
        """make(image_id, rng) for the image at a position; for the next readable one with skip_bad."""
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
        """Keep in ``loading`` what this thread reads, for one who waits for it."""
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
        """Note an unreadable image, or raise the error where none may be skipped."""
        if not self.skip_bad:
            raise error
        with self._lock:
            self.skipped[self.dataset.source_image_link(image_id)] = str(error)

    def _gt(self, image_id, rng, use_mini_mask=None):
        """load_image_gt with this loader's augmentation and randomness."""
        plain = self.dataset.image_info[image_id]["source"] in self.plain_sources
        augmentation = None if plain else self.augmentation
        donor = None
        if isinstance(augmentation, Augmentation) and augmentation.copy_paste:
            donor = self._donor(image_id, rng)
        return load_image_gt(
            self.dataset, self.config, image_id, augmentation=augmentation, use_mini_mask=use_mini_mask,
            rng=rng, donor=donor,
        )  # fmt: skip

    def _donor(self, image_id, rng):
        """The Scene of an image to paste from, as often as the augmentation says; None otherwise."""
        if rng.random() >= self.augmentation.copy_paste:
            return None
        donor_id = self._another(image_id, rng)
        try:
            with self._noted(donor_id):
                return load_scene(self.dataset, self.config, donor_id, self.augmentation, rng)
        except (ImageError, OSError) as error:
            self._skip(donor_id, error)
            return None

    def _another(self, image_id, rng):
        """A random other image of the same source, for its classes must be active; else the image."""
        source = self.dataset.image_info[image_id]["source"]
        for _ in range(50):
            other = self.dataset.image_ids[rng.integers(len(self.dataset.image_ids))]
            if other != image_id and self.dataset.image_info[other]["source"] == source:
                return other
        return image_id

    def _padded(self, image, meta, class_ids, bbox, mask, rng):
        """One image's arrays at the batch's fixed sizes; of too many instances a random choice stays."""
        places = self.config.MAX_GT_INSTANCES
        if len(class_ids) > places:
            chosen = np.sort(rng.choice(len(class_ids), places, replace=False))
            class_ids, bbox, mask = class_ids[chosen], bbox[chosen], mask[:, :, chosen]
        missing = places - len(class_ids)
        sample = {
            "input_image": image,  # molded when the batch is together: one pass less over its pixels
            "input_image_meta": meta.astype(np.float32),
            "input_gt_class_ids": np.pad(class_ids, (0, missing)),
            "input_gt_boxes": np.pad(bbox, [(0, missing), (0, 0)]).astype(np.float32),
            "input_gt_masks": np.pad(mask, [(0, 0), (0, 0), (0, missing)]),
        }
        if not self.config.USE_RPN_ROIS:
            rois = random_rois(image.shape, self.config.POST_NMS_ROIS_TRAINING, bbox, rng)
            sample["input_roi"] = rois.astype(np.float32)
        return sample
