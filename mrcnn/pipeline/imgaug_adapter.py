"""An adapter that gives imgaug augmenters this library's ``apply(image, masks, rng)``.

imgaug applies augmenters that move pixels to segmentation maps too, and leaves the maps unchanged where
only colours change, so imgaug itself decides which augmenters move masks. All masks of an image are encoded
in one map: each value stands for the set of masks that cover a pixel.

H, W: height and width of the image; N: masks; L: distinct sets of masks in the image, the empty set first.
"""

import warnings

import numpy as np

from mrcnn.supplied import numpy_names

# Border modes that copy pixels of the image, so that masks can be copied too. CropAndPad also has modes
# that create new values, such as means and ramps.
_COPYING = {"constant", "edge", "reflect", "symmetric", "wrap"}


def is_imgaug(thing):
    """Return whether an object is an imgaug augmenter, without importing imgaug."""
    return any(cls.__module__.split(".")[0] == "imgaug" for cls in type(thing).__mro__)


class ImgaugAdapter:
    """Wraps an imgaug augmenter; all its randomness comes from the generator passed to ``apply``.

    The augmenter is copied for each image: threads share no state, and neither the program's own object nor
    imgaug's global generator changes. Warns about parts that may move pixels without moving masks.
    """

    def __init__(self, augmenter):
        self.augmenter = augmenter
        # imgaug is no longer maintained; users can do nothing about the deprecated calls it makes.
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category, module=r"imgaug\.")
        for part in _tree(augmenter):
            if _may_leave_masks_behind(part):
                warnings.warn(
                    f"The augmenter {part.name} changes images by custom code but has no such code for "
                    "segmentation maps. If it moves pixels, the masks do not follow.",
                    stacklevel=3,
                )

    def apply(self, image, masks, rng):
        """Augment an image [H, W, C] and its masks [H, W, N] bool with randomness from ``rng``.

        Returns the new image and masks. Raises ValueError if the augmenter changes the size of the image.
        """
        labels, table = _to_labels(masks)
        changed, moved = self._augment(np.ascontiguousarray(image), labels, int(rng.integers(2**31 - 1)))
        # Augmenters that only change colours leave the labels unchanged; the masks are then returned as is.
        return changed, masks if np.array_equal(moved, labels) else table[moved]

    def _augment(self, image, labels, seed):
        """Run an image [H, W, C] and labels [H, W] int32 through a copy of the augmenter."""
        numpy_names.supply()  # imgaug was written for the NumPy of 2020
        import imgaug
        from imgaug.augmentables.segmaps import SegmentationMapsOnImage

        augmenter = self.augmenter.deepcopy()
        augmenter.seed_(seed, deterministic_too=True)
        for part in _tree(augmenter):
            _prepare(part)
        resizing = []

        def watch(values, part, parents):
            """Record the augmenters that change the size of the image."""
            images = [value for value in values if isinstance(value, np.ndarray)]
            resizing.extend(part.name for value in images if value.shape != image.shape)
            return values

        changed, moved = augmenter.augment(
            image=image,
            segmentation_maps=SegmentationMapsOnImage(labels[:, :, None], shape=image.shape),
            hooks=imgaug.HooksImages(postprocessor=watch),
        )
        if changed.shape != image.shape:
            raise ValueError(
                f"The augmenter {resizing[0]} changes the shape of the image from {image.shape} to "
                f"{changed.shape}. Augmentation must keep the size: use keep_size=True, or set IMAGE_MIN_DIM "
                "and IMAGE_MAX_DIM instead."
            )
        return changed, moved.arr[:, :, 0]


def _tree(augmenter):
    """Return an augmenter and all augmenters nested in it."""
    return [augmenter, *augmenter.get_all_children(flat=True)]


def _may_leave_masks_behind(part):
    """Return whether an augmenter has custom code for images but none for segmentation maps."""
    cls = type(part)
    if f"{cls.__module__}.{cls.__name__}" == "imgaug.augmenters.meta.Lambda":
        return part.func_images is not None and part.func_segmentation_maps is None
    of_images, *of_masks = (
        next(base.__module__ for base in cls.__mro__ if method in vars(base)).split(".")[0]
        for method in ("_augment_images", "_augment_segmentation_maps", "_augment_batch_")
    )
    return of_images != "imgaug" and of_masks == ["imgaug", "imgaug"]


def _prepare(part):
    """Adjust a copied augmenter where the behaviour of imgaug 0.4.0 does not fit here."""
    # Masks repeat at a border as the image does; by default imgaug leaves them empty there.
    if hasattr(part, "_mode_segmentation_maps"):
        part._mode_segmentation_maps = None
    if hasattr(part, "_pad_mode_segmentation_maps"):
        mode = part.pad_mode  # a constant keeps its mode in .value, a random choice keeps its options in .a
        modes = getattr(mode, "a", None) or [getattr(mode, "value", None)]
        if _COPYING.issuperset(modes):
            part._pad_mode_segmentation_maps = None
    # With NumPy 2 the shifts of ElasticTransformation become float64, which OpenCV refuses.
    if hasattr(part, "_generate_shift_maps"):
        generate = part._generate_shift_maps
        part._generate_shift_maps = lambda *args, **options: np.float32(generate(*args, **options))


def _to_labels(masks):
    """Encode masks [H, W, N] bool as labels [H, W] int32 and a table [L, N] bool: masks == table[labels]."""
    height, width, count = masks.shape
    labels = np.zeros(height * width, np.int32)
    rows = [np.zeros(count, bool)]
    pixels, owners = np.divmod(np.flatnonzero(masks), max(count, 1))
    ends = np.cumsum(np.bincount(owners, minlength=count))
    pixels = pixels[np.argsort(owners, kind="stable")]
    for number, (start, end) in enumerate(zip([0, *ends], ends)):
        inside = pixels[start:end]
        covering = labels[inside]  # the sets so far; each is extended by this mask
        known = np.flatnonzero(np.bincount(covering))
        following = np.zeros(len(rows), np.int32)
        following[known] = len(rows) + np.arange(len(known))
        labels[inside] = following[covering]
        for label in known:
            rows.append(rows[label].copy())
            rows[-1][number] = True
    return labels.reshape(height, width), np.array(rows)
