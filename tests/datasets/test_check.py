"""The look at a data set: each fault planted in a folder is found with its file, and a sound one has none."""

import csv
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import check
from mrcnn.datasets.preview import write_sheet
from mrcnn.drawing import random_colors
from pumpkin.config import PumpkinConfig
from pumpkin.dataset import DatasetError, DatasetWarning, NucleiDataset, PumpkinDataset
from tests.scenes import Rectangles, rectangles, write_dataset, write_image


def load(root, split="train", classes=("Pumpkin",)):
    dataset = PumpkinDataset()
    dataset.load_pumpkins(root, split, classes)
    dataset.prepare()
    return dataset


def config_of(**values):
    config = PumpkinConfig()
    config.update(
        {"IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64, "RPN_ANCHOR_SCALES": [8, 16, 32, 48, 64], **values}
    )
    return config


def look(root, splits=("train", "val"), classes=("Pumpkin",), skip_bad=False, **values):
    datasets = {split: load(root, split, classes) for split in splits}
    values = {"CLASSES": list(classes), **values}
    return check.check(datasets, config_of(**values), skip_bad=skip_bad, progress=False)


@pytest.fixture
def folder(tmp_path):
    """Three images to train on and two to validate on, each with one or two masks."""
    return write_dataset(tmp_path, shape=(64, 96))


def masks_of(folder, image_id):
    return sorted((folder / "train/pumpkin/masks").glob(f"{image_id}_*.png"))


def only(report, label):
    """The one finding of a report, which has the given label."""
    (finding,) = report.findings
    assert finding.label == label
    return finding


def test_a_sound_data_set_has_no_findings(folder):
    report = look(folder)
    assert (report.findings, report.fatal) == ((), False)
    assert report.splits == ("train", "val")
    assert report.table["images"] == ["3", "2"]
    assert report.table["instances"] == ["4", "3"]
    assert report.table["  height, px"] == ["64", "64"]
    assert report.table["  width, px"] == ["96", "96"]
    assert report.table["  an image"] == ["1 / 1 / 2", "1 / 2 / 2"]


def test_sizes_are_those_of_the_boxes_before_and_after_scaling(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (50, 100, 3), dtype=np.uint8)
    masks = np.zeros((100, 200, 3), bool)  # twice the image's size
    for i, side in enumerate((8, 32, 72)):
        masks[:side, : 2 * side, i] = True  # in the image side / 2 x side
    write_image(tmp_path / "train/pumpkin", "a", image, masks)
    report = look(tmp_path, ["train"], IMAGE_MIN_DIM=100, IMAGE_MAX_DIM=400)
    root2 = np.sqrt(2)
    assert report.table["  side, px"] == [f"{8 / root2:.0f} / {32 / root2:.0f} / {72 / root2:.0f}"]
    assert report.table["  side when scaled, px"] == [
        f"{16 / root2:.0f} / {64 / root2:.0f} / {144 / root2:.0f}"
    ]
    assert report.table["  below 8 px, the smallest anchor"] == ["0%"]
    on_tiles = look(tmp_path, ["train"], IMAGE_MIN_DIM=100, IMAGE_MAX_DIM=400, TILE=32)
    scaled = [f"{side * 100 / 32 / root2:.0f}" for side in (8, 32, 72)]
    assert on_tiles.table["  side when scaled, px"] == [" / ".join(scaled)]
    smaller = look(tmp_path, ["train"], RPN_ANCHOR_SCALES=[50, 64, 80, 96, 128])
    assert smaller.table["  below 50 px, the smallest anchor"] == ["100%"]
    finding = only(smaller, "too small")
    assert not finding.fatal
    assert "100% of the instances in train are smaller than the smallest anchor, 50 px" in finding.text


@pytest.mark.parametrize("damage", ["no image", "cut", "empty"])
def test_an_unreadable_image_is_fatal_unless_it_is_skipped(folder, damage):
    path = folder / "train/pumpkin/train01.png"
    data = path.read_bytes()
    path.write_bytes({"no image": b"nothing", "cut": data[:-400], "empty": b""}[damage])
    report = look(folder)
    finding = only(report, "unreadable")
    assert report.fatal
    assert finding.files[0].startswith(f"{path}: ")
    assert finding.files[0].count(str(path)) == 1
    assert finding.images == (("train", 1),)
    assert not look(folder, skip_bad=True).fatal
    assert report.table["images"] == ["3", "2"]
    assert report.table["instances"] == ["2", "3"]


def test_a_jpeg_cut_short_is_unreadable_and_one_with_bytes_after_its_end_is_not(folder):
    path = folder / "train/pumpkin/train09.jpg"
    Image.fromarray(rectangles(64, 96, 1)[0]).save(path, quality=95)
    data = path.read_bytes()
    path.write_bytes(data + b"\0" * 2000)
    assert not look(folder).findings
    path.write_bytes(data[: len(data) // 2])
    assert "truncated" in only(look(folder), "unreadable").files[0]


def test_a_damaged_mask_is_fatal(folder):
    (path,) = masks_of(folder, "train00")
    path.write_text("no image")
    report = look(folder)
    assert only(report, "unreadable mask").files == (
        f"{path}: is not an image in a format that Pillow knows",
    )
    assert report.fatal and not look(folder, skip_bad=True).fatal


@pytest.mark.parametrize(
    ("size", "label", "detail"),
    [((64, 96), "empty mask", ""), ((96, 64), "mask of another shape", ": 64 x 96, its image 96 x 64")],
)
def test_masks_that_are_left_out_are_noted(folder, size, label, detail):
    path = folder / "train/pumpkin/masks/train00_m05zsy_ffff.png"
    Image.fromarray(np.full(size, bool(detail))).save(path)
    report = look(folder)
    assert only(report, label).files == (f"{path}{detail}",)
    assert not report.fatal
    assert report.table["instances"][0] == "4"


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16"])
def test_a_mask_of_any_mode_has_the_same_box(tmp_path, mode):
    mask = Image.new("L", (96, 64))
    mask.paste(255, (10, 20, 50, 30))  # 40 x 10, a side of 20
    image, _ = rectangles(64, 96, 1)
    write_image(tmp_path / "train/pumpkin", "a", image)
    if mode == "RGBA":
        mask = Image.merge("RGBA", [mask] * 3 + [Image.new("L", mask.size, 255)])
    mask.convert(mode).save(tmp_path / "train/pumpkin/masks/a_m05zsy_00.png")
    assert look(tmp_path, ["train"]).table["  side, px"] == ["20"]


def test_a_mask_twice_is_noted_and_equal_masks_of_two_images_are_not(folder):
    (path,) = masks_of(folder, "train00")
    shutil.copy(path, path.with_name("train02_m05zsy_ffff.png"))
    assert not look(folder).findings
    copy = path.with_name("train00_m05zsy_ffff.png")
    shutil.copy(path, copy)
    assert only(look(folder), "mask twice").files == (f"{copy}: as {path.name}",)


class TestDuplicates:
    def test_an_image_of_the_training_in_validation_is_fatal(self, folder):
        leaked = folder / "val/pumpkin/other_name.png"
        shutil.copy(folder / "train/pumpkin/train01.png", leaked)
        report = look(folder)
        finding = only(report, "in train and val")
        assert report.fatal
        assert finding.files == (f"{folder / 'train/pumpkin/train01.png'} = {leaked}",)
        assert finding.images == (("train", 1), ("val", 0))

    def test_between_other_splits_it_is_a_note(self, folder):
        shutil.copytree(folder / "val", folder / "test")
        report = look(folder, ("train", "val", "test"))
        assert len(only(report, "in val and test").files) == 2
        assert not report.fatal

    def test_within_a_split_it_is_a_note(self, folder):
        for name in ("train07.png", "train08.png"):
            shutil.copy(folder / "train/pumpkin/train01.png", folder / "train/pumpkin" / name)
        report = look(folder)
        (line,) = only(report, "more than once").files
        assert line.count(" = ") == 2
        assert not report.fatal

    def test_equal_length_is_not_enough(self, folder):
        path = folder / "train/pumpkin/train01.png"
        data = path.read_bytes()
        other = data[:-16] + bytes([data[-16] ^ 1]) + data[-15:]
        (folder / "val/pumpkin/other.png").write_bytes(other)
        labels = {finding.label for finding in look(folder).findings}
        assert not labels & {"in train and val", "more than once"}


class TestLookAlikes:
    """Pictures of soft shapes, so that a smaller copy of less quality is still alike."""

    def picture(self, seed, size=(96, 64)):
        cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
        return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)

    def write(self, root, **pictures):
        for name, picture in pictures.items():
            split = name.split("_")[0]
            folder = root / split / "pumpkin"
            mask = np.zeros((64, 96, 1), bool)
            mask[10:40, 10:40] = True
            write_image(folder, name, np.asarray(picture), mask)
        return root

    def test_of_several_splits_are_a_note(self, tmp_path):
        alike = self.picture(1).resize((80, 53)).resize((96, 64))
        self.write(
            tmp_path, train_a=self.picture(0), train_b=self.picture(1), val_c=alike, val_d=self.picture(2)
        )
        report = look(tmp_path)
        finding = only(report, "look alike")
        paths = [tmp_path / f"{name}.png" for name in ("train/pumpkin/train_b", "val/pumpkin/val_c")]
        assert finding.files == (f"{paths[0]} and {paths[1]}",)
        assert not report.fatal
        assert look(tmp_path, ["train"]).findings == ()

    def test_equal_ones_are_reported_once_and_those_of_one_split_are_not(self, tmp_path):
        one = self.picture(1)
        self.write(
            tmp_path, train_a=one, train_b=one.resize((80, 53)).resize((96, 64)), val_c=self.picture(3)
        )
        assert look(tmp_path).findings == ()
        self.write(tmp_path, val_d=self.picture(3), train_d=self.picture(3))
        labels = [finding.label for finding in look(tmp_path).findings]
        assert labels == ["in train and val"]


class TestCrowds:
    def with_rows(self, folder, *rows):
        path = folder / "train/pumpkin/crowds/train00.csv"
        path.parent.mkdir(exist_ok=True)
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([("XMin", "XMax", "YMin", "YMax"), *rows])
        return path

    def test_sound_ones_are_counted(self, folder):
        self.with_rows(folder, (0.1, 0.5, 0, 1), (0, 1, 0, 1))
        report = look(folder)
        assert not report.findings
        assert report.table["  and crowds"] == ["2", "0"]

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"XMin,XMax,YMin,YMax\n0.1,0.2,\xcd\x7f0.3,0.4\n", "is not UTF-8 text; save the file as UTF-8"),
            (b"XMin,XMax,YMin,YMax\n" + b"1" * 140_000 + b",1,0,1\n", "is no CSV of boxes .*field larger"),
            (b"", None),
            (b"\xef\xbb\xbfXMin,XMax,YMin,YMax\n0,1,0,1\n", None),
        ],
    )
    def test_files_that_are_no_csv_are_named(self, folder, data, reason):
        path = self.with_rows(folder)
        path.write_bytes(data)
        report = look(folder)
        if reason is None:
            assert not report.findings
            return
        assert re.fullmatch(rf"{path}: {reason}.*", only(report, "crowd is not a box").files[0])
        with pytest.raises(DatasetError, match=rf"{path}: {reason}"):
            load(folder).load_mask(0)

    @pytest.mark.parametrize(
        ("row", "label", "fatal"),
        [
            ((0.5, 1.2, 0, 1), "crowd beyond the image", False),
            ((1.1, 1.2, 0, 1), "crowd without area", False),
            ((0.5, 0.5, 0, 1), "crowd without area", False),
            ((0.5, "x", 0, 1), "crowd is not a box", True),
            ((0.5, "nan", 0, 1), "crowd is not a box", True),
            ((0.5, 0.6), "crowd is not a box", True),
        ],
    )
    def test_others_are_named_with_their_line(self, folder, row, label, fatal):
        path = self.with_rows(folder, (0, 1, 0, 1), row)
        report = look(folder)
        assert only(report, label).files[0].startswith(f"{path}: line 3")
        assert report.fatal == fatal


