"""The frames of docs/geometry.md: mini-masks, targets and pasted masks agree to a fraction of a pixel."""

import numpy as np
import pytest

from mrcnn.modeling.targets import DetectionTargetLayer
from mrcnn.ops import boxes as box_ops
from mrcnn.ops.roi_align import crop_masks
from mrcnn.pipeline.masks import cover_mask, extract_bboxes, paste_mask, whole_pixels

SIZE = (96, 128)


def numpy(tensor):
    return np.asarray(tensor)


def ellipse(center, radii, size=SIZE):
    """A filled ellipse: pixels whose centres it contains."""
    y, x = np.mgrid[: size[0], : size[1]] + 0.5
    return ((y - center[0]) / radii[0]) ** 2 + ((x - center[1]) / radii[1]) ** 2 <= 1


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def aligned_target(mask, roi, mini=(56, 56), shape=(28, 28)):
    """The target of one ROI, in pixels, for one instance, from the layer that training uses."""
    box = extract_bboxes(mask[:, :, None]).astype(np.float32)
    gt_masks = cover_mask(box, mask[:, :, None], mini) if mini else mask[:, :, None]
    layer = DetectionTargetLayer(
        1, 1.0, shape, use_mini_mask=bool(mini), mask_target="aligned", image_shape=mask.shape
    )
    normal = [box_ops.normalize(x[None], mask.shape) for x in (np.float32([roi]), box)]
    found = layer([normal[0], np.int32([[1]]), normal[1], gt_masks[None]])
    assert numpy(found[4]).all()
    return numpy(found[3])[0, 0]


class TestCoverMask:
    def test_a_cell_holds_the_covered_share_of_its_area(self):
        mask = np.zeros((10, 10, 1), bool)
        mask[2:8, 2:7] = True
        covered = cover_mask([[0, 0, 10, 10]], mask, (5, 5))[:, :, 0]
        expected = np.outer([0, 1, 1, 1, 0], [0, 1, 1, 0.5, 0])
        np.testing.assert_array_equal(covered, expected)
        assert covered.dtype == np.float16

    @pytest.mark.parametrize("side", [1, 2, 7, 28, 56, 90])
    def test_the_area_is_kept(self, side):
        mask = ellipse((48, 60), (side / 2, side / 2 * 1.3))[:, :, None]
        mask = mask if mask.any() else np.pad(np.ones((1, 1, 1), bool), [(40, 55), (40, 87), (0, 0)])
        box = extract_bboxes(mask)
        covered = cover_mask(box, mask, (56, 56)).astype(float)
        area = np.prod(box[0, 2:] - box[0, :2])
        assert covered.mean() * area == pytest.approx(mask.sum(), rel=2e-3)

    def test_beyond_the_image_nothing_is_covered(self):
        mask = np.ones((10, 10, 1), bool)
        np.testing.assert_array_equal(cover_mask([[-5, 5, 5, 15]], mask, (2, 2))[:, :, 0], [[0, 0], [1, 0]])
        assert not cover_mask([[20, 20, 30, 30]], mask, (2, 2)).any()

    def test_flips_and_scales_commute(self):
        mask = ellipse((40, 70), (20, 33))[:, :, None]
        box = extract_bboxes(mask)
        covered = cover_mask(box, mask, (28, 28))
        flipped = mask[:, ::-1]
        np.testing.assert_allclose(
            cover_mask(extract_bboxes(flipped), flipped, (28, 28)), covered[:, ::-1], atol=1e-3
        )
        larger = np.kron(mask[:, :, 0], np.ones((3, 3), bool))[:, :, None]
        np.testing.assert_allclose(cover_mask(3 * box, larger, (28, 28)), covered, atol=1e-3)

    def test_a_box_without_area_is_an_error(self):
        with pytest.raises(ValueError, match="Mask 0 has a box without area"):
            cover_mask([[5, 5, 5, 9]], np.ones((10, 10, 1), bool), (2, 2))


