"""Augmenters of the package imgaug with the interface of our own: image and masks move together.

imgaug carries segmentation maps through whatever moves pixels and leaves them to themselves in what changes
colours, so it is imgaug that knows which augmenters concern masks. All masks travel in one map, whose
values are the sets of masks that cover a pixel.

H, W: image; N: masks; L: sets of masks that occur in an image, the empty one first.
"""

import warnings

import numpy as np

# Ways to fill a border with pixels of the image, in which masks can follow. CropAndPad has others, means
# and ramps, that make new values.
_COPYING = {"constant", "edge", "reflect", "symmetric", "wrap"}


def is_imgaug(thing):
    """Whether an object is an augmenter of imgaug, told without importing imgaug."""
    return any(cls.__module__.split(".")[0] == "imgaug" for cls in type(thing).__mro__)


class ImgaugAdapter:
    """An augmenter of imgaug with ``apply``, whose randomness is the given generator's alone.

    The augmenter is copied for each image: threads share nothing, and the program's own object and
    imgaug's global generator stay as they are. Warns of parts that may move pixels and not masks.
    """

    def __init__(self, augmenter):
        self.augmenter = augmenter
        # imgaug is not developed any more; what its calls of other packages announce concerns no user.
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", category=category, module=r"imgaug\.")
        for part in _tree(augmenter):
            if _may_leave_masks_behind(part):
                warnings.warn(
                    f"The augmenter {part.name} changes images by code of its own and has none for "
                    "segmentation maps: where it moves pixels, masks stay behind.",
                    stacklevel=3,
                )

    def apply(self, image, masks, rng):
        """Augment an image [H, W, C] and its masks [H, W, N] bool.

        Raises ValueError where the augmenter changes the size of the image.
        """
        labels, table = _to_labels(masks)
        changed, moved = self._augment(np.ascontiguousarray(image), labels, int(rng.integers(2**31 - 1)))
        # Augmenters of colour leave the labels, and so the very masks.
        return changed, masks if np.array_equal(moved, labels) else table[moved]

    def _augment(self, image, labels, seed):
        """An image [H, W, C] and labels [H, W] int32 through a copy of the augmenter."""
        import imgaug
        from imgaug.augmentables.segmaps import SegmentationMapsOnImage

        augmenter = self.augmenter.deepcopy()
        augmenter.seed_(seed, deterministic_too=True)
        for part in _tree(augmenter):
            _prepare(part)
        resizing = []

        def watch(values, part, parents):
            """Note the augmenters after which the image has another size."""
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
                f"The augmenter {resizing[0]} makes an image of shape {image.shape} one of {changed.shape}. "
                "Augmentation must keep the size: use keep_size=True, or set IMAGE_MIN_DIM and "
                "IMAGE_MAX_DIM instead."
            )
        return changed, moved.arr[:, :, 0]


def _tree(augmenter):
    """An augmenter and all that are within it."""
    return [augmenter, *augmenter.get_all_children(flat=True)]


def _may_leave_masks_behind(part):
    """Whether an augmenter has code of its own for images and none for segmentation maps."""
    cls = type(part)
    if f"{cls.__module__}.{cls.__name__}" == "imgaug.augmenters.meta.Lambda":
        return part.func_images is not None and part.func_segmentation_maps is None
    of_images, *of_masks = (
        next(base.__module__ for base in cls.__mro__ if method in vars(base)).split(".")[0]
        for method in ("_augment_images", "_augment_segmentation_maps", "_augment_batch_")
    )
    return of_images != "imgaug" and of_masks == ["imgaug", "imgaug"]


def _prepare(part):
    """Change a copied augmenter where imgaug 0.4.0 does not do what is needed here."""
    # Masks repeat at a border as the image does; imgaug would leave them empty there.
    if hasattr(part, "_mode_segmentation_maps"):
        part._mode_segmentation_maps = None
    if hasattr(part, "_pad_mode_segmentation_maps"):
        mode = part.pad_mode  # a constant has a value, a choice its options in a
        modes = getattr(mode, "a", None) or [getattr(mode, "value", None)]
        if _COPYING.issuperset(modes):
            part._pad_mode_segmentation_maps = None
    # With NumPy 2 the shifts of ElasticTransformation become float64, which OpenCV refuses.
    if hasattr(part, "_generate_shift_maps"):
        generate = part._generate_shift_maps
        part._generate_shift_maps = lambda *args, **options: np.float32(generate(*args, **options))


def _to_labels(masks):
    """Masks [H, W, N] bool as labels [H, W] int32 and a table [L, N] bool: masks == table[labels]."""
    height, width, count = masks.shape
    labels = np.zeros(height * width, np.int32)
    rows = [np.zeros(count, bool)]
    pixels, owners = np.divmod(np.flatnonzero(masks), max(count, 1))
    ends = np.cumsum(np.bincount(owners, minlength=count))
    pixels = pixels[np.argsort(owners, kind="stable")]
    for number, (start, end) in enumerate(zip([0, *ends], ends)):
        inside = pixels[start:end]
        covering = labels[inside]  # the sets so far, each of which gets this mask as a further one
        known = np.flatnonzero(np.bincount(covering))
        following = np.zeros(len(rows), np.int32)
        following[known] = len(rows) + np.arange(len(known))
        labels[inside] = following[covering]
        for label in known:
            rows.append(rows[label].copy())
            rows[-1][number] = True
    return labels.reshape(height, width), np.array(rows)