class TestClasses:
    def two(self, folder):
        image, masks = rectangles(64, 96, 2, seed=77)
        write_image(folder / "train/squash", "squash", image, masks, mid="m05_9h")
        (folder / "val/squash").mkdir()
        return folder

    def test_a_class_that_is_not_in_validation_is_a_note(self, folder):
        report = look(self.two(folder), classes=("Pumpkin", "Squash"))
        finding = only(report, "absent class")
        assert "val has no instance of Squash" in finding.text
        assert not finding.fatal
        assert report.table["  Pumpkin"] == ["4", "3"]
        assert report.table["  Squash"] == ["2", "0"]

    def test_one_that_is_not_in_the_training_is_fatal(self, folder):
        (folder / "train/squash").mkdir()
        (folder / "val/squash").mkdir()
        note, fatal = look(folder, classes=("Pumpkin", "Squash")).findings
        assert "train has no instance of Squash" in fatal.text
        assert (fatal.fatal, note.fatal) == (True, False)  # the fatal ones come last

    def test_a_training_without_an_instance_is_fatal(self, tmp_path):
        write_image(tmp_path / "train/pumpkin", "a", rectangles(64, 96, 1)[0])
        report = look(tmp_path, ["train"])
        assert "train has no instance of Pumpkin" in only(report, "absent class").text
        assert report.fatal
        assert report.table["  without instances"] == ["1"]
        assert report.table["  side, px"] == ["-"]


