"""Objects that the seams of tiles cut come out whole and once, each with its exact mask."""

import cv2
import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.detection.detections import Detections
from mrcnn.detection.joining import join
from mrcnn.detection.tiles import Plan, plan
from mrcnn.detection.tiling import Tiling
from mrcnn.pipeline.masks import extract_bboxes

CONFIG = Config()


class Scene:
    """Objects that do not cover each other. shapes: [(class id, mask)], the first ones are in front."""

    def __init__(self, size, shapes):
        self.size, self.classes = size, []
        self.labels = np.zeros(size, np.int32)  # the number of the object at each pixel, from 1
        for class_id, mask in shapes:
            visible = mask & (self.labels == 0)
            if visible.any():
                self.classes.append(class_id)
                self.labels[visible] = len(self.classes)

    def detections(self, box, pieces=False, whole_only=False):
        """Return the Detections of a detector without a fault in a box.

        pieces: finds the parts of an object that are not connected there one by one. whole_only: finds
        nothing of objects that the box cuts.
        """
        y1, x1, y2, x2 = box
        seen = self.labels[y1:y2, x1:x2]
        masks, ids = [], []
        for number in np.unique(seen[seen > 0]):
            mask = seen == number
            if whole_only and mask.sum() < (self.labels == number).sum():
                continue
            found = [mask]
            if pieces:
                count, parts = cv2.connectedComponents(mask.astype(np.uint8))
                found = [parts == part for part in range(1, count)]
            masks += found
            ids += [self.classes[number - 1]] * len(found)
        masks = np.stack(masks, axis=-1) if masks else np.zeros((*seen.shape, 0), bool)
        scores = np.array([0.5 + 0.4 * mask.mean() for mask in np.moveaxis(masks, -1, 0)], np.float32)
        result = {"rois": extract_bboxes(masks), "class_ids": ids, "scores": scores, "masks": masks}
        return Detections.of(result)

    def joined(self, cut, whole_only=False, **options):
        found = [self.detections(box, whole_only=whole_only, **options) for box in cut.tiles]
        if cut.whole:
            found.append(self.detections((0, 0, *self.size)) if whole_only else nothing(self.size))
        return join(cut, found)

    def require_equal(self, found):
        """Every object once, with its class, its exact mask and its box, by decreasing score."""
        assert found.size == self.size
        assert (np.diff(found.scores) <= 0).all()
        labels, classes = np.zeros(self.size, np.int32), []
        for roi, class_id, crop in zip(found.rois, found.class_ids, found.crops):
            y1, x1, y2, x2 = roi
            own = np.unique(self.labels[y1:y2, x1:x2][crop])
            assert len(own) == 1, f"{roi} holds the objects {own}"
            np.testing.assert_array_equal(self.labels[y1:y2, x1:x2] == own[0], crop)
            assert not (labels == own[0]).any(), f"object {own[0]} twice"
            labels[y1:y2, x1:x2][crop] = own[0]
            classes.append((own[0], class_id))
        np.testing.assert_array_equal(labels, self.labels)
        assert sorted(classes) == list(enumerate(self.classes, 1))


def nothing(size):
    return Detections(size, np.zeros((0, 4), np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32), [])


def disc(size, y, x, radius, hole=0):
    rows, columns = np.ogrid[: size[0], : size[1]]
    squared = (rows - y) ** 2 + (columns - x) ** 2
    return (squared <= radius**2) & (squared >= hole**2)


def bar(size, start, end, thickness):
    mask = np.zeros(size, np.uint8)
    cv2.line(mask, start, end, 1, thickness)
    return mask.astype(bool)


def box(size, y1, x1, y2, x2):
    mask = np.zeros(size, bool)
    mask[y1:y2, x1:x2] = True
    return mask


SIZE = (160, 230)
TILING = Tiling(100, 0.2)  # tiles begin at 0, 60 and at 0, 80, 130
CUT = plan(TILING, *SIZE, CONFIG)

OBJECTS = {
    "within one tile": disc(SIZE, 30, 30, 20),
    "within two tiles": disc(SIZE, 30, 90, 5),
    "across two tiles": disc(SIZE, 30, 90, 28),
    "across four tiles": disc(SIZE, 80, 90, 40),
    "ending at a border": box(SIZE, 10, 40, 40, 100),
    "beginning at a border": box(SIZE, 10, 80, 40, 110),
    "beginning behind a border": box(SIZE, 10, 100, 40, 130),
    "reaching a pixel into the next tile": box(SIZE, 10, 60, 40, 81),
    "filling what two tiles share": box(SIZE, 0, 80, 60, 100),
    "larger than a tile": disc(SIZE, 80, 115, 75),
    "the whole picture": np.ones(SIZE, bool),
    "ring": disc(SIZE, 80, 115, 75, hole=60),
    "small ring": disc(SIZE, 80, 90, 30, hole=20),
    "long bar": bar(SIZE, (2, 5), (225, 155), 9),
    "bar of a pixel": bar(SIZE, (0, 70), (229, 70), 1),
    "pixel": box(SIZE, 70, 90, 71, 91),
}


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("name", OBJECTS)
def test_one_object(name, pieces):
    scene = Scene(SIZE, [(1, OBJECTS[name])])
    scene.require_equal(scene.joined(CUT, pieces=pieces))


