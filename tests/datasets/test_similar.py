"""Photographs that are equal or nearly so are found; others are not."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from mrcnn.datasets import similar

H, W = 240, 320


def photograph(seed):
    """A picture [H, W, 3] uint8 of soft shapes: noise of 6 x 8 cells, enlarged."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((W, H), Image.Resampling.BICUBIC))


CHANGES = {
    "half": lambda image: image.resize((W // 2, H // 2)),
    "bright": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "cut": lambda image: image.crop((4, 3, W - 4, H - 3)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_similar_and_others_are_not(change):
    copy = np.asarray(CHANGES[change](Image.fromarray(photograph(2))))
    pictures = [*map(photograph, range(5)), copy]
    assert similar.similar_groups([similar.thumbnail(p) for p in pictures]) == [[2, 5]]


def test_files_are_compared_at_any_quality_and_damaged_ones_are_in_no_group(tmp_path):
    big = Image.fromarray(photograph(1)).resize((1600, 1200))
    big.save(tmp_path / "a.png")
    big.save(tmp_path / "b.jpg", quality=20)
    (tmp_path / "c.jpg").write_bytes(b"no image")
    (tmp_path / "d.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:300])
    found = [similar.read_thumbnail(path) for path in sorted(tmp_path.iterdir())]
    assert [item is None for item in found] == [False, False, True, True]
    assert found[0].shape == (similar.SIDE, similar.SIDE)
    assert similar.similar_groups(found) == [[0, 1]]


def test_a_thumbnail_averages_the_grey_values_of_its_cells():
    image = np.zeros((32, 64, 3), np.uint8)
    image[:16] = 100
    image[:, :4] = 200
    found = similar.thumbnail(image)
    assert (found[0, 0], found[0, 1], found[15, 1], found[15, 0]) == (200, 100, 0, 200)


def test_flat_pictures_are_in_no_group():
    assert similar.similar_groups([np.full((16, 16), 7, np.uint8)] * 3 + [None]) == []
    assert similar.similar_groups([]) == []


def test_groups_are_closed():
    assert similar.join([(5, 3), (1, 2), (3, 9), (2, 0)]) == [[0, 1, 2], [3, 5, 9]]


def test_all_pairs_are_found_across_blocks(monkeypatch):
    monkeypatch.setattr(similar, "_BLOCK", 3)
    found = [similar.thumbnail(photograph(seed)) for seed in (0, 1, 2, 3, 4, 1, 5, 0, 6)]
    assert similar.similar_groups(found) == [[0, 7], [1, 5]]


def test_real_photographs(shared_data):
    paths = sorted(shared_data("nuts_coco").rglob("*.jpg"))
    found = [similar.read_thumbnail(path) for path in [*paths, paths[3]]]
    assert similar.similar_groups(found) == [[3, len(paths)]]
