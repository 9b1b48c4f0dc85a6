"""Augmentation: random changes to an image and its masks together.

Boxes are recomputed from the changed masks. The presets are defined in augmentations.yaml beside this file.
"""

import difflib
from dataclasses import asdict, dataclass, fields, replace
from importlib.resources import files

import cv2
import numpy as np

from mrcnn.files import parse_yaml
from mrcnn.pipeline import warp
from mrcnn.pipeline.imgaug_adapter import ImgaugAdapter, is_imgaug
from mrcnn.settings import either, flag, number, several, shown, whole


@dataclass(frozen=True)
class Augmentation:
    """Random changes that are applied alike to an image and its masks. By default every change is off.

    flip_horizontal, flip_vertical: flip with probability 0.5. turn: rotate square images by a random
    multiple of 90 degrees. scale: (smallest, largest) zoom factor of the picture within its frame;
    large-scale jitter is (0.1, 2). crop: smallest share of each side to keep; the crop is enlarged to the
    frame. rotation: largest angle in degrees. brightness: largest shift in grey levels. contrast,
    saturation: largest deviation of the factor from 1. blur: largest standard deviation, in pixels, of a
    Gaussian blur that is applied with probability 0.5.
    copy_paste: probability (0 to 1) of pasting instances of another image, see copy_paste.paste.
    paste_at_most: largest number of instances to paste. occlusion: probability (0 to 1) that a pasted
    instance is placed in front of or behind another instance. min_visible: smallest visible share (0 to 1)
    of an instance; instances with less are dropped.

    Raises ValueError for a value out of range.
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

        Copy-paste is not applied here: it needs a second image, so the loader applies it.
        Returns the new image and masks.
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
        """Crop, zoom and rotate in one resampling; areas outside the picture are black."""
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
        """Change saturation about each pixel's grey, contrast about the image's mean, then brightness."""
        if not (self.brightness or self.contrast or self.saturation):
            return image
        saturation, contrast = (1 + rng.uniform(-x, x) for x in (self.saturation, self.contrast))
        brightness = rng.uniform(-self.brightness, self.brightness)
        image = np.ascontiguousarray(image)
        # All three are affine in the pixel's channels, and saturation leaves the channels' mean unchanged.
        matrix = contrast * (saturation * np.eye(3) + (1 - saturation) / 3)
        offset = (1 - contrast) * np.mean(cv2.mean(image)[:3]) + brightness
        return cv2.transform(image, np.concatenate([matrix, np.full((3, 1), offset)], axis=1))

    def _blur(self, image, rng):
        if not self.blur or rng.random() < 0.5:
            return image
        sigma = rng.uniform(0, self.blur)
        return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.1 else image


_FACTOR = number(above=0, most=1000)
_SHARE = number(0, 1)
_KINDS = {
    "flip_horizontal": flag(),
    "flip_vertical": flag(),
    "turn": flag(),
    "scale": either(
        "the least and the greatest factor, two numbers above 0 and at most 1,000",
        lambda value: several(_FACTOR, 2).accepts(value) and value[0] <= value[1],
    ),
    "crop": number(above=0, most=1),
    "rotation": number(0, 360),
    "brightness": number(0, 255),
    "contrast": _SHARE,
    "saturation": _SHARE,
    "blur": number(0, 100),
    "copy_paste": _SHARE,
    "paste_at_most": whole(1, 10_000),
    "occlusion": _SHARE,
    "min_visible": _SHARE,
}


def _check(name, value):
    """Raise ValueError for a value that a setting cannot have."""
    fault = _KINDS[name].fault(value)
    if fault:
        raise ValueError(f"augmentation: {name} {fault}.")


def augmentation_of(wanted):
    """Return the object that augments images as ``wanted`` describes, or None if nothing changes.

    wanted: None; the name of a preset; a mapping of Augmentation's settings, which override those of its
    entry "preset" if it has one; an imgaug augmenter, which is wrapped in an ImgaugAdapter; or an object
    with ``apply(image, masks, rng)``, which is returned unchanged.
    Raises ValueError for an unknown preset, setting or type; the message suggests the nearest name.
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
    """Return settings with lists turned into tuples. Raises ValueError for an unknown setting."""
    names = [field.name for field in fields(Augmentation)]
    for name in settings:
        if name not in names:
            close = difflib.get_close_matches(str(name), names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}."
            raise ValueError(f"augmentation: unknown setting {shown(name)}{hint}")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def _preset(name):
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"Unknown augmentation {shown(name)}; it is one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def _read_presets():
    """Read augmentations.yaml: a dict from name to Augmentation, or to None for "none"."""
    text = (files("mrcnn.pipeline") / "augmentations.yaml").read_text(encoding="utf-8")
    presets = parse_yaml(text, "augmentations.yaml")
    return {
        name: Augmentation(**_known(settings)) if settings else None for name, settings in presets.items()
    }


PRESETS = _read_presets()