NEIGHBOURS = {
    "meeting at a border": [box(SIZE, 10, 50, 50, 100), box(SIZE, 10, 100, 50, 150)],
    "meeting at the other border": [box(SIZE, 10, 50, 50, 80), box(SIZE, 10, 80, 50, 120)],
    "meeting in what two tiles share": [box(SIZE, 10, 20, 50, 90), box(SIZE, 10, 90, 50, 200)],
    "meeting at a corner of four tiles": [
        box(SIZE, 0, 0, 80, 90), box(SIZE, 0, 90, 80, 230),
        box(SIZE, 80, 0, 160, 90), box(SIZE, 80, 90, 160, 230),
    ],
    "one in a ring": [disc(SIZE, 80, 90, 30), disc(SIZE, 80, 90, 60, hole=30)],
    "one on another": [disc(SIZE, 80, 90, 15), disc(SIZE, 80, 90, 60)],
}  # fmt: skip


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbours_stay_two(name, pieces):
    for classes in ((1, 1, 1, 1), (1, 2, 1, 2)):
        scene = Scene(SIZE, list(zip(classes, NEIGHBOURS[name])))
        scene.require_equal(scene.joined(CUT, pieces=pieces))


def one(size, *rows):
    """Detections of (class id, score, y1, x1, y2, x2), filled boxes."""
    crops = [np.ones((y2 - y1, x2 - x1), bool) for _, _, y1, x1, y2, x2 in rows]
    classes, scores = ([row[column] for row in rows] for column in (0, 1))
    boxes = np.array([row[2:] for row in rows], np.int32).reshape(-1, 4)
    return Detections(size, boxes, np.array(classes, np.int32), np.array(scores, np.float32), crops)


TILE = (100, 100)
PAIR = Plan((100, 180), ((0, 0, 100, 100), (0, 80, 100, 180)), whole=False, fits=(100, 20))


def values(found):
    return [(int(c), round(float(s), 3), *map(int, roi)) for c, s, roi in zip(
        found.class_ids, found.scores, found.rois
    )]  # fmt: skip


class TestFaultyDetections:
    """What networks find is not exact."""

    def test_another_class_is_another_object(self):
        found = join(PAIR, [one(TILE, (1, 0.9, 10, 70, 30, 100)), one(TILE, (2, 0.8, 10, 0, 30, 30))])
        assert values(found) == [(1, 0.9, 10, 70, 30, 100), (2, 0.8, 10, 80, 30, 110)]

    def test_pieces_are_united_with_the_best_score(self):
        found = join(PAIR, [one(TILE, (1, 0.6, 12, 70, 30, 99)), one(TILE, (1, 0.8, 10, 1, 30, 30))])
        assert values(found) == [(1, 0.8, 10, 70, 30, 110)]
        expected = np.ones((20, 40), bool)
        expected[:2, :11] = False
        np.testing.assert_array_equal(found.crops[0], expected)

    def test_the_complete_one_stands_for_a_piece_as_it_is(self):
        piece = (1, 0.95, 8, 0, 30, 11)
        found = join(PAIR, [one(TILE, (1, 0.6, 10, 70, 30, 90)), one(TILE, piece)])
        assert values(found) == [(1, 0.6, 10, 70, 30, 90)]

    def test_a_piece_that_the_next_tile_sees_whole_and_does_not_find_is_dropped(self):
        assert values(join(PAIR, [one(TILE, (1, 0.9, 10, 85, 30, 100)), one(TILE)])) == []
        beyond = (1, 0.9, 10, 75, 30, 100)  # the next tile does not see all of it
        assert values(join(PAIR, [one(TILE, beyond), one(TILE)])) == [beyond]
        whole = (1, 0.9, 10, 85, 30, 95)
        assert values(join(PAIR, [one(TILE, whole), one(TILE)])) == [whole]

    def test_of_two_complete_ones_the_better_stays(self):
        found = join(PAIR, [one(TILE, (1, 0.6, 10, 83, 30, 95)), one(TILE, (1, 0.8, 10, 4, 30, 15))])
        assert values(found) == [(1, 0.8, 10, 84, 30, 95)]

    def test_two_that_hardly_agree_are_two(self):
        found = join(PAIR, [one(TILE, (1, 0.6, 10, 84, 50, 94)), one(TILE, (1, 0.8, 40, 4, 80, 14))])
        assert len(found.rois) == 2

    def test_one_tile_keeps_both_of_two_that_cover_each_other(self):
        rows = (1, 0.6, 10, 10, 50, 50), (1, 0.5, 12, 10, 50, 50)
        assert values(join(PAIR, [one(TILE, *rows), one(TILE)])) == list(rows)

    def test_an_empty_mask_does_no_harm(self):
        empty = Detections((100, 100), *(getattr(one(TILE, (1, 0.6, 10, 85, 30, 95)), key) for key in (
            "rois", "class_ids", "scores"
        )), [np.zeros((20, 10), bool)])  # fmt: skip
        found = join(PAIR, [empty, one(TILE, (1, 0.8, 10, 5, 30, 15))])
        assert values(found) == [(1, 0.8, 10, 85, 30, 95), (1, 0.6, 10, 85, 30, 95)]

    def test_nothing_found(self):
        assert values(join(PAIR, [one(TILE), one(TILE)])) == []


