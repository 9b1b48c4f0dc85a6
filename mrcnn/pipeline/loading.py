"""Load an image and its masks from a data set, and check what the methods of its class return.

Training, evaluation and the data check all load through here, so that a mistake in load_image or load_mask
is the same sentence everywhere, with the image's path. N: instances of an image.
"""

import numpy as np

from mrcnn.pipeline.errors import DataError, ExampleError, ImageError

WANTED = "masks [height, width, N] and class ids [N]"


def load_example(dataset, image_id, channels=None):
    """Load image [H, W, C], masks [H, W, N] bool and class ids [N] int32; without instances [H, W, 0].

    channels: the number that the image must have; None takes any.
    Raises ImageError if a file cannot be read or the sizes differ, ExampleError for other faults.
    """
    image = load_image(dataset, image_id, channels)
    masks, class_ids = load_masks(dataset, image_id)
    if not len(class_ids):
        return image, np.zeros((*image.shape[:2], 0), bool), class_ids
    if masks.shape[:2] != image.shape[:2]:
        raise ImageError(
            f"{_name(dataset, image_id)}: the image is {image.shape[1]} x {image.shape[0]}, "
            f"its masks are {masks.shape[1]} x {masks.shape[0]}; load_mask must resize them."
        )
    return image, masks, class_ids


def load_image(dataset, image_id, channels=None):
    """Load an image [H, W, C]. Arguments and errors as of load_example."""
    image = _call(dataset, "load_image", image_id)
    wanted = f"an array [height, width, {channels or 'channels'}] of uint8"
    if not isinstance(image, np.ndarray):
        raise _error(dataset, image_id, f"load_image returned {_kind(image)}, not {wanted}")
    fits = image.ndim == 3 and channels in (None, image.shape[2]) and 0 not in image.shape
    if not fits:
        advice = ""
        if channels == 3 and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 2, 4))):
            advice = "; mrcnn.datasets.read_image reads any file as RGB"
        raise _error(
            dataset, image_id, f"load_image returned an array of shape {_shape(image)}, not {wanted}{advice}"
        )
    fault = fault_of_values(image) if channels in (None, 3) else ""
    if fault:
        raise _error(dataset, image_id, f"load_image returned {fault}")
    return image


def fault_of_values(image):
    """Return what is wrong with the values of a photograph, "" if they are those of 8 bits in any type."""
    if image.dtype == np.uint8:
        return ""
    if image.dtype.kind not in "uif":
        return f"values of type {image.dtype}, not uint8"
    least, most = image.min(), image.max()
    if not (least >= 0 and most <= 255):  # also if one is not a number
        advice = "values must lie between 0 and 255"
    elif is_up_to_one(image):
        advice = "multiply them by 255 and convert them to uint8"
    else:
        return ""
    return f"{image.dtype} from {least:.6g} to {most:.6g}; {advice}"


def is_up_to_one(image):
    """Return whether the values of a photograph lie between 0 and 1 instead of 255, but for rounding."""
    return image.dtype.kind == "f" and image.min() >= 0 and 0 < image.max() <= 1.001


def load_masks(dataset, image_id):
    """Load masks [H, W, N] bool and class ids [N] int32, negative for crowds.

    Without instances the masks may be [0, 0, 0]. Errors as of load_example.
    """
    found = _call(dataset, "load_mask", image_id)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise _error(dataset, image_id, f"load_mask returned {_kind(found)}, not {WANTED}")
    masks, class_ids = found
    if not isinstance(masks, np.ndarray):
        raise _error(
            dataset, image_id, f"load_mask returned {_kind(masks)} as masks, not an array; {_wanted()}"
        )
    class_ids = _class_ids(dataset, image_id, class_ids)
    if not len(class_ids) and not masks.any():
        return np.zeros((*(*masks.shape, 0, 0)[:2], 0), bool), class_ids
    if masks.ndim != 3:
        raise _error(dataset, image_id, f"load_mask returned masks of shape {_shape(masks)}; {_wanted()}")
    if masks.shape[2] != len(class_ids):
        raise _error(
            dataset, image_id,
            f"load_mask returned {masks.shape[2]} masks and {len(class_ids)} class ids; {_wanted()}",
        )  # fmt: skip
    return np.asarray(masks, bool), class_ids


def _class_ids(dataset, image_id, class_ids):
    """Return class ids as [N] int32. Raises ExampleError for others than those of the data set."""
    try:
        found = np.asarray(class_ids)
        whole = found.astype(np.int32)
    except (TypeError, ValueError, OverflowError):
        raise _error(
            dataset, image_id, f"load_mask returned {_kind(class_ids)} as class ids; {_wanted()}"
        ) from None
    if found.ndim != 1 or found.dtype.kind not in "iuf" or not np.array_equal(found, whole):
        raise _error(
            dataset, image_id,
            f"load_mask returned class ids {_short(found.tolist())}; they must be whole numbers, a list [N]",
        )  # fmt: skip
    most = dataset.num_classes - 1
    wrong = whole[(whole == 0) | (np.abs(whole) > most)]
    if len(wrong):
        raise _error(
            dataset, image_id,
            f"load_mask returned the class id {wrong[0]}; class ids are 1 to {most}, negative for crowds",
        )  # fmt: skip
    return whole


def _call(dataset, method, image_id):
    """Call a method of a data set; an error in it names the image."""
    try:
        return getattr(dataset, method)(image_id)
    except (DataError, OSError, MemoryError):
        raise
    except Exception as error:
        text = str(error) or "no message"
        raise _error(dataset, image_id, f"{method} raised {type(error).__name__}: {text}") from error


def _error(dataset, image_id, text):
    return ExampleError(f"{_name(dataset, image_id)}: {text.rstrip('.')}.")


def _name(dataset, image_id):
    """Return the path of an image, or its id in its source."""
    info = dataset.image_info[image_id]
    return info.get("path") or f"image {info.get('id', image_id)!r}"


def _wanted():
    return f"it must return {WANTED}"


def _kind(value):
    if value is None:
        return "None"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    name = type(value).__name__
    article = "an" if name[0] in "AEIOUaeio" else "a"  # a uint8
    return f"{article} {name}" + (f" of shape {_shape(value)}" if hasattr(value, "shape") else "")


def _shape(array):
    return "[" + ", ".join(str(side) for side in array.shape) + "]"


def _short(value):
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
