"""Changes of an image and its masks together, so that few photographs teach more; boxes are found anew."""

from dataclasses import dataclass

import cv2
import numpy as np

from mrcnn.pipeline.imgaug_adapter import ImgaugAdapter, is_imgaug


@dataclass(frozen=True)
class Augmentation:
    """Random flips, turns, scale, shift and colour; the same for an image and its masks.

    flip_horizontal, flip_vertical: flip half of the time. turn: by a random multiple of 90 degrees, of
    square images. scale: range of the factor about a random point. brightness: largest shift in grey
    levels. contrast, saturation: largest change of the factor 1.
    """

    flip_horizontal: bool = True
    flip_vertical: bool = False
    turn: bool = False
    scale: tuple = (1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0

    def apply(self, image, masks, rng):
        """Augment an image [H, W, 3] uint8 and its masks [H, W, N] bool with randomness from ``rng``."""
        if self.flip_horizontal and rng.random() < 0.5:
            image, masks = image[:, ::-1], masks[:, ::-1]
        if self.flip_vertical and rng.random() < 0.5:
            image, masks = image[::-1], masks[::-1]
        if self.turn and image.shape[0] == image.shape[1]:
            turns = int(rng.integers(4))
            image, masks = np.rot90(image, turns), np.rot90(masks, turns)
        if self.scale != (1.0, 1.0):
            image, masks = self._rescale(image, masks, rng)
        return self._recolour(image, rng), masks

    def _rescale(self, image, masks, rng):
        """Zoom by a random factor about a random point; what comes in from outside is black."""
        factor = np.exp(rng.uniform(*np.log(self.scale)))
        height, width = image.shape[:2]
        shift = [(1 - factor) * rng.uniform(0, side) for side in (width, height)]
        matrix = np.float64([[factor, 0, shift[0]], [0, factor, shift[1]]])
        image = cv2.warpAffine(np.ascontiguousarray(image), matrix, (width, height), flags=cv2.INTER_LINEAR)
        warped = np.zeros(masks.shape, bool)
        for i in range(masks.shape[2]):
            mask = np.ascontiguousarray(masks[:, :, i]).view(np.uint8)
            warped[:, :, i] = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
        return image, warped

    def _recolour(self, image, rng):
        if not (self.brightness or self.contrast or self.saturation):
            return image
        pixels = image.astype(np.float32)
        grey = pixels.mean(axis=2, keepdims=True)
        pixels = grey + (pixels - grey) * (1 + rng.uniform(-self.saturation, self.saturation))
        mean = pixels.mean()
        pixels = mean + (pixels - mean) * (1 + rng.uniform(-self.contrast, self.contrast))
        pixels += rng.uniform(-self.brightness, self.brightness)
        return pixels.round().clip(0, 255).astype(np.uint8)


_COLOUR = {"brightness": 20.0, "contrast": 0.2, "saturation": 0.2}

# The values of AUGMENTATION.
LEVELS = {
    "none": None,
    "light": Augmentation(scale=(0.8, 1.25), **_COLOUR),
    # For pictures without an up, such as those of microscopes.
    "light_rot": Augmentation(flip_vertical=True, turn=True, scale=(0.8, 1.25), **_COLOUR),
}


def augmentation_of(level):
    """The Augmentation of a level's name, None for "none"; an augmenter of imgaug with ``apply`` added.

    Another object with ``apply`` stays as it is.
    """
    if is_imgaug(level):
        return ImgaugAdapter(level)
    if level is None or hasattr(level, "apply"):
        return level
    if not isinstance(level, str):
        raise ValueError(
            "An augmentation is a level's name, an augmenter of imgaug, or an object with "
            f"apply(image, masks, rng), got a {type(level).__name__}."
        )
    if level not in LEVELS:
        raise ValueError(f"Unknown augmentation {level!r}; it is one of {', '.join(LEVELS)}.")
    return LEVELS[level]
