"""Mask files of every kind give the same mask, and those of several instances are refused by name."""

import io

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import check
from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.images import ImageError, SeveralInstances, read_mask
from mrcnn.datasets.mask_facts import facts_of, facts_of_file
from pumpkin.config import PumpkinConfig

H, W = 60, 80


def blob(seed, height=H, width=W):
    """A random ellipse [H, W] bool."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    center = rng.uniform(0.3, 0.7, 2) * (height, width)
    radii = rng.uniform(0.15, 0.3, 2) * (height, width)
    return ((y - center[0]) / radii[0]) ** 2 + ((x - center[1]) / radii[1]) ** 2 <= 1


def save(path, pixels, **options):
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path, **options)
    return path


def colored(mask, color):
    return mask[:, :, None] * np.array(color, np.uint8)


def with_alpha(grey, alpha):
    return np.dstack([grey, grey, grey, alpha]).astype(np.uint8)


def palette(indices, *colors):
    image = Image.frombytes("P", indices.shape[::-1], indices.astype(np.uint8).tobytes())
    image.putpalette([value for color in ((0, 0, 0), *colors) for value in color])
    return image


SAME = {
    "one bit": lambda m: m,
    "0 and 1": lambda m: m.astype(np.uint8),
    "0 and 255": lambda m: m * np.uint8(255),
    "16 bits": lambda m: m.astype(np.uint16) * 300,
    "32 bits": lambda m: m.astype(np.int32) * 70_000,
    "floats": lambda m: m.astype(np.float32) * 0.5,
    "red": lambda m: colored(m, (200, 0, 0)),
    "colour": lambda m: colored(m, (20, 90, 130)),
    "opaque": lambda m: with_alpha(m * 255, np.full(m.shape, 255)),
    "white, transparent outside": lambda m: with_alpha(np.full(m.shape, 255), m * 255),
    "black, transparent outside": lambda m: with_alpha(np.zeros(m.shape), m * 255),
    "transparent and black outside": lambda m: with_alpha(m * 255, m * 255),
    "white everywhere but half transparent outside": lambda m: with_alpha(np.full(m.shape, 9), 90 + m * 100),
    "grey with alpha": lambda m: Image.merge(
        "LA", [Image.new("L", (W, H), 255), Image.fromarray(m * np.uint8(255))]
    ),
    "palette": lambda m: palette(m, (0, 0, 1)),
    "palette, bright": lambda m: palette(m, (128, 0, 0)),
}


@pytest.mark.parametrize("kind", SAME)
@pytest.mark.parametrize("seed", range(3))
def test_one_instance_of_any_kind(tmp_path, kind, seed):
    mask = blob(seed)
    suffix = "tif" if kind in ("floats", "32 bits") else "png"
    path = save(tmp_path / f"a.{suffix}", SAME[kind](mask))
    np.testing.assert_array_equal(read_mask(path), mask)
    assert facts_of_file(path, path.read_bytes(), False) == facts_of(mask)


@pytest.mark.parametrize("quality", [40, 75, 95, 100])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("level", [255, 120])
def test_what_jpeg_adds_does_not_count(tmp_path, quality, mode, level):
    for seed in range(6):
        mask = blob(seed, 160, 200)
        file = io.BytesIO()
        Image.fromarray(mask * np.uint8(level)).convert(mode).save(file, "JPEG", quality=quality)
        path = save(tmp_path / "a.png", Image.open(file))
        found = read_mask(path)
        assert abs(int(found.sum()) - mask.sum()) <= 0.02 * mask.sum()
        assert (found ^ mask).sum() <= 0.02 * mask.sum()


def test_a_smooth_edge_ends_at_half(tmp_path):
    large = Image.fromarray(blob(1, 8 * H, 8 * W) * np.uint8(255))
    smooth = large.resize((W, H), Image.Resampling.BOX)
    found = read_mask(save(tmp_path / "a.png", smooth))
    np.testing.assert_array_equal(found, np.asarray(smooth) > 127.5)


def labels(count=3):
    """A map of ``count`` separate squares with the values 1, 2, ..."""
    found = np.zeros((H, W), np.int64)
    for number in range(count):
        y, x = 12 * (number // 6) + 2, 12 * (number % 6) + 2
        found[y : y + 9, x : x + 9] = number + 1
    return found


COLORS = [tuple(int(v) for v in c) for c in np.random.default_rng(1).integers(60, 256, (30, 3))]


def in_colors(found):
    return np.array([(0, 0, 0), *COLORS], np.uint8)[found]


SEVERAL = {
    "1 and 2": labels(2).astype(np.uint8),
    "1 to 24": labels(24).astype(np.uint8),
    "200 and 255": np.array([0, 200, 255], np.uint8)[labels(2)],
    "an instance and 255 for void": np.array([0, 1, 255], np.uint8)[labels(2)],
    "16 bits": labels(24).astype(np.uint16) * 40,
    "palette": palette(labels(3), *COLORS),
    "three colours": in_colors(labels(3)),
    "24 colours": in_colors(labels(24)),
    "red and green": np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0)], np.uint8)[labels(2)],
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_several_instances_are_refused_by_name(tmp_path, kind):
    path = save(tmp_path / "ids.png", SEVERAL[kind])
    with pytest.raises(
        SeveralInstances, match=r"ids\.png: holds several instances, as the values .*label_maps"
    ):
        read_mask(path)


def test_the_values_are_named(tmp_path):
    with pytest.raises(ImageError, match="as the values 1, 2; save"):
        read_mask(save(tmp_path / "a.png", SEVERAL["1 and 2"]))
    with pytest.raises(ImageError, match="as the values #00ff00, #ff0000; save"):
        read_mask(save(tmp_path / "a.png", SEVERAL["red and green"]))


def test_masks_that_look_wrong():
    mask = blob(0)
    whole = np.ones((H, W), bool)
    assert facts_of(mask).oddity == facts_of(np.zeros((H, W), bool)).oddity == ""
    assert facts_of(~mask).oddity == "inverted"
    assert facts_of(whole).oddity == "whole"
    filling = whole.copy()
    filling[:20] = False  # a table that fills two thirds of its photograph
    assert facts_of(filling).oddity == ""
    assert facts_of(~mask).box == (0, 0, H, W)
    assert [facts_of(labels(count) > 0).pieces for count in (1, 2, 3, 9)] == [False, False, True, True]
    crumbs = mask.copy()
    crumbs[0, ::7] = True
    assert not facts_of(crumbs).pieces


@pytest.mark.parametrize(
    ("masks", "label", "fatal"),
    [
        ({"a": ~blob(0)}, "looks inverted", True),
        ({"a": ~blob(0), "b": blob(1), "c": blob(2)}, "looks inverted", False),
        ({"a": np.ones((H, W), bool), "b": blob(1)}, "covers its image", False),
        ({"a": labels(4) > 0}, "many pieces", False),
        ({"a": SEVERAL["1 and 2"], "b": blob(1)}, "several instances", True),
    ],
)
def test_the_check_names_them(tmp_path, masks, label, fatal):
    folder = tmp_path / "train/pumpkin"
    for number, (name, mask) in enumerate(masks.items()):
        (folder / "masks").mkdir(parents=True, exist_ok=True)
        save(folder / f"{name}.png", np.random.default_rng(number).integers(0, 255, (H, W, 3), np.uint8))
        save(folder / f"masks/{name}_m05zsy_0.png", mask)
    dataset = ClassFolders()
    dataset.load_split(tmp_path, "train", ["Pumpkin"])
    dataset.prepare()
    report = check.check({"train": dataset}, PumpkinConfig(), progress=False)
    (finding,) = [finding for finding in report.findings if finding.label == label]
    assert finding.fatal == fatal
    assert finding.files[0].startswith(str(folder / "masks/a_m05zsy_0.png"))


@pytest.mark.parametrize(("name", "pixels"), [("alpha", 1957), ("jpeg", 1957), ("inverted", 17243)])
def test_real_files(shared_cases, name, pixels):
    mask = read_mask(shared_cases(f"data/mask_files/{name}.png"))
    assert abs(int(mask.sum()) - pixels) <= 0.02 * pixels * (name == "jpeg")
    assert facts_of(mask).oddity == ("inverted" if name == "inverted" else "")


def test_a_real_map_of_ids(shared_cases):
    with pytest.raises(SeveralInstances, match="as the values 1, 2"):
        read_mask(shared_cases("data/mask_files/ids.png"))