class TestPasteMask:
    def test_a_full_mask_fills_the_pixels_whose_centres_its_box_contains(self):
        mask = paste_mask(np.ones((28, 28)), (10.25, 20.75, 30.25, 40.75), SIZE)
        expected = np.zeros(SIZE, bool)
        expected[10:30, 21:41] = True
        np.testing.assert_array_equal(mask, expected)

    def test_a_shift_of_the_box_shifts_the_mask(self):
        half = np.zeros((28, 28))
        half[:, :14] = 1  # its right edge lies in the middle of the box
        for shift, edge in ((0, 40), (0.4, 40), (0.6, 41), (1, 41)):
            mask = paste_mask(half, (10, 20 + shift, 50, 60 + shift), SIZE)
            assert np.flatnonzero(mask.any(axis=0)).max() + 1 == edge

    def test_flips_and_scales_commute(self):
        rng = np.random.default_rng(3)
        mask, box = rng.random((28, 28)), np.array([11.3, 20.2, 60.7, 101.9])
        pasted = paste_mask(mask, box, SIZE)
        y1, x1, y2, x2 = box
        np.testing.assert_array_equal(
            paste_mask(mask[:, ::-1], (y1, 128 - x2, y2, 128 - x1), SIZE), pasted[:, ::-1]
        )
        larger = paste_mask(mask, 3 * box, (3 * 96, 3 * 128))
        np.testing.assert_array_equal(larger[1::3, 1::3], pasted)  # the same centres

    @pytest.mark.parametrize(
        "box", [(-20, -20, -1, -1), (200, 200, 220, 220), (10, 10, 10, 30), (30, 10, 20, 40)]
    )
    def test_a_box_outside_of_the_image_or_without_area_is_empty(self, box):
        assert not paste_mask(np.ones((28, 28)), box, SIZE).any()

    def test_a_box_beyond_the_edge_is_cut_and_not_squeezed(self):
        half = np.zeros((28, 28))
        half[14:] = 1
        mask = paste_mask(half, (-40, 0, 40, 20), SIZE)
        assert mask[:40, :20].all() and mask.sum() == 800

    @pytest.mark.parametrize("first", [None, (0.5 / 56, 0.5 / 56)])
    def test_a_mask_lies_in_the_pixels_of_its_box(self, first):
        rng = np.random.default_rng(1)
        for _ in range(100):
            y1, x1 = rng.uniform(0, 60, 2).round(1)
            box = np.array([y1, x1, *(np.array([y1, x1]) + rng.uniform(0.5, 60, 2).round(1))])
            mask = paste_mask(np.ones((28, 28)), box, SIZE, first)
            top, left, bottom, right = whole_pixels(box)
            assert mask.sum() == mask[top:bottom, left:right].sum()

    def test_a_box_of_a_pixel(self):
        mask = paste_mask(np.ones((28, 28)), (5, 6, 6, 7), SIZE)
        assert mask[5, 6] and mask.sum() == 1

    def test_the_first_sample_lies_where_it_is_said(self):
        """Samples of an edge at half the box, taken from corner to corner, give that edge back."""
        step = (np.linspace(0, 1, 28) > 0.5).astype(float)
        for first in ((0.0, 0.0), (0.5 / 56, 0.5 / 56), (0.25, 0.25)):
            mask = paste_mask(np.outer(np.ones(28), step), (0, 0, 96, 128), SIZE, first)
            assert np.flatnonzero(mask[48]).min() == 64


class TestTargets:
    @pytest.mark.parametrize(
        ("radius", "least"), [(1, 1.0), (2, 1.0), (4, 1.0), (8, 0.99), (16, 0.985), (45, 0.985)]
    )
    def test_a_target_pasted_back_gives_the_mask(self, radius, least):
        mask = ellipse((47.3, 62.1), (radius, 1.3 * radius))
        (box,) = extract_bboxes(mask[:, :, None])
        assert iou(paste_mask(aligned_target(mask, box), box, SIZE), mask) >= least

    @pytest.mark.parametrize("mini", [(56, 56), (28, 28), None])
    def test_the_target_of_the_gt_box_is_the_share_that_is_covered(self, mini):
        mask = ellipse((48, 64), (28, 56))
        (box,) = extract_bboxes(mask[:, :, None])
        assert tuple(box) == (20, 8, 76, 120)
        expected = cover_mask([box], mask[:, :, None], (28, 28))[:, :, 0]
        found = aligned_target(mask, box, mini)
        inner = np.s_[1:-1, 1:-1]  # at the border an interpolated mask fades
        assert np.abs(found - expected)[inner].mean() < (0.02 if mini == (56, 56) else 0.05)
        assert abs(found.mean() - expected.mean()) < 0.015

    def test_a_shift_of_half_a_pixel_shifts_the_target_by_half_a_pixel(self):
        mask = np.zeros(SIZE, bool)
        mask[20:76, 30:86] = True  # a square of 56 px: a cell of its mini-mask is a pixel
        # A cell of the target has two pixels, so the edge at 30 lies 7 cells from a ROI that begins at 16.
        rows = [aligned_target(mask, [20, 16 + shift, 76, 72 + shift])[14] for shift in (0, 0.5, 1, 2)]
        edges = [28 - row.sum() for row in rows]
        np.testing.assert_allclose(edges, [7, 6.75, 6.5, 6], atol=1e-5)

    def test_a_roi_beyond_the_instance_holds_nothing_there(self):
        mask = np.zeros(SIZE, bool)
        mask[20:76, 30:86] = True
        target = aligned_target(mask, np.array([20, 30, 76, 114]))
        assert target[:, :18].min() > 0.99 and target[:, 19:].max() == 0

    def test_corner_crops_are_as_before(self):
        masks = np.random.default_rng(0).random((1, 1, 56, 56)) > 0.5
        boxes = np.float32([[[0, 0, 1, 1]]])
        index = np.int32([[0]])
        np.testing.assert_array_equal(numpy(crop_masks(masks, index, boxes, (56, 56)))[0, 0], masks[0, 0])

    def test_aligned_needs_the_size_of_the_image(self):
        with pytest.raises(ValueError, match="needs image_shape"):
            DetectionTargetLayer(1, 1.0, (28, 28), mask_target="aligned")
