"""One rule on EXIF orientation: sizes decide where they can, elsewhere the format does."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from mrcnn.datasets import annotated, check, orientation, shapes
from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.image_folders import ImageFolders
from mrcnn.datasets.images import read_image, read_size
from mrcnn.pipeline.loader import load_image_gt
from pumpkin.config import PumpkinConfig
from pumpkin.detect import reload

ORIENTATIONS = range(1, 9)
TIFF_TYPES = range(14)


def scene(height=60, width=80):
    """An upright photograph with a bright rectangle off its centre, and the mask of the rectangle."""
    rng = np.random.default_rng([height, width])
    image = rng.integers(0, 40, (height, width, 3), dtype=np.uint8)
    mask = np.zeros((height, width), bool)
    mask[5:25, 8:30] = True
    image[mask] = 230
    return image, mask


def stored_as(upright, number):
    """The pixels that a camera stores, so that a viewer that obeys the orientation shows ``upright``."""
    undo = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, 1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    return np.ascontiguousarray(undo[number](upright))


def exif_of(number, tag=None, kind=3, order=">"):
    """A block of EXIF: the orientation and, before or after it, another tag of any type."""
    entries = [(0x0112, struct.pack(f"{order}HHIHH", 0x0112, 3, 1, number, 0))]
    if tag is not None:
        entries.append((tag, struct.pack(f"{order}HHI4s", tag, kind, 2, b"1\x00\x00\x00")))
    entries = b"".join(entry for _, entry in sorted(entries))
    mark = b"MM" if order == ">" else b"II"
    head = mark + struct.pack(f"{order}HIH", 42, 8, len(entries) // 12)
    return b"Exif\x00\x00" + head + entries + bytes(12)


def write_photograph(path, upright, number, exif=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"quality": 95} if path.suffix == ".jpg" else {}
    Image.fromarray(stored_as(upright, number)).save(path, exif=exif or exif_of(number), **options)
    return path


def write_mask(path, mask):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(mask).save(path)


def iou(image, mask):
    seen = image.min(axis=2) > 128
    return (seen & mask).sum() / (seen | mask).sum()


class TestReading:
    @pytest.mark.parametrize("number", ORIENTATIONS)
    @pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
    def test_it_is_as_pillow_turns(self, tmp_path, number, suffix):
        upright, _ = scene()
        path = write_photograph(tmp_path / f"a.{suffix}", upright, number)
        with Image.open(path) as image:
            expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        np.testing.assert_array_equal(read_image(path, apply_exif=True), expected)
        assert read_size(path, apply_exif=True) == expected.shape[:2] == upright.shape[:2]
        assert read_size(path) == stored_as(upright, number).shape[:2]
        if suffix == "png":
            np.testing.assert_array_equal(expected, upright)

    @pytest.mark.parametrize("order", "<>")
    def test_no_other_tag_of_any_type_matters(self, tmp_path, order):
        upright, _ = scene(6, 8)
        tags = [*range(0x0100, 0x0220), 0x8298, 0x8769, 0x8825, 0xA005, 0x9286, 0x927C, 1, 0xFFFF]
        for tag in tags:
            if tag == orientation.TAG:
                continue
            for kind in TIFF_TYPES:
                image = Image.fromarray(stored_as(upright, 6))
                image.format = "JPEG"
                image.info["exif"] = exif_of(6, tag, kind, order)
                assert orientation.number_of(image) == 6, (tag, kind)
                np.testing.assert_array_equal(np.asarray(orientation.turn(image, 6)), upright)

    @pytest.mark.parametrize("kind", TIFF_TYPES)
    @pytest.mark.parametrize("tag", [0x0131, 0x0213, 0x011A, 0x8769, 0x8825])
    def test_a_file_with_an_odd_tag_is_read_and_turned(self, tmp_path, tag, kind):
        upright, _ = scene(6, 8)
        path = write_photograph(tmp_path / "a.png", upright, 6, exif_of(6, tag, kind))
        np.testing.assert_array_equal(read_image(path, apply_exif=True), upright)

    def test_blocks_cut_short_or_of_noise_turn_nothing_and_raise_nothing(self):
        image, whole, rng = Image.new("RGB", (4, 3)), exif_of(6, 0x0131), np.random.default_rng(0)
        for length in range(len(whole)):
            image.info["exif"] = whole[:length]
            assert orientation.number_of(image) in (1, 6)
        for _ in range(500):
            image.info["exif"] = b"Exif\x00\x00MM\x00*" + rng.bytes(40)
            assert orientation.number_of(image) in ORIENTATIONS
        for number in (0, 9, 65535):
            image.info["exif"] = exif_of(number)
            assert orientation.number_of(image) == 1

    def test_exif_after_the_pixels_of_a_png_is_found(self, tmp_path):
        upright, _ = scene(6, 8)
        path = tmp_path / "a.png"
        Image.fromarray(stored_as(upright, 8)).save(path)
        data, body = path.read_bytes(), exif_of(8)[6:]
        chunk = struct.pack(">I4s", len(body), b"eXIf") + body
        chunk += struct.pack(">I", zlib.crc32(chunk[4:]))
        path.write_bytes(data[:-12] + chunk + data[-12:])
        np.testing.assert_array_equal(read_image(path, apply_exif=True), upright)
        assert read_size(path, apply_exif=True) == (6, 8)

    def test_tiff_files_are_turned_once(self, tmp_path):
        upright, _ = scene(6, 8)
        for number in ORIENTATIONS:
            Image.fromarray(stored_as(upright, number)).save(tmp_path / "a.tif", tiffinfo={0x0112: number})
            for apply_exif in (False, True):
                np.testing.assert_array_equal(read_image(tmp_path / "a.tif", apply_exif), upright)
                assert read_size(tmp_path / "a.tif", apply_exif) == (6, 8)


@pytest.mark.parametrize(
    ("stored", "number", "sizes", "rule", "upright"),
    [
        ((60, 80), 1, [(80, 60)], True, False),
        ((60, 80), 6, [(80, 60)], False, True),
        ((60, 80), 6, [(60, 80)], True, False),
        ((60, 80), 8, [(160, 120), (40, 30)], False, True),  # at other scales
        ((60, 80), 6, [(80, 60), (60, 80)], True, True),  # they contradict each other
        ((60, 80), 6, [(80, 60), (60, 80)], False, False),
        ((60, 80), 6, [(50, 50)], True, True),  # they fit neither
        ((60, 80), 6, [], True, True),
        ((60, 80), 6, [], False, False),
        ((60, 80), 3, [(60, 80)], True, True),
        ((60, 80), 3, [(60, 80)], False, False),
        ((70, 70), 6, [(70, 70)], True, True),
        ((70, 70), 6, [(70, 70)], False, False),
        ((1000, 1001), 6, [(1001, 1000)], False, True),  # by a pixel, which is less than a percent
        ((1000, 1001), 6, [(1000, 1001)], True, False),
    ],
)
def test_sizes_decide_where_they_can_and_the_format_elsewhere(stored, number, sizes, rule, upright):
    assert orientation.decide(stored, number, sizes, rule).upright == upright


def open_folders(root, split="train"):
    dataset = ClassFolders()
    dataset.load_split(root, split, ["Pumpkin"])
    dataset.prepare()
    return dataset


def write_class_folder(root, name, number, mask_as_stored=False, shape=(60, 80)):
    upright, mask = scene(*shape)
    folder = root / "train/pumpkin"
    write_photograph(folder / f"{name}.png", upright, number)
    write_mask(folder / f"masks/{name}_m05zsy_0.png", stored_as(mask, number) if mask_as_stored else mask)
    return root


class TestClassFolders:
    @pytest.mark.parametrize("number", ORIENTATIONS)
    def test_masks_drawn_by_hand_lie_on_the_upright_photograph(self, tmp_path, number):
        dataset = open_folders(write_class_folder(tmp_path, "img", number))
        upright, mask = scene()
        masks, class_ids = dataset.load_mask(0)
        np.testing.assert_array_equal(dataset.load_image(0), upright)
        np.testing.assert_array_equal(masks[:, :, 0], mask)
        assert class_ids.tolist() == [1]
        assert dataset.image_size(0) == (60, 80)

    @pytest.mark.parametrize("number", ORIENTATIONS)
    @pytest.mark.parametrize("shape", [(60, 80), (70, 70)])
    def test_downloads_are_annotated_as_stored(self, tmp_path, number, shape):
        name = "0123456789abcdef"
        dataset = open_folders(write_class_folder(tmp_path, name, number, True, shape))
        upright, mask = scene(*shape)
        np.testing.assert_array_equal(dataset.load_image(0), stored_as(upright, number))
        np.testing.assert_array_equal(dataset.load_mask(0)[0][:, :, 0], stored_as(mask, number))

    def test_sizes_decide_against_the_rule(self, tmp_path):
        as_stored = open_folders(write_class_folder(tmp_path / "a", "img", 6, mask_as_stored=True))
        assert as_stored.load_image(0).shape[:2] == as_stored.load_mask(0)[0].shape[:2] == (80, 60)
        upright = open_folders(write_class_folder(tmp_path / "b", "0123456789abcdef", 6))
        assert upright.load_image(0).shape[:2] == upright.load_mask(0)[0].shape[:2] == (60, 80)

    def test_the_check_counts_them_and_says_how_each_was_decided(self, tmp_path):
        write_class_folder(tmp_path, "by_size", 6)
        write_class_folder(tmp_path, "by_rule", 3, shape=(60, 70))
        write_class_folder(tmp_path, "0123456789abcdef", 3, mask_as_stored=True, shape=(60, 90))
        write_class_folder(tmp_path, "plain", 1, shape=(50, 90))
        report = check.check({"train": open_folders(tmp_path)}, PumpkinConfig(), progress=False)
        (finding,) = [finding for finding in report.findings if finding.label == "turned by EXIF"]
        assert not finding.fatal
        assert finding.text.startswith("Photographs that EXIF turns: 3.")
        assert "1 upright (the sizes of its masks or annotations)" in finding.text
        assert "1 upright (its data set annotates upright photographs)" in finding.text
        assert "1 as stored (its data set annotates stored pixels)" in finding.text
        assert sorted(line.split(": ")[1] for line in finding.files) == [
            "orientation 3, as stored", "orientation 3, upright", "orientation 6, upright",
        ]  # fmt: skip


@pytest.mark.parametrize("name", ["exif_180", "exif_90"])
def test_real_masks_lie_on_the_objects_in_every_command(shared_cases, name):
    for split in ("train", "val"):
        dataset = open_folders(shared_cases(f"data/{name}"), split)
        for image_id in dataset.image_ids:
            path = dataset.image_info[image_id]["path"]
            with Image.open(path) as image:
                expected = np.asarray(ImageOps.exif_transpose(image))
            found, (masks, _) = dataset.load_image(image_id), dataset.load_mask(image_id)
            np.testing.assert_array_equal(found, expected)
            assert masks.shape == (*expected.shape[:2], 1)
            object_ = np.abs(expected.astype(int) - np.median(expected, axis=(0, 1))).max(axis=2) > 80
            overlap = (object_ & masks[:, :, 0]).sum() / (object_ | masks[:, :, 0]).sum()
            assert overlap > 0.98, (path, overlap)


def test_a_photograph_with_an_odd_tag_is_read_and_turned(shared_cases):
    path = shared_cases("files/exif_odd_type.jpg")
    np.testing.assert_array_equal(read_image(path, apply_exif=True), np.rot90(read_image(path), -1))


class Own(Dataset):
    """A program's own data set, whose masks have the size that ``drawn`` says."""

    drawn = None
    asks_for_the_image = False

    def load_mask(self, image_id):
        size = self.load_image(image_id).shape[:2] if self.asks_for_the_image else self.drawn
        return np.ones((*size, 1), bool), np.ones(1, np.int32)


