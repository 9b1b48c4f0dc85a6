"""The anchor pyramid."""

import numpy as np
import pytest

from mrcnn.ops import anchors, boxes


def test_golden_pyramid(parity):
    with np.load(parity("units.npz")) as golden:
        shapes = golden["anchors__backbone_shapes"]
        pixel = anchors.pyramid_anchors((32, 64, 128, 256, 512), [0.5, 1, 2], shapes, [4, 8, 16, 32, 64])
        assert pixel.dtype == np.float32
        np.testing.assert_allclose(pixel, golden["anchors__pixel"], atol=1e-5)
        normalized = np.asarray(boxes.normalize(pixel, (256, 256)))
        np.testing.assert_allclose(normalized, golden["anchors__normalized"], atol=1e-5)


def test_order_is_row_then_column_then_ratio():
    found = anchors.generate_anchors(32, [0.5, 1, 2], (2, 3), 16).reshape(2, 3, 3, 4)
    centers = (found[..., :2] + found[..., 2:]) / 2
    for row in range(2):
        for column in range(3):
            np.testing.assert_allclose(centers[row, column], [(row * 16, column * 16)] * 3, atol=1e-5)
    height, width = found[..., 2] - found[..., 0], found[..., 3] - found[..., 1]
    np.testing.assert_allclose((width / height)[1, 2], [0.5, 1, 2], rtol=1e-6)
    np.testing.assert_allclose(height * width, np.full((2, 3, 3), 32.0**2), rtol=1e-6)


def test_one_square_anchor_by_hand():
    np.testing.assert_array_equal(
        anchors.generate_anchors(8, [1], (1, 2), 4), [[-4, -4, 4, 4], [-4, 0, 4, 8]]
    )


def test_several_scales_vary_fastest():
    found = anchors.generate_anchors([8, 16], [1, 4], (1, 1), 4)
    sizes = found[:, 2:] - found[:, :2]
    np.testing.assert_allclose(sizes, [[8, 8], [16, 16], [4, 16], [8, 32]])


def test_anchor_stride_skips_cells():
    found = anchors.generate_anchors(8, [1], (4, 5), 4, anchor_stride=2)
    centers = (found[:, :2] + found[:, 2:]) / 2
    np.testing.assert_array_equal(centers, [[0, 0], [0, 8], [0, 16], [8, 0], [8, 8], [8, 16]])


def test_levels_follow_one_another():
    found = anchors.pyramid_anchors((8, 16), [1, 2], [(2, 2), (1, 1)], [4, 8])
    assert found.shape == (2 * 2 * 2 + 2, 4)
    np.testing.assert_array_equal(found[8:], anchors.generate_anchors(16, [1, 2], (1, 1), 8))


def test_missing_level_is_named():
    with pytest.raises(ValueError, match="2 scales, 1 shapes and 2 strides"):
        anchors.pyramid_anchors((8, 16), [1], [(2, 2)], [4, 8])
