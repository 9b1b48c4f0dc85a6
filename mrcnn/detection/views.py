"""Views of a photograph for test-time augmentation, and the way back from what the network finds in them.

All views of a photograph have the shape of its plain one, so they share the network and its batches.
"""

from dataclasses import dataclass, replace

import numpy as np

from mrcnn.detection.molding import detection_mode, edges_in, fit, fitted_of, number_of_detections
from mrcnn.detection.pieces import sides_cut
from mrcnn.pipeline.transforms import framed_shape, pad_image, scale_image, scale_of, scaled_shape

SMALLER, LARGER = 0.8, 1.25


@dataclass(frozen=True)
class View:
    """How the network sees a photograph.

    zoom: times the scale of the plain view. corner: (0 or 1, 0 or 1), the corner at the top or bottom, left
    or right, of which a larger view shows as much as fits; None shows the whole. flip: left to right. turns:
    quarter turns, counterclockwise, after the flip.
    """

    zoom: float = 1.0
    corner: tuple | None = None
    flip: bool = False
    turns: int = 0

    def place(self, size):
        """Return the box (y1, x1, y2, x2) that it shows of a photograph of (height, width)."""
        if self.corner is None:
            return (0, 0, *size)
        shown = [max(1, int(side / self.zoom)) for side in size]
        y, x = ((whole - part) * end for whole, part, end in zip(size, shown, self.corner))
        return y, x, y + shown[0], x + shown[1]


PLAIN = View()


def views_of(augmenting):
    """Return the Views of an Augmenting, or of None, the plain one first."""
    words = () if augmenting is None else augmenting.words
    views = [PLAIN]
    if "scales" in words:
        views += [View(SMALLER), *(View(LARGER, (bottom, right)) for bottom in (0, 1) for right in (0, 1))]
    if "flips" in words:
        views += [replace(view, flip=True) for view in views]
    if "turns" in words:
        views += [replace(view, turns=turns) for turns in (1, 2, 3) for view in views]
    return tuple(views)


def fit_view(view, image, config):
    """Return the Fitted of a View of a photograph [H, W, channels]. Its original_shape is of what it shows.

    config: of the network. A flipped or turned view is the mirror image of the view without the flip, or that
    view turned, pixel by pixel.
    """
    y1, x1, y2, x2 = view.place(image.shape[:2])
    if view.zoom == 1:
        fitted = fit(image, config)
    else:
        fitted = _zoomed(view.zoom, image[y1:y2, x1:x2], image.shape[:2], config)
    if not (view.flip or view.turns):
        return fitted
    pixels, window = fitted.image, np.array(fitted.window)
    if view.flip:
        pixels, window = pixels[:, ::-1], _mirrored(window, pixels.shape[1])
    window = _turned(window, pixels.shape[:2], view.turns)
    scale = scale_of(*image.shape[:2], *_limits(config)) * view.zoom
    return fitted_of(np.rot90(pixels, view.turns), tuple(window), scale, fitted.original_shape, config)


def _limits(config):
    """Return the last arguments of scale_of."""
    return config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE, detection_mode(config)


def _zoomed(zoom, shown, size, config):
    """Return the Fitted of the shown part of a photograph of a size, amid a plain view's frame."""
    min_dim, max_dim, _, mode = limits = _limits(config)
    plain = scale_of(*size, *limits)
    frame = framed_shape(*scaled_shape(*size, plain), min_dim, max_dim, mode)
    sides = np.minimum(scaled_shape(*shown.shape[:2], plain * zoom), frame)
    image, window, _ = pad_image(scale_image(shown, tuple(sides)), frame)
    return fitted_of(image, window, plain * zoom, shown.shape, config)


@dataclass
class Seen:
    """The detections of one view in the frame of the plain one: continuous pixels of its molded image.

    place: [4], what the view shows. ends: [4], the whole photograph. boxes: [N, 4]. class_ids, scores: [N].
    masks: [N, h, w]. firsts: for each, where its first sample lies, see masks.paste_mask.
    """

    place: np.ndarray
    ends: np.ndarray
    boxes: np.ndarray
    class_ids: np.ndarray
    scores: np.ndarray
    masks: np.ndarray
    firsts: list

    def shows(self, box):
        """Return whether the view shows all of a box, and beyond it."""
        inside = (box[:2] >= self.place[:2]).all() and (box[2:] <= self.place[2:]).all()
        return bool(inside) and not sides_cut(box[None], self.place, self.ends).any()


def back(view, fitted, detections, masks, plain, rule):
    """Return the Seen of what the network found in a view, without objects that the view cuts.

    fitted: of fit_view. detections, masks, rule: as for molding.unmold. plain: the Fitted of the plain view.
    """
    count = number_of_detections(detections)
    boxes = edges_in(detections[:count, :4], fitted.image.shape)
    masks, window = masks[:count], np.asarray(fitted.window, float)
    firsts = [None if rule is None else rule.first_sample(box[2:] - box[:2]) for box in boxes]
    frame = fitted.image.shape[:2]
    boxes, window = (_turned(one, frame, -view.turns) for one in (boxes, window))
    masks = np.rot90(masks, -view.turns, axes=(1, 2))
    if view.turns % 2:
        frame = frame[::-1]
        firsts = [first and first[::-1] for first in firsts]
    if view.flip:
        boxes, window = (_mirrored(one, frame[1]) for one in (boxes, window))
        masks = masks[:, :, ::-1]
    ends = np.asarray(plain.window, float)
    size = np.tile(plain.original_shape[:2], 2)
    place = _carried(view.place(plain.original_shape[:2]), (0, 0, *size[:2]), ends)
    boxes = _carried(boxes, window, place)
    whole = ~sides_cut(boxes, place, ends).any(axis=1)
    return Seen(
        place, ends, boxes[whole], detections[:count][whole, 4], detections[:count][whole, 5], masks[whole],
        [first for first, stays in zip(firsts, whole) if stays],
    )  # fmt: skip


def _mirrored(boxes, width):
    """Return boxes [..., (y1, x1, y2, x2)], half-open, in the mirror image of an image of a width."""
    return np.stack([boxes[..., 0], width - boxes[..., 3], boxes[..., 2], width - boxes[..., 1]], axis=-1)


def _turned(boxes, size, turns):
    """Return boxes [..., (y1, x1, y2, x2)], half-open, in an image of (height, width) after quarter turns."""
    height, width = size
    for _ in range(turns % 4):
        y1, x1, y2, x2 = np.moveaxis(boxes, -1, 0)
        boxes = np.stack([width - x2, y1, width - x1, y2], axis=-1)
        height, width = width, height
    return boxes


def _carried(boxes, frame, other):
    """Return boxes [..., 4] as they lie in another frame; both frames are boxes and show the same."""
    frame, other = np.asarray(frame, float), np.asarray(other, float)
    scale = np.tile((other[2:] - other[:2]) / (frame[2:] - frame[:2]), 2)
    return (boxes - np.tile(frame[:2], 2)) * scale + np.tile(other[:2], 2)
