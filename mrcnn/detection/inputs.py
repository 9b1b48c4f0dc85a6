"""What may be given to detect: arrays, Pillow images, and paths of files."""

from pathlib import Path

import numpy as np
from PIL import Image

from mrcnn.datasets.images import pixels_of, read_image
from mrcnn.pipeline.loading import fault_of_values, is_up_to_one


def photographs(images, channels=3):
    """Return a list of images as arrays [H, W, channels].

    images: a list of arrays, what NumPy makes arrays of, Pillow images and paths. Pillow images and files are
    read as RGB and turned upright as their EXIF data say. Arrays with values up to 1 are multiplied by 255;
    other arrays are kept. Raises ValueError for no list and for values beyond 255, ImageError for a file that
    cannot be read.
    """
    if isinstance(images, (str, Path, Image.Image)):
        raise ValueError("Detection takes a list of images: detect([image]).")
    return [_array(image, number, channels) for number, image in enumerate(images)]


def _array(image, number, channels):
    if isinstance(image, (str, Path)):
        return read_image(image, apply_exif=True)
    if isinstance(image, Image.Image):
        return pixels_of(image, apply_exif=True)
    image = np.asarray(image)
    if channels != 3 or not image.size:
        return image  # mold_inputs checks the shape
    if image.dtype == bool:
        return image * np.uint8(255)
    if is_up_to_one(image):
        return np.round(image * 255).clip(0, 255).astype(np.uint8)
    fault = fault_of_values(image)
    if fault:
        raise ValueError(f"Image {number} has values of {fault.removeprefix('values of ')}.")
    return image