def test_more_instances_than_places_are_noted(folder):
    report = look(folder, MAX_GT_INSTANCES=1)
    finding = only(report, "too many")
    assert finding.files == (f"{folder / 'train/pumpkin/train01.png'}: 2",)
    assert "Raise MAX_GT_INSTANCES, up to 2." in finding.advice


def test_the_lines_name_a_few_files_or_all(folder):
    for number in range(8):
        (folder / f"train/pumpkin/bad{number}.png").write_bytes(b"")
    report = look(folder)
    lines = report.lines()
    assert lines[0].split()[-2:] == ["train", "val"]
    start = lines.index("FATAL  Images that cannot be read: 8.")
    assert lines[start + 1].strip().startswith("Download them again")
    assert len(lines[start + 2 : -1]) == 5
    assert lines[-1].strip() == "and 3 more"
    assert len(report.lines(shown=None)) == len(lines) + 2
    assert len({len(line) for line in lines[: len(report.table)]}) == 1  # columns are in line


class TestSamples:
    """Of a large split a part is checked; the rest counts for the classes that it shows."""

    def test_they_are_seeded_and_said(self, tmp_path):
        root = write_dataset(tmp_path, train=9, val=2)
        datasets = {split: load(root, split) for split in ("train", "val")}
        one, other = (check.check(datasets, config_of(), progress=False, limit=4) for _ in range(2))
        assert one.table == other.table
        assert one.table["images"] == ["4", "2"]
        assert one.sampled == {"train": (4, 9)}
        (line,) = [line for line in one.lines() if "Checked" in line]
        assert line == "note   Checked 4 of the 9 images in train, chosen at random (seed 0)."
        whole = check.check(datasets, config_of(), progress=False)
        assert (whole.table["images"], whole.sampled) == (["9", "2"], {})
        assert check.LIMIT == 2000

    def test_a_class_that_only_other_images_show_is_not_absent(self, tmp_path):
        root = write_dataset(tmp_path, train=9, val=1)
        datasets = {"train": load(root)}
        sample = [int(i) for i in check._choose(datasets["train"], 3)]
        name = f"train{next(i for i in range(9) if i not in sample):02}"
        _, masks = rectangles(64, 64, 1, seed=5)
        for folder in ("train/squash", "train/gourd"):
            (root / folder / "masks").mkdir(parents=True)
        Image.fromarray(masks[:, :, 0]).save(root / f"train/squash/masks/{name}_m05_9h_0.png")
        shutil.copy(root / f"train/pumpkin/{name}.png", root / f"train/squash/{name}.png")
        datasets = {"train": load(root, classes=("Pumpkin", "Squash", "Gourd"))}
        report = check.check(datasets, config_of(), progress=False, limit=3)
        assert report.table["  Squash"] == ["0"]
        assert "train has no instance of Gourd. " in only(report, "absent class").text

    def test_a_class_of_a_program_that_must_load_masks_is_given_the_benefit(self):
        dataset = Rectangles((1, 1, 1, 1, 2))
        report = check.check({"train": dataset}, config_of(), progress=False, limit=1)
        assert not report.findings