class TestWholePicture:
    """What the network finds in the whole picture, beside its tiles."""

    plan = Plan((100, 180), PAIR.tiles, whole=True, fits=(100, 20))

    def join(self, left, right, whole):
        return values(join(self.plan, [one(TILE, *left), one(TILE, *right), one((100, 180), *whole)]))

    def test_objects_larger_than_a_tile_are_found_by_a_network_that_finds_whole_ones_alone(self):
        shapes = [
            (1, disc(SIZE, 80, 90, 75)),
            (1, disc(SIZE, 30, 200, 20)),
            (2, bar(SIZE, (5, 155), (225, 140), 5)),
        ]
        scene = Scene(SIZE, shapes)
        scene.require_equal(scene.joined(CUT, whole_only=True))
        without = Plan(CUT.size, CUT.tiles, whole=False, fits=CUT.fits)
        assert len(scene.joined(without, whole_only=True).rois) == 1

    def test_small_objects_are_the_tiles_business(self):
        assert self.join([], [], [(1, 0.9, 10, 10, 90, 30)]) == []
        assert self.join([], [], [(1, 0.9, 10, 10, 90, 31)]) == [(1, 0.9, 10, 10, 90, 31)]

    def test_pieces_of_a_large_object_give_way(self):
        large = (1, 0.7, 10, 10, 90, 170)
        found = self.join(
            [(1, 0.9, 10, 10, 40, 100)], [(1, 0.8, 50, 0, 90, 90), (2, 0.6, 50, 0, 90, 90)], [large]
        )
        assert found == [large, (2, 0.6, 50, 80, 90, 170)]

    def test_an_object_that_tiles_found_whole_stays_as_it_is(self):
        left, right = (1, 0.6, 10, 10, 90, 100), (1, 0.5, 10, 0, 90, 90)
        assert self.join([left], [right], [(1, 0.9, 8, 8, 92, 172)]) == [(1, 0.6, 10, 10, 90, 170)]

    def test_a_heap_taken_for_one_object_is_left_out(self):
        heap = [(1, 0.6, 10, x, 90, x + 20) for x in (10, 34, 58)]
        assert self.join(heap, [], [(1, 0.9, 10, 10, 90, 80)]) == heap

    def test_a_small_object_before_a_large_one_stays(self):
        small, large = (1, 0.6, 10, 20, 20, 40), (1, 0.9, 0, 10, 100, 170)
        assert self.join([small], [], [large]) == [large, small]


def random_scene(rng):
    size = tuple(rng.integers(40, 200, 2))
    shapes = []
    for _ in range(rng.integers(0, 12)):
        y, x = rng.integers(0, size[0]), rng.integers(0, size[1])
        radius = int(rng.integers(1, 40))
        kind = rng.integers(4)
        if kind == 0:
            mask = disc(size, y, x, radius)
        elif kind == 1:
            mask = disc(size, y, x, radius, hole=radius * 0.7)
        elif kind == 2:
            end = int(rng.integers(0, size[1])), int(rng.integers(0, size[0]))
            mask = bar(size, (int(x), int(y)), end, int(rng.integers(1, 9)))
        else:
            mask = box(size, y, x, y + radius, x + 2 * radius)
        shapes.append((int(rng.integers(1, 3)), mask))
    return size, _connected(size, shapes)


def _connected(size, shapes):
    """Return the visible shapes, each split into connected parts: every one an object of its own."""
    free, parts = np.ones(size, bool), []
    for class_id, mask in shapes:
        visible = mask & free
        free &= ~mask
        count, labels = cv2.connectedComponents(visible.astype(np.uint8))
        parts += [(class_id, labels == part) for part in range(1, count)]
    return parts


@pytest.mark.parametrize("seed", range(60))
def test_random_scenes(seed):
    rng = np.random.default_rng(seed)
    size, shapes = random_scene(rng)
    scene = Scene(size, shapes)
    cut = plan(Tiling(int(rng.integers(32, 120)), float(rng.uniform(0.02, 0.5))), *size, CONFIG)
    if cut.tiles:
        scene.require_equal(scene.joined(cut, pieces=bool(seed % 2)))
    else:
        found = scene.detections((0, 0, *size))
        assert join(cut, [found]) is found
