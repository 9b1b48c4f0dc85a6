"""How pictures look: colours by class or instance, the legend, and their size."""

import numpy as np
import pytest

from mrcnn.detection import overlay
from mrcnn.detection.detections import Detections
from mrcnn.detection.legend import legend_of
from mrcnn.detection.look import Look
from mrcnn.detection.scaling import scaled
from mrcnn.drawing import colors_of, random_colors

NAMES = ["BG", "date", "fig", "hazelnut"]
GREY = 100


def found(class_ids, boxes=None, size=(300, 600)):
    boxes = boxes or [(100, 20 + 90 * k, 160, 100 + 90 * k) for k in range(len(class_ids))]
    crops = [np.ones((y2 - y1, x2 - x1), bool) for y1, x1, y2, x2 in boxes]
    boxes = np.array(boxes, np.int32).reshape(-1, 4)
    return Detections(size, boxes, np.array(class_ids, int), np.full(len(class_ids), 0.9), crops)


def inside(picture, detections):
    """The colour in the lower middle of each box."""
    return [picture[y2 - 12, (x1 + x2) // 2].tolist() for _, x1, y2, x2 in detections.rois]


def tinted(color):
    return [round(GREY * 0.65 + 255 * value * 0.35) for value in color]


def drawn(detections, names=NAMES, **look):
    image = np.full((*detections.size, 3), GREY, np.uint8)
    return overlay.draw(image, detections, names, Look(**look))


class TestColours:
    def test_a_class_has_its_colour_in_every_picture(self):
        by_id = [None, *random_colors(3)]
        for class_ids in ([3, 1, 3, 2], [2], [2, 3]):
            detections = found(class_ids)
            colors = inside(drawn(detections), detections)
            np.testing.assert_allclose(colors, [tinted(by_id[k]) for k in class_ids], atol=1)

    def test_a_model_of_one_class_colours_instances(self):
        detections = found([1, 1, 1])
        colors = inside(drawn(detections, ["BG", "fig"]), detections)
        np.testing.assert_allclose(colors, [tinted(color) for color in random_colors(3)], atol=1)

    def test_the_choice_of_the_user(self):
        assert colors_of([3, 3], NAMES, "instance") == random_colors(2)
        assert colors_of([1, 1], ["BG", "fig"], "class") == [random_colors(1)[0]] * 2
        assert colors_of([], NAMES) == []

    def test_the_colours_of_80_classes_differ(self):
        colors = np.array(random_colors(80))
        apart = np.abs(colors[:, None] - colors).max(axis=2) + 9 * np.eye(80)
        assert apart.min() > 0.04

    def test_other_words_are_refused(self):
        with pytest.raises(ValueError) as caught:
            Look("colour")
        assert str(caught.value) == "color_by must be one of auto, class, instance, got 'colour'."


class TestLegend:
    def test_it_counts_the_classes_that_were_found(self):
        legend = legend_of(found([3, 1, 3]), NAMES, (300, 600), 1)
        assert [text for text, _ in legend.rows] == ["date  1", "hazelnut  2"]
        assert legend.rows[1][1] == tuple(round(255 * value) for value in random_colors(3)[2])

    def test_it_takes_the_corner_where_it_hides_least(self):
        corners = {
            "top left": (0, 0, 80, 200),
            "top right": (0, 400, 80, 600),
            "bottom left": (220, 0, 300, 200),
        }
        taken = found([1, 1, 1], list(corners.values()))
        area = legend_of(taken, NAMES, (300, 600), 1).area
        assert area[2:].tolist() == [300, 600]
        assert legend_of(taken, NAMES, (300, 600), 1, steady=True).area[:2].tolist() == [0, 0]

    def test_in_a_video_it_lists_all_classes_if_they_are_few(self):
        rows = legend_of(found([2]), NAMES, (300, 600), 1, steady=True).rows
        assert [text for text, _ in rows] == ["date  0", "fig  1", "hazelnut  0"]
        many = ["BG", *(f"class {k}" for k in range(20))]
        assert [text for text, _ in legend_of(found([2]), many, (300, 600), 1, steady=True).rows] == [
            "class 1  1"
        ]

    def test_without_room_rows_are_left_out_and_counted(self):
        many = ["BG", *(f"class {k}" for k in range(30))]
        legend = legend_of(found(range(1, 31)), many, (300, 600), 1)
        assert legend.rows[-1] == (f"and {30 - len(legend.rows) + 1} more", None)
        assert legend.area[2] - legend.area[0] <= 120
        assert legend_of(found([1]), ["BG", "a" * 90], (300, 600), 1) is None
        assert legend_of(found([1, 2]), NAMES, (20, 600), 1) is None
        assert legend_of(found([]), NAMES, (300, 600), 1) is None

    def test_the_picture_shows_it_with_the_classes_colours(self):
        detections = found([1, 3])
        picture, plain = drawn(detections), drawn(detections, color_by="instance")
        y1, x1, y2, x2 = legend_of(detections, NAMES, (300, 600), 0.7).area
        middle = (y1 + (y2 - y1) // 4, x1 + (y2 - y1) // 4)
        np.testing.assert_allclose(picture[middle], np.round(np.array(random_colors(1)[0]) * 255), atol=1)
        assert (plain[y1:y2, x1:x2] == GREY).all()


class TestSize:
    @pytest.mark.parametrize("size", [300, 600, 1200])
    def test_the_longer_side_and_the_masks_with_it(self, size):
        detections = found([1, 2])
        picture = drawn(detections, size=size)
        assert picture.shape == (size // 2, size, 3)
        image, other = scaled(np.full((300, 600, 3), GREY, np.uint8), detections, size)
        assert image.shape == picture.shape and other.size == picture.shape[:2]
        factor = size / 600
        np.testing.assert_array_equal(other.rois, detections.rois * factor)
        assert other.areas().tolist() == [4800 * factor**2] * 2

    def test_masks_keep_their_shape(self):
        disc = np.hypot(*(np.mgrid[-40:40, -40:40] + 0.5)) < 40
        one = Detections((300, 600), np.array([[10, 20, 90, 100]]), np.array([1]), np.array([0.5]), [disc])
        for size in (150, 1800):
            _, other = scaled(np.zeros((300, 600, 3), np.uint8), one, size)
            expected = np.pi * (40 * size / 600) ** 2
            assert other.areas()[0] == pytest.approx(expected, rel=0.03)

    def test_what_is_smaller_than_a_pixel_stays_within_the_picture(self):
        tiny = found([1, 1], [(299, 599, 300, 600), (0, 0, 1, 1)])
        _, other = scaled(np.zeros((300, 600, 3), np.uint8), tiny, 60)
        assert other.rois.tolist() == [[29, 59, 30, 60], [0, 0, 1, 1]]
        assert [crop.shape for crop in other.crops] == [(1, 1), (1, 1)]

    def test_the_photographs_size_changes_nothing(self):
        image, detections = np.zeros((300, 600, 3), np.uint8), found([1])
        assert scaled(image, detections, 600) == (image, detections)
        assert scaled(image, detections, None) == (image, detections)

    @pytest.mark.parametrize("size", [15, 30001, 100.5, True])
    def test_sizes_that_no_picture_has(self, size):
        with pytest.raises(ValueError) as caught:
            Look(size=size)
        assert str(caught.value) == f"size must be the longer side in pixels, 16 to 30000, got {size}."