class TestOwnDatasets:
    def open(self, tmp_path, drawn=None, **info):
        dataset = Own()
        dataset.drawn = drawn
        dataset.add_class("own", 1, "thing")
        path = write_photograph(tmp_path / "a.png", scene()[0], 6)
        dataset.add_image("own", "a", str(path), **info)
        dataset.prepare()
        return dataset

    @pytest.mark.parametrize("size", [(60, 80), (80, 60)])
    def test_the_size_of_their_masks_decides(self, tmp_path, size):
        dataset = self.open(tmp_path, size)
        assert dataset.load_image(0).shape[:2] == dataset.image_size(0) == size
        config = PumpkinConfig()
        config.update({"IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 128})
        assert load_image_gt(dataset, config, 0)[2].tolist() == [1]

    @pytest.mark.parametrize("size", [(60, 80), (80, 60)])
    def test_so_does_the_size_in_image_info(self, tmp_path, size):
        dataset = self.open(tmp_path, height=size[0], width=size[1])
        dataset.asks_for_the_image = True
        assert dataset.load_image(0).shape[:2] == dataset.load_mask(0)[0].shape[:2] == size

    def test_masks_of_the_loaded_image_s_size_leave_it_to_the_rule(self, tmp_path):
        dataset = self.open(tmp_path)
        dataset.asks_for_the_image = True
        assert dataset.load_image(0).shape[:2] == dataset.load_mask(0)[0].shape[:2] == (60, 80)


class Drawn(annotated.AnnotatedDataset):
    """Annotations in memory."""

    index = None

    def read_index(self, root, split):
        return self.index


@pytest.mark.parametrize("size", [None, (60, 80), (80, 60)])
def test_annotations_are_drawn_on_the_photograph_of_their_size(tmp_path, size):
    upright, _ = scene()
    path = write_photograph(tmp_path / "a.png", upright, 6)
    box = annotated.Annotation("thing", shapes.rectangle(8, 5, 22, 20))
    dataset = Drawn()
    dataset.index = annotated.Index(["thing"], [annotated.IndexedImage("a", str(path), [box], size)])
    dataset.load_split(tmp_path, None)
    dataset.prepare()
    shape = size or (60, 80)
    assert dataset.load_image(0).shape[:2] == dataset.image_size(0) == shape
    assert dataset.load_mask(0)[0].shape == (*shape, 1)
    if shape == (60, 80):
        assert iou(dataset.load_image(0), dataset.load_mask(0)[0][:, :, 0]) == 1


def test_nuclei_follow_the_same_rule(tmp_path):
    upright, mask = scene()
    for name, as_stored in (("a", True), ("b", False)):
        write_photograph(tmp_path / f"train/{name}/images/{name}.png", upright, 6)
        write_mask(tmp_path / f"train/{name}/masks/0.png", stored_as(mask, 6) if as_stored else mask)
    dataset = ImageFolders()
    dataset.load_split(tmp_path, "train", ["nucleus"])
    dataset.prepare()
    for image_id, shape in enumerate([(80, 60), (60, 80)]):
        assert dataset.load_image(image_id).shape[:2] == dataset.load_mask(image_id)[0].shape[:2] == shape
        assert iou(dataset.load_image(image_id), dataset.load_mask(image_id)[0][:, :, 0]) == 1


def test_detection_shows_the_upright_photograph(tmp_path):
    upright, _ = scene()
    path = write_photograph(tmp_path / "a.png", upright, 3)
    image, _ = reload({"image": str(path), "detections": [], "height": 60, "width": 80})
    np.testing.assert_array_equal(image, upright)