def test_notes_are_grouped_and_fatal_findings_come_last(folder):
    (folder / "val/pumpkin/masks/strange.png").touch()
    (folder / "train/pumpkin/masks/strange.png").touch()
    (folder / "train/pumpkin/train00.png").write_bytes(b"")
    datasets = {split: load(folder, split) for split in ("train", "val")}
    report = check.check(datasets, config_of(), progress=False, warned=["first.", "second."])
    heads = [line[:5].strip() + line[5:] for line in report.lines() if line.startswith(("note", "FATAL"))]
    assert heads == [
        "note  Warnings of the data set: 2.",
        "note  Files among the masks that belong to no image, which are left out: 2.",
        "FATAL  Images that cannot be read: 1.",
    ]


def write_nuclei(root, shape=(30, 40)):
    image, masks = rectangles(30, 40, 2)
    for name in ("images", "masks"):
        (root / "train/abc" / name).mkdir(parents=True)
    Image.fromarray(image).save(root / "train/abc/images/abc.png")
    Image.fromarray(masks[:, :, 0]).save(root / "train/abc/masks/0.png")
    Image.fromarray(np.pad(np.ones((shape[0] - 2, shape[1] - 2), bool), 1)).save(
        root / "train/abc/masks/1.png"
    )
    dataset = NucleiDataset()
    dataset.load_nuclei(root, "train")
    dataset.prepare()
    return dataset


