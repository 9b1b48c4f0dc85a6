"""Copy-paste: paste instances of one image into another (Ghiasi et al. 2021), optionally against its own.

A pasted instance hides what lies behind it, or is itself hidden when it is placed behind others. Masks
cover the visible part only, and an instance with too small a visible part is dropped.

H, W: height and width of an image; N: its instances. Crowds have negative class ids.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_TRIES = 12  # positions to try when an instance is placed against another
_OVERLAP = (0.1, 0.6)  # allowed overlap of the two, as a share of the smaller mask
_RELATIVE_AREA = (0.5, 2.0)  # area of the pasted instance over its neighbour's: in a heap, sizes are similar
_RESIZING = (0.5, 2.0)  # beyond these factors an instance looks blurred or loses its texture
_EDGE = 0.8  # standard deviation in pixels of the blur along a pasted outline


@dataclass
class Cutout:
    """An instance cut out of its image: pixels [h, w, 3], mask [h, w] bool and top left corner (y, x)."""

    pixels: np.ndarray
    mask: np.ndarray
    corner: tuple


def paste(image, masks, class_ids, donor, rng, at_most=10, occlusion=0.0, min_visible=0.2):
    """Paste a random choice of another image's instances into an image.

    image: [H, W, 3] uint8. masks: [H, W, N] bool. class_ids: [N]. donor: the same three of the other image.
    at_most: largest number of instances to paste; at least one is pasted if the donor has any.
    occlusion: probability (0 to 1) that a pasted instance is placed in front of or behind an instance of
    the image; otherwise it keeps the position that it has in the donor. min_visible: smallest visible share
    of an instance; instances with less are dropped.
    Returns the new image, masks [H, W, M] bool and class_ids [M]. The arguments are not modified.
    """
    donor_image, donor_masks, donor_ids = donor
    chosen = _choose(donor_masks, donor_ids, at_most, rng)
    if not len(chosen):
        return image, masks, class_ids
    image = np.array(image)
    planes = list(np.array(np.moveaxis(masks, -1, 0)))
    class_ids = list(class_ids)
    whole = [plane.sum() for plane in planes]
    for index in chosen:
        cutout, behind = _cut(donor_image, donor_masks[:, :, index]), False
        if rng.random() < occlusion:
            beside = _beside(cutout, planes, class_ids, rng)
            if beside is not None:
                cutout, behind = beside, rng.random() < 0.5
        area = _put(image, planes, class_ids, cutout, behind)
        class_ids.append(donor_ids[index])
        whole.append(area)
    visible = np.array([plane.sum() for plane in planes])
    # A crowd has no shape that must stay recognisable: keep it while any pixel of it is visible.
    enough = np.where(np.array(class_ids) < 0, 0, min_visible) * np.array(whole)
    kept = (visible > 0) & (visible >= enough)
    planes = np.stack(planes)[kept]
    return image, np.moveaxis(planes, 0, -1), np.array(class_ids, np.int32)[kept]


def _choose(masks, class_ids, at_most, rng):
    """Choose the indices of the instances to paste, in random order."""
    there = [i for i in range(len(class_ids)) if class_ids[i] > 0 and masks[:, :, i].any()]
    if not there:
        return []
    count = int(rng.integers(1, min(len(there), at_most) + 1))
    return rng.permutation(there)[:count]


def _cut(image, mask):
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    place = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return Cutout(np.ascontiguousarray(image[place]), mask[place], (int(rows[0]), int(columns[0])))


def _beside(cutout, planes, class_ids, rng):
    """Resize and move a cutout so that it overlaps an instance a little; None if no position fits."""
    others = [i for i, plane in enumerate(planes) if class_ids[i] > 0 and plane.any()]
    if not others:
        return None
    other = planes[others[rng.integers(len(others))]]
    area = other.sum()
    wanted = area * np.exp(rng.uniform(*np.log(_RELATIVE_AREA)))
    resized = _resized(cutout, float(np.clip(np.sqrt(wanted / cutout.mask.sum()), *_RESIZING)))
    middle = np.argwhere(other).mean(axis=0)
    reach = np.sqrt(area / np.pi) + np.sqrt(resized.mask.sum() / np.pi)  # distance of touching discs
    for _ in range(_TRIES):
        angle, distance = rng.uniform(0, 2 * np.pi), reach * rng.uniform(0.4, 1.0)
        center = middle + distance * np.array([np.sin(angle), np.cos(angle)])
        corner = np.round(center - np.array(resized.mask.shape) / 2).astype(int)
        moved = Cutout(resized.pixels, resized.mask, (int(corner[0]), int(corner[1])))
        place, part = _places(moved, other.shape)
        smaller = min(area, resized.mask.sum())
        hidden = (other[place] & moved.mask[part]).sum() / smaller
        inside = moved.mask[part].sum() / moved.mask.sum()
        if _OVERLAP[0] <= hidden <= _OVERLAP[1] and inside >= 0.5:
            return moved
    return None


def _resized(cutout, factor):
    height, width = (max(2, round(side * factor)) for side in cutout.mask.shape)
    shrinks = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    pixels = cv2.resize(cutout.pixels, (width, height), interpolation=shrinks)
    mask = cv2.resize(cutout.mask.astype(np.uint8) * 255, (width, height), interpolation=shrinks) > 127
    return Cutout(pixels, mask, cutout.corner) if mask.any() else cutout


def _places(cutout, shape):
    """Return the slices of an image of the given shape that a cutout covers, and its own slices."""
    ends = [(c, c + side, whole) for c, side, whole in zip(cutout.corner, cutout.mask.shape, shape)]
    place = tuple(slice(min(max(a, 0), whole), max(min(b, whole), 0)) for a, b, whole in ends)
    part = tuple(slice(p.start - c, p.stop - c) for p, c in zip(place, cutout.corner))
    return place, part


def _put(image, planes, class_ids, cutout, behind):
    """Draw a cutout into the image and append its visible mask to the planes; return its area in the frame.

    The pixels that it covers are removed from the other masks. behind: the other instances cover it instead.
    """
    place, part = _places(cutout, image.shape[:2])
    mask = cutout.mask[part]
    area = mask.sum()
    if behind:
        instances = [plane[place] for plane, class_id in zip(planes, class_ids) if class_id > 0]
        mask = mask & ~np.any(instances, axis=0)
    for plane in planes:
        plane[place] &= ~mask
    plane = np.zeros(image.shape[:2], bool)
    plane[place] = mask
    planes.append(plane)
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _EDGE)[:, :, None] if mask.size else 0
    pasted = cutout.pixels[part]
    image[place] = np.round(image[place] * (1 - alpha) + pasted * alpha)
    return area
