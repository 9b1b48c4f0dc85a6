"""Changes of an image and its masks together, so that few photographs teach more; boxes are found anew.

Presets by name stand in augmentations.yaml beside this file.
"""

import difflib
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files

import cv2
import numpy as np
import yaml

from mrcnn.pipeline import warp
from mrcnn.pipeline.imgaug_adapter import ImgaugAdapter, is_imgaug


@dataclass(frozen=True)
class Augmentation:
    """Random changes, the same for an image and its masks. Each setting by itself is off by default.

    flip_horizontal, flip_vertical: flip half of the time. turn: by a random multiple of 90 degrees, of
    square images. scale: range of the factor by which the picture grows within its frame; large-scale jitter
    is (0.1, 2). crop: the least share of each side that is kept; what is kept is enlarged to the frame.
    rotation: the largest angle, in degrees. brightness: the largest shift in grey levels. contrast,
    saturation: the largest change of the factor 1. blur: the largest standard deviation of a Gaussian blur in
    pixels, of half of the images.
    copy_paste: how often (0 to 1) instances of another image are pasted, see copy_paste.paste. paste_at_most:
    how many. occlusion: how often (0 to 1) a pasted one is put against another instance, in front of it or
    behind. min_visible: an instance of which less remains is dropped.
    """

    flip_horizontal: bool = False
    flip_vertical: bool = False
    turn: bool = False
    scale: tuple = (1.0, 1.0)
    crop: float = 1.0
    rotation: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    blur: float = 0.0
    copy_paste: float = 0.0
    paste_at_most: int = 10
    occlusion: float = 0.0
    min_visible: float = 0.2

    def __post_init__(self):
        for name, value in asdict(self).items():
            _check(name, value)

    def apply(self, image, masks, rng):
        """Augment an image [H, W, 3] uint8 and its masks [H, W, N] bool with randomness from ``rng``.

        Nothing is pasted here, for that takes a second image; the loader does it.
        """
        if self.flip_horizontal and rng.random() < 0.5:
            image, masks = image[:, ::-1], masks[:, ::-1]
        if self.flip_vertical and rng.random() < 0.5:
            image, masks = image[::-1], masks[::-1]
        if self.turn and image.shape[0] == image.shape[1]:
            turns = int(rng.integers(4))
            image, masks = np.rot90(image, turns), np.rot90(masks, turns)
        if self.scale != (1.0, 1.0) or self.crop < 1 or self.rotation:
            image, masks = self._move(image, masks, rng)
        return self._blur(self._recolour(image, rng), rng), masks

    def _move(self, image, masks, rng):
        """Crop, zoom and rotate in one resampling; what comes in from outside is black."""
        height, width = image.shape[:2]
        factor = np.exp(rng.uniform(*np.log(self.scale)))
        part = (0, 0, height, width)
        if self.crop < 1:
            part = warp.random_part(height, width, self.crop, rng)
            factor *= min(height / (part[2] - part[0]), width / (part[3] - part[1]))
        matrix = warp.zoom(part, factor, (height, width), rng)
        if self.rotation:
            angle = rng.uniform(-self.rotation, self.rotation)
            matrix = warp.rotation(angle, (height, width)) @ matrix
        return warp.image(image, part, matrix), warp.masks(masks, part, matrix)

    def _recolour(self, image, rng):
        """Saturation about the grey of each pixel, contrast about the image's mean, then brightness."""
        if not (self.brightness or self.contrast or self.saturation):
            return image
        saturation, contrast = (1 + rng.uniform(-x, x) for x in (self.saturation, self.contrast))
        brightness = rng.uniform(-self.brightness, self.brightness)
        image = np.ascontiguousarray(image)
        # All three are linear in the pixel's channels, whose mean no change of saturation moves.
        matrix = contrast * (saturation * np.eye(3) + (1 - saturation) / 3)
        offset = (1 - contrast) * np.mean(cv2.mean(image)[:3]) + brightness
        return cv2.transform(image, np.concatenate([matrix, np.full((3, 1), offset)], axis=1))

    def _blur(self, image, rng):
        if not self.blur or rng.random() < 0.5:
            return image
        sigma = rng.uniform(0, self.blur)
        return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.1 else image


_SHARES = ("copy_paste", "occlusion", "min_visible", "contrast", "saturation")


def _check(name, value):
    """Raise ValueError for a value that a setting cannot have."""
    if name in ("flip_horizontal", "flip_vertical", "turn"):
        if not isinstance(value, bool):
            raise ValueError(f"augmentation: {name} must be true or false, got {value!r}.")
        return
    values = value if name == "scale" else (value,)
    if not isinstance(values, (tuple, list)) or not all(map(_is_number, values)):
        kind = "two numbers, the least and the greatest factor" if name == "scale" else "a number"
        raise ValueError(f"augmentation: {name} must be {kind}, got {value!r}.")
    if name == "scale" and not (len(value) == 2 and 0 < value[0] <= value[1]):
        raise ValueError(
            f"augmentation: scale must be the least and the greatest factor, above 0, got {value!r}."
        )
    if name in _SHARES and not 0 <= value <= 1:
        raise ValueError(f"augmentation: {name} must lie between 0 and 1, got {value!r}.")
    if name == "crop" and not 0 < value <= 1:
        raise ValueError(f"augmentation: crop must be above 0 and at most 1, got {value!r}.")
    if name == "paste_at_most" and not (isinstance(value, int) and value > 0):
        raise ValueError(f"augmentation: paste_at_most must be a whole number from 1, got {value!r}.")
    if name in ("rotation", "brightness", "blur") and value < 0:
        raise ValueError(f"augmentation: {name} must be 0 or more, got {value!r}.")


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def augmentation_of(wanted):
    """The Augmentation of a preset's name or of a mapping; an augmenter of imgaug with ``apply`` added.

    wanted: a name of PRESETS; a mapping of settings of Augmentation, on top of those of its entry "preset" if
    it has one; None; or an object with ``apply(image, masks, rng)``, which stays as it is. None where nothing
    is to be done. Raises ValueError for what is unknown, with the nearest name.
    """
    if is_imgaug(wanted):
        return ImgaugAdapter(wanted)
    if wanted is None or hasattr(wanted, "apply"):
        return wanted
    if isinstance(wanted, str):
        return _preset(wanted)
    if not isinstance(wanted, dict):
        raise ValueError(
            "An augmentation is a preset's name, a mapping of settings, an augmenter of imgaug, or an object "
            f"with apply(image, masks, rng), got a {type(wanted).__name__}."
        )
    settings = dict(wanted)
    base = _preset(settings.pop("preset", "none"))
    made = replace(base or Augmentation(), **_known(settings))
    return None if made == Augmentation() else made


def _known(settings):
    """Settings with lists as tuples. Raises ValueError for a name that Augmentation does not have."""
    names = [field.name for field in fields(Augmentation)]
    for name in settings:
        if name not in names:
            close = difflib.get_close_matches(str(name), names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}."
            raise ValueError(f"augmentation: unknown setting {name!r}{hint}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def _preset(name):
    if name not in PRESETS:
        raise ValueError(f"Unknown augmentation {name!r}; it is one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def _read_presets():
    """The file of presets: a dict of name to Augmentation, None for "none"."""
    text = (files("mrcnn.pipeline") / "augmentations.yaml").read_text(encoding="utf-8")
    presets = yaml.safe_load(text)
    return {
        name: Augmentation(**_known(settings)) if settings else None for name, settings in presets.items()
    }


PRESETS = _read_presets()