def test_nuclei_must_have_their_image_s_size(tmp_path):
    config = config_of()
    assert not check.check({"train": write_nuclei(tmp_path / "a")}, config, progress=False).findings
    report = check.check({"train": write_nuclei(tmp_path / "b", (60, 80))}, config, progress=False)
    assert only(report, "mask of another size").files[0].endswith("1.png: 80 x 60, its image 40 x 30")
    assert report.fatal


class Drawn(Rectangles):
    """A data set of no known kind and without files; its first image's mask may be emptied or grown."""

    first = None

    def load_mask(self, image_id):
        masks, class_ids = super().load_mask(image_id)
        if image_id == 0 and self.first == "empty":
            masks[:] = False
        if image_id == 0 and self.first == "large":
            masks = np.pad(masks, [(0, 5), (0, 0), (0, 0)])
        return masks, class_ids


@pytest.mark.parametrize(
    ("first", "labels", "fatal"),
    [(None, [], False), ("empty", ["empty mask"], False), ("large", ["mask of another size"], True)],
)
def test_any_other_data_set_is_asked_for_its_masks(first, labels, fatal):
    dataset = Drawn((2, 1, 0, 3))
    dataset.first = first
    report = check.check({"train": dataset}, config_of(), progress=False)
    assert [finding.label for finding in report.findings] == labels
    assert report.fatal == fatal
    assert report.table["instances"] == ["6" if first is None else "4"]


class TwoClasses(NucleiDataset):
    """A user's subclass: load_mask returns a second class, which is not in the file names."""

    def load_mask(self, image_id):
        masks, class_ids = super().load_mask(image_id)
        return masks, class_ids + np.arange(len(class_ids))


@pytest.mark.parametrize("kind", [NucleiDataset, TwoClasses])
def test_a_class_that_loads_masks_its_own_way_is_asked_for_them(tmp_path, kind):
    write_nuclei(tmp_path)
    dataset = kind()
    dataset.load_nuclei(tmp_path, "train")
    dataset.add_class("nuclei", 2, "dog")
    dataset.prepare()
    report = check.check({"train": dataset}, config_of(), progress=False)
    counts = {name: int(report.table[f"  {name}"][0]) for name in ("nucleus", "dog")}
    assert counts == ({"nucleus": 1, "dog": 1} if kind is TwoClasses else {"nucleus": 2, "dog": 0})
    assert report.fatal == (kind is NucleiDataset)


class TestSheet:
    def test_it_shows_images_and_the_outlines_of_their_masks(self, tmp_path):
        image = np.full((60, 60, 3), 128, np.uint8)
        mask = np.zeros((60, 60, 1), bool)
        mask[20:40, 20:40] = True
        write_image(tmp_path / "train/pumpkin", "plain", image)
        write_image(tmp_path / "train/pumpkin", "round", image - 1, mask)
        datasets = {"train": load(tmp_path)}
        report = check.check(datasets, config_of(), progress=False)
        path = tmp_path / "new/sheet.png"
        assert write_sheet(datasets, report, path) == 2
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        colorful = np.ptp(pixels, axis=2) > 100
        left, right = np.array_split(colorful, 2, axis=1)
        assert not left.any()
        rows, columns = np.nonzero(right)
        assert len(rows) > 100
        # The outline of a square of a third of the image's side.
        assert 0.8 < np.ptp(rows) / np.ptp(columns) < 1.25
        assert not right[rows.min() + np.ptp(rows) // 2, columns.min() + np.ptp(columns) // 2]
        assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]

    def test_classes_have_colours_and_names(self, tmp_path):
        image = np.full((60, 60, 3), 128, np.uint8)
        for name, corner in (("date", 5), ("fig", 35)):
            mask = np.zeros((60, 60, 1), bool)
            mask[corner : corner + 20, corner : corner + 20] = True
            write_image(tmp_path / "train" / name, "a", image, mask, mid=f"m0{name}")
        datasets = {"train": load(tmp_path, classes=("date", "fig"))}
        for path, chosen in ((tmp_path / "two.png", datasets), (tmp_path / "one.png", None)):
            chosen = chosen or {"train": load(tmp_path, classes=("fig",))}
            assert write_sheet(chosen, None, path) == 1
            pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
            top, rest = pixels[:20], pixels[30:]
            colors = [np.array(color) * 255 for color in random_colors(2)]
            near = [[(np.abs(part - color) < 3).all(axis=2) for color in colors] for part in (top, rest)]
            if chosen is datasets:
                assert [flags.sum() for flags in near[0]] == [49, 49]  # a square of each, within its frame
                date, fig = (np.argwhere(flags).mean(axis=0) / rest.shape[:2] for flags in near[1])
                assert (date < 0.45).all() and (fig > 0.5).all()
            else:
                assert not any(flags.any() for flags in near[0])
            assert (top < 100).any()  # the names

    def test_faulty_images_are_among_the_few(self, folder):
        (folder / "train/pumpkin/train02.png").write_bytes(b"")
        shutil.copy(folder / "train/pumpkin/train01.png", folder / "val/pumpkin/z.png")
        for number in range(30):
            image, masks = rectangles(64, 96, 1, seed=number + 500)
            write_image(folder / "train/pumpkin", f"x{number:02}", image, masks)
        datasets = {split: load(folder, split) for split in ("train", "val")}
        report = check.check(datasets, config_of(), progress=False)
        path = folder / "sheet.png"
        assert write_sheet(datasets, report, path, count=6) == 5  # one of the six is unreadable
        # A fault's caption is red, which nothing else on the sheet is.
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        firebrick = (np.abs(pixels - [178, 34, 34]) < 12).all(axis=2)
        assert firebrick.sum() > 50

    def test_nothing_readable_makes_an_empty_sheet(self, tmp_path):
        (tmp_path / "train/pumpkin").mkdir(parents=True)
        (tmp_path / "train/pumpkin/a.png").write_bytes(b"")
        datasets = {"train": load(tmp_path)}
        report = check.check(datasets, config_of(), progress=False)
        assert write_sheet(datasets, report, tmp_path / "sheet.png") == 0


def test_masks_that_are_left_out_do_not_warn_again(folder, recwarn):
    path = folder / "train/pumpkin/masks/train00_m05zsy_ffff.png"
    Image.fromarray(np.zeros((64, 96), bool)).save(path)
    datasets = {"train": load(folder)}
    report = check.check(datasets, config_of(), progress=False)
    write_sheet(datasets, report, folder / "sheet.png")
    assert not [warning for warning in recwarn if warning.category is DatasetWarning]
