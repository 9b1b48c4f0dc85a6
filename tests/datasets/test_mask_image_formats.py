"""Mask images in the forms that people have: the same scenes, written in each form, are read alike."""

import shutil
import zlib

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import FORMATS, check
from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.formats import find_format
from mrcnn.datasets.image_folders import ImageFolders
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.label_maps import LabelMaps, instance_values
from mrcnn.datasets.mask_folders import MaskFolders
from mrcnn.datasets.splits import read_as
from mrcnn.datasets.voc import Voc
from mrcnn.datasets.voc_colors import color_of
from pumpkin.config import PumpkinConfig, load_config
from pumpkin.data import open_data

H, W = 40, 60
# The instances of each image: the class of each, and its box.
SCENES = {
    "train": {
        "a": [("date", (2, 3, 12, 20)), ("fig", (20, 30, 38, 50))],
        "b c_1": [("fig", (5, 5, 30, 25))],
        "d": [("date", (1, 40, 20, 58)), ("date", (22, 2, 36, 20)), ("fig", (22, 30, 30, 40))],
    },
    "val": {"e": [("date", (8, 8, 24, 24))], "f": [("fig", (3, 3, 9, 9)), ("date", (20, 20, 39, 59))]},
}
NAMES = ("date", "fig")


def photograph(name):
    return np.random.default_rng(list(name.encode())).integers(0, 255, (H, W, 3), np.uint8)


def mask_of(box):
    y1, x1, y2, x2 = box
    mask = np.zeros((H, W), bool)
    mask[y1:y2, x1:x2] = True
    return mask


def mark(mask):
    """What identifies a mask."""
    return zlib.crc32(np.packbits(mask).tobytes())


def expected(split, one_class=False):
    """{image: the sorted list of (class id, mark of its mask)}."""
    return {
        name: sorted((1 if one_class else NAMES.index(kind) + 1, mark(mask_of(box))) for kind, box in found)
        for name, found in SCENES[split].items()
    }


def read(kind, root, split="train", classes=None):
    dataset = kind()
    dataset.load_split(root, split, classes)
    dataset.prepare()
    return dataset


def content(dataset):
    """As ``expected``, of a data set; its photographs are checked too."""
    found = {}
    for image_id in dataset.image_ids:
        name = dataset.image_info[image_id]["id"]
        masks, class_ids = dataset.load_mask(image_id)
        if dataset.image_info[image_id]["path"].endswith("png"):
            np.testing.assert_array_equal(dataset.load_image(image_id), photograph(name))
        found[name] = sorted((int(i), mark(masks[:, :, k])) for k, i in enumerate(class_ids))
    return found


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(path, **options)
    return path


def scenes(splits=("train", "val")):
    for split in splits:
        for name, found in SCENES[split].items():
            yield split, name, found


def write_class_folders(root, splits=("train", "val"), suffix=".png", images="", flat=False):
    for split, name, found in scenes(splits):
        base = root if flat else root / split
        for number, (kind, box) in enumerate(found):
            save(base / kind / images / f"{name}.png", photograph(name))
            save(base / kind / "masks" / f"{name}_{number}{suffix}", mask_of(box) * np.uint8(255))
    return root


def write_one_class(root, form):
    for split, name, found in scenes():
        image, mask = {
            "split/images": (f"{split}/images", f"{split}/masks"),
            "split": (split, f"{split}/masks"),
            "images/split": (f"images/{split}", f"masks/{split}"),
            "a folder for each image's masks": (f"{split}/images", f"{split}/masks/{name}"),
        }[form]
        save(root / image / f"{name}.png", photograph(name))
        for number, (_, box) in enumerate(found):
            stem = f"instance{number}" if mask.endswith(name) else f"{name}-instance {number}"
            save(root / mask / f"{stem}.png", mask_of(box))
    return root


def labels_of(found):
    labels = np.zeros((H, W), np.uint8)
    for number, (_, box) in enumerate(found, start=1):
        labels[mask_of(box)] = number
    return labels


def write_label_maps(root, kind=np.uint8, suffix=".png", form="{split}/{part}", maps="label_maps"):
    for split, name, found in scenes():
        save(root / form.format(split=split, part="images") / f"{name}.png", photograph(name))
        save(root / form.format(split=split, part=maps) / f"{name}{suffix}", labels_of(found).astype(kind))
    return root


def in_palette(indices):
    image = Image.frombytes("P", (W, H), indices.astype(np.uint8).tobytes())
    image.putpalette([value for index in range(256) for value in color_of(index)])
    return image


def write_voc(root, classes=True, colors=False, numbers=None):
    numbers = numbers or {"date": 5, "fig": 20}
    for split, name, found in scenes():
        save(root / "JPEGImages" / f"{name}.png", photograph(name))
        objects, kinds = np.zeros((H, W), np.uint8), np.zeros((H, W), np.uint8)
        for number, (kind, box) in enumerate(found, start=1):
            y1, x1, y2, x2 = box
            outline = mask_of((y1 - 1, x1 - 1, y2 + 1, x2 + 1)) & (objects == 0)
            objects[outline] = kinds[outline] = 255
            objects[mask_of(box)], kinds[mask_of(box)] = number, numbers[kind]
        for folder, pixels in (("SegmentationObject", objects), ("SegmentationClass", kinds)):
            if classes or folder == "SegmentationObject":
                image = in_palette(pixels)
                save(root / folder / f"{name}.png", image.convert("RGB") if colors else image)
        lists = root / "ImageSets/Segmentation"
        lists.mkdir(parents=True, exist_ok=True)
        with open(lists / f"{split}.txt", "a") as file:
            file.write(f"{name}\n")
    return root


class TestClassFolders:
    @pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".gif"])
    @pytest.mark.parametrize("images", ["", "images"])
    def test_masks_named_after_their_image(self, tmp_path, suffix, images):
        write_class_folders(tmp_path, suffix=suffix, images=images)
        assert MaskFolders.splits(tmp_path) == ["train", "val"]
        for split in ("train", "val"):
            dataset = read(MaskFolders, tmp_path, split)
            assert dataset.class_names == ["BG", "date", "fig"]
            assert content(dataset) == expected(split)
            assert dataset.faults == []

    def test_without_splits(self, tmp_path):
        dataset = read(MaskFolders, write_class_folders(tmp_path, ["train"], flat=True), None)
        assert MaskFolders.splits(tmp_path) == []
        assert content(dataset) == expected("train")

    @pytest.mark.parametrize(
        "form", ["split/images", "split", "images/split", "a folder for each image's masks"]
    )
    def test_one_class_without_a_folder(self, tmp_path, form):
        write_one_class(tmp_path, form)
        assert MaskFolders.splits(tmp_path) == ["train", "val"]
        for split in ("train", "val"):
            dataset = read(MaskFolders, tmp_path, split)
            assert dataset.class_names == ["BG", "object"]
            assert content(dataset) == expected(split, one_class=True)
            assert dataset.faults == []
        assert read(MaskFolders, tmp_path, "val", ["nut"]).class_names == ["BG", "nut"]
        with pytest.raises(DatasetError, match="have one class, but 2 are given: nut, fig"):
            read(MaskFolders, tmp_path, "train", ["nut", "fig"])

    def test_images_and_masks_in_the_root(self, tmp_path):
        write_one_class(tmp_path, "split/images")
        dataset = read(MaskFolders, tmp_path / "train", None)
        assert content(dataset) == expected("train", one_class=True)

    def test_the_longest_name_of_an_image_is_meant(self, tmp_path):
        for name in ("img", "img_1", "img_1_2"):
            save(tmp_path / f"images/{name}.png", photograph(name))
        for number, stem in enumerate(["img_x", "img_1_x", "img_1_2", "img_1_2.x", "IMG_1_3", "other_1"]):
            save(tmp_path / f"masks/{stem}.png", mask_of((number, 1, number + 5, 9)))
        dataset = read(MaskFolders, tmp_path, None)
        counts = {info["id"]: len(info["masks"]) for info in dataset.image_info}
        assert counts == {"img": 1, "img_1": 2, "img_1_2": 2}
        assert dataset.faults == [("stray", str(tmp_path / "masks/other_1.png"), "")]

    def test_different_photographs_of_one_name_in_two_classes_are_two(self, tmp_path):
        for kind, box in (("date", (1, 1, 9, 9)), ("fig", (20, 20, 30, 30))):
            save(tmp_path / kind / "img01.png", photograph(kind))
            save(tmp_path / kind / "masks/img01_0.png", mask_of(box))
        dataset = read(MaskFolders, tmp_path, None)
        assert [info["id"] for info in dataset.image_info] == ["fig/img01", "img01"]
        for image_id, (kind, box) in enumerate([("fig", (20, 20, 30, 30)), ("date", (1, 1, 9, 9))]):
            np.testing.assert_array_equal(dataset.load_image(image_id), photograph(kind))
            masks, class_ids = dataset.load_mask(image_id)
            np.testing.assert_array_equal(masks[:, :, 0], mask_of(box))
            assert class_ids.tolist() == [2 - image_id]

    def test_a_mask_beside_its_photograph_is_not_the_photograph(self, tmp_path):
        for suffix, pixels in ((".jpg", photograph("a")), (".png", mask_of((5, 5, 20, 20)))):
            save(tmp_path / f"train/date/a{suffix}", pixels)
        save(tmp_path / "train/date/masks/a_0.png", mask_of((5, 5, 20, 20)))
        dataset = read(MaskFolders, tmp_path)
        assert [info["path"] for info in dataset.image_info] == [str(tmp_path / "train/date/a.jpg")]
        other = str(tmp_path / "train/date/a.png")
        assert dataset.faults == [("same_name", other, "a.jpg is the photograph")]

    def test_every_file_among_the_masks_is_used_or_named(self, tmp_path):
        root = write_class_folders(tmp_path, ["train"])
        folder = root / "train/date/masks"
        for name in ("mask_of_first.png", "notes.txt", "a_1.svg"):
            (folder / name).write_bytes(b"?")
        faults = read(MaskFolders, root).faults
        assert sorted(path for kind, path, _ in faults if kind == "stray") == sorted(
            str(folder / name) for name in ("mask_of_first.png", "notes.txt", "a_1.svg")
        )

    def test_a_mid_of_another_class_is_named(self, tmp_path):
        mids = {"date": ["m0date", "m0date", "m0fig"], "fig": ["m0fig", "m0fig"]}
        for kind, found in mids.items():
            for number, mid in enumerate(found):
                save(tmp_path / f"train/{kind}/{kind}{number}.png", photograph(f"{kind}{number}"))
                save(tmp_path / f"train/{kind}/masks/{kind}{number}_{mid}_0.png", mask_of((1, 1, 9, 9)))
        dataset = read(ClassFolders, tmp_path)
        path = str(tmp_path / "train/date/masks/date2_m0fig_0.png")
        assert dataset.faults == [("mid", path, "MID m0fig, but most masks of date have m0date")]
        report = check.check({"train": dataset}, PumpkinConfig(), progress=False)
        (finding,) = [found for found in report.findings if found.label == "another class's MID"]
        assert finding.files == (f"{path}: MID m0fig, but most masks of date have m0date",)

    def test_all_masks_of_another_class_are_named(self, tmp_path):
        for kind, count in (("date", 1), ("fig", 2)):
            for number in range(count):
                save(tmp_path / f"train/{kind}/{kind}{number}.png", photograph(f"{kind}{number}"))
                save(tmp_path / f"train/{kind}/masks/{kind}{number}_m0fig_0.png", mask_of((1, 1, 9, 9)))
        faults = read(ClassFolders, tmp_path).faults
        assert [(kind, detail) for kind, _, detail in faults] == [("mid", "MID m0fig, which is that of fig")]

    def test_numbers_of_instances_are_no_mids(self, tmp_path):
        save(tmp_path / "train/date/a.png", photograph("a"))
        for name in ("a_m1_0", "a_m2_0", "a_mask_1", "a_m01_3", "a_m02_3"):
            save(tmp_path / f"train/date/masks/{name}.png", mask_of((1, 1, 9, 9)))
        dataset = read(ClassFolders, tmp_path)
        assert (len(dataset.load_mask(0)[1]), dataset.faults) == (5, [])


def test_hidden_files_are_no_data(tmp_path):
    trees = {
        MaskFolders: write_class_folders(tmp_path / "masks"),
        LabelMaps: write_label_maps(tmp_path / "maps"),
        Voc: write_voc(tmp_path / "voc"),
        ImageFolders: write_image_folders(tmp_path / "nuclei"),
    }
    for kind, root in trees.items():
        before = [content(read(kind, root, split)) for split in ("train", "val")]
        for folder in [path for path in root.rglob("*") if path.is_dir()]:
            for file in [path for path in folder.iterdir() if path.is_file()]:
                (folder / f"._{file.name}").write_bytes(b"\0\5\x16\7" * 20)
            for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
                (folder / name).write_bytes(b"Bud1")
            (folder / "__MACOSX").mkdir()
        datasets = {split: read(kind, root, split) for split in ("train", "val")}
        assert [content(dataset) for dataset in datasets.values()] == before
        assert all(dataset.faults == [] for dataset in datasets.values())
        report = check.check(datasets, PumpkinConfig(), progress=False)
        assert not report.fatal


def write_image_folders(root, picture="{name}/images/{name}.png"):
    for split, name, found in scenes():
        save(root / split / picture.format(name=name), photograph(name))
        for number, (_, box) in enumerate(found):
            save(root / split / name / f"masks/{number:x}.png", mask_of(box))
    return root


class TestImageFolders:
    @pytest.mark.parametrize(
        "picture",
        ["{name}/images/{name}.png", "{name}/images/photo.png", "{name}/photo.png", "{name}/{name}.png"],
    )
    def test_the_image_may_have_any_name_if_it_is_alone(self, tmp_path, picture):
        write_image_folders(tmp_path, picture)
        for split in ("train", "val"):
            assert content(read(ImageFolders, tmp_path, split)) == expected(split, one_class=True)

    @pytest.mark.parametrize("suffix", [".PNG", ".JPG", ".tif", ".webp"])
    def test_images_and_masks_of_all_kinds(self, tmp_path, suffix):
        write_image_folders(tmp_path, "{name}/images/{name}" + suffix)
        for path in list(tmp_path.rglob("masks/*.png")):
            Image.open(path).save(path.with_suffix(".BMP"))
            path.unlink()
        assert content(read(ImageFolders, tmp_path)) == expected("train", one_class=True)

    def test_of_several_images_one_must_have_the_folder_s_name(self, tmp_path):
        write_image_folders(tmp_path)
        save(tmp_path / "train/a/images/z.png", photograph("z"))
        assert content(read(ImageFolders, tmp_path)) == expected("train", one_class=True)
        (tmp_path / "train/a/images/a.png").rename(tmp_path / "train/a/images/b.png")
        with pytest.raises(DatasetError, match=r"train/a: holds 2 images, b\.png and z\.png among them"):
            read(ImageFolders, tmp_path)

    def test_what_is_missing_or_strange_is_named(self, tmp_path):
        write_image_folders(tmp_path)
        (tmp_path / "train/a/images/a.png").unlink()
        (tmp_path / "train/d/masks/notes.txt").touch()
        assert read(ImageFolders, tmp_path).faults == [
            ("no_image", str(tmp_path / "train/a"), "masks"),
            ("stray", str(tmp_path / "train/d/masks/notes.txt"), ""),
        ]

    def test_an_image_without_a_folder_of_masks_is_named(self, tmp_path):
        write_image_folders(tmp_path)
        shutil.rmtree(tmp_path / "train/a/masks")
        faults = read(ImageFolders, tmp_path).faults
        assert faults == [("no_masks", str(tmp_path / "train/a/images/a.png"), "")]


class TestLabelMaps:
    @pytest.mark.parametrize(
        ("kind", "suffix"),
        [(np.uint8, ".png"), (np.uint16, ".png"), (np.uint8, ".tif"), (np.uint16, ".TIF"),
         (np.int32, ".tiff"),
         (np.float32, ".tif")],
    )  # fmt: skip
    @pytest.mark.parametrize("form", ["{split}/{part}", "{part}/{split}"])
    def test_values_are_instances(self, tmp_path, kind, suffix, form):
        write_label_maps(tmp_path, kind, suffix, form)
        assert LabelMaps.splits(tmp_path) == ["train", "val"]
        for split in ("train", "val"):
            dataset = read(LabelMaps, tmp_path, split)
            assert dataset.class_names == ["BG", "object"]
            assert content(dataset) == expected(split, one_class=True)

    def test_without_splits(self, tmp_path):
        write_label_maps(tmp_path)
        dataset = read(LabelMaps, tmp_path / "train", None, ["nut"])
        assert LabelMaps.splits(tmp_path / "train") == []
        assert (content(dataset), dataset.class_names[1]) == (expected("train", one_class=True), "nut")

    @pytest.mark.parametrize(("kind", "suffix"), [(np.uint8, ".png"), (np.int32, ".tif")])
    def test_instances_of_few_images_are_counted(self, tmp_path, monkeypatch, kind, suffix):
        write_label_maps(tmp_path, kind, suffix)
        shutil.rmtree(tmp_path / "val")
        dataset, number = read(LabelMaps, tmp_path), sum(len(found) for *_, found in scenes(("train",)))
        images = f"Read as label maps: {dataset.num_images} images"
        assert read_as("label_maps", [dataset]) == f"{images}, {number} instances, class object"
        (tmp_path / f"train/label_maps/d{suffix}").write_bytes(b"damaged")
        assert read_as("label_maps", [dataset]) == f"{images}, class object"
        monkeypatch.setattr(LabelMaps, "count_instances", None)  # is not called
        many = f"Read as label maps: {200 * dataset.num_images:,} images, class object"
        assert read_as("label_maps", [dataset] * 200) == many

    def test_values_beyond_16_bits_and_below_zero(self):
        assert instance_values(np.array([[0, 70_000, 3], [-1, 3, 65_536]])) == [3, 65_536, 70_000]

    def test_many_instances_of_16_bits(self, tmp_path):
        labels = np.zeros((H, W), np.uint16)
        for number in range(300):
            y, x = divmod(number, 30)
            labels[4 * y, 2 * x] = 200 + number
        save(tmp_path / "images/a.png", photograph("a"))
        save(tmp_path / "label_maps/a.png", labels)
        masks, _ = read(LabelMaps, tmp_path, None).load_mask(0)
        assert masks.shape == (H, W, 300) and masks.sum() == 300
        assert np.argwhere(masks[:, :, 299]).tolist() == [[36, 58]]

    @pytest.mark.parametrize(
        ("values", "instances"),
        [
            ([0], []), ([0, 1], [1]), ([0, 255], [255]), ([255], [255]), ([0, 1, 2, 255], [1, 2]),
            ([0, 127, 255], [127]), ([0, 128, 255], [128, 255]), ([0, 85, 170, 255], [85, 170, 255]),
            (list(range(256)), list(range(1, 256))), ([0, 3, 255, 300], [3, 255, 300]), ([-1, 0, 2], [2]),
        ],
    )  # fmt: skip
    def test_255_is_void_if_the_others_are_small(self, values, instances):
        assert instance_values(np.array([values])) == instances

    def test_colours_and_fractions_are_no_labels(self, tmp_path):
        save(tmp_path / "images/a.png", photograph("a"))
        save(tmp_path / "label_maps/a.png", photograph("b"))
        with pytest.raises(ImageError, match=r"a\.png: a label map has one channel.* this picture has 3;"):
            read(LabelMaps, tmp_path, None).load_mask(0)
        (tmp_path / "label_maps/a.png").unlink()
        save(tmp_path / "label_maps/a.tif", np.full((H, W), 0.5, np.float32))
        with pytest.raises(ImageError, match=r"label_maps/a\.tif: a label map has whole numbers"):
            read(LabelMaps, tmp_path, None).load_mask(0)

    @pytest.mark.parametrize(
        ("maps", "suffix", "reason"),
        [
            ("masks", ".png", "has one channel"),
            ("labels", ".png", "has one channel"),
            ("label_maps", ".png", "has one channel"),
            ("label_maps", ".jpg", "JPEG has changed"),
        ],
    )
    def test_maps_in_colours_or_jpeg_are_findings_of_the_check(self, tmp_path, maps, suffix, reason):
        for name in "abcdef":
            save(tmp_path / f"images/{name}.png", photograph(name))
            values = np.zeros((H, W, 3), np.uint8)
            values[4:12, 4:12], values[4:12, 20:30] = (250, 0, 0), (0, 250, 0)
            values = values if suffix == ".png" else values.max(axis=2) // 2 + values[:, :, 0] // 4
            (tmp_path / maps).mkdir(exist_ok=True)
            Image.fromarray(values).save(tmp_path / maps / f"{name}{suffix}")
        config = load_config(None, [f"DATASET={tmp_path}"])
        data = open_data(config, report=lambda line: None)
        assert config.LAYOUT == "label_maps" and len(data.choice.val) == 1
        (finding,) = [f for f in check.check(data.splits, config).findings if f.label == "unreadable mask"]
        assert finding.fatal and len(finding.files) == 6 and all(reason in file for file in finding.files)

    def test_grey_saved_as_colours_is_taken(self, tmp_path):
        write_label_maps(tmp_path)
        for path in (tmp_path / "train/label_maps").iterdir():
            Image.open(path).convert("RGB").save(path)
        assert content(read(LabelMaps, tmp_path)) == expected("train", one_class=True)

    def test_what_is_missing_or_strange_is_named(self, tmp_path):
        write_label_maps(tmp_path)
        folder = tmp_path / "train/label_maps"
        (folder / "a.png").rename(folder / "z.png")
        shutil.copy(folder / "d.png", folder / "d.tif")
        faults = read(LabelMaps, tmp_path).faults
        assert faults == [
            ("same_name", str(folder / "d.tif"), "d.png is the map of d.png"),
            ("stray", str(folder / "z.png"), ""),
            ("no_map", str(tmp_path / "train/images/a.png"), ""),
        ]


class TestVoc:
    @pytest.mark.parametrize("colors", [False, True])
    @pytest.mark.parametrize("below", ["", "VOCdevkit/VOC2012"])
    def test_two_pictures_tell_instances_and_classes(self, tmp_path, colors, below):
        write_voc(tmp_path / below, colors=colors)
        assert Voc.splits(tmp_path) == ["train", "val"]
        for split in ("train", "val"):
            dataset = read(Voc, tmp_path, split)
            assert dataset.class_names == ["BG", "bottle", "tvmonitor"]
            assert content(dataset) == expected(split)
            assert dataset.faults == []
        assert read(Voc, tmp_path, None).num_images == 5

    def test_classes_are_selected_and_ordered(self, tmp_path):
        write_voc(tmp_path)
        dataset = read(Voc, tmp_path, "train", ["tvmonitor"])
        assert [len(dataset.load_mask(i)[1]) for i in dataset.image_ids] == [1, 1, 1]
        with pytest.raises(DatasetError, match="no class 'date', only aeroplane, bicycle"):
            read(Voc, tmp_path, "train", ["date"])

    def test_names_of_classes_come_from_the_files_of_tools(self, tmp_path):
        write_voc(tmp_path / "a", numbers={"date": 1, "fig": 2})
        (tmp_path / "a/class_names.txt").write_text("__ignore__\n_background_\ndate\nfig\nnut\n")
        write_voc(tmp_path / "b", colors=True, numbers={"date": 30, "fig": 40})
        rows = [f"{name}:{','.join(map(str, color_of(i)))}::" for name, i in (("date", 30), ("fig", 40))]
        (tmp_path / "b/labelmap.txt").write_text("\n".join(["# label:color", "background:0,0,0::", *rows]))
        for name in "ab":
            dataset = read(Voc, tmp_path / name)
            assert dataset.class_names == ["BG", "date", "fig"]
            assert content(dataset) == expected("train")
        (tmp_path / "b/labelmap.txt").write_text("date:300,1,1::\n")
        with pytest.raises(
            DatasetError, match=r"labelmap\.txt: expected lines name:r,g,b::, got 'date:300,1,1::'"
        ):
            read(Voc, tmp_path / "b")

    def test_colours_that_are_not_voc_s_can_name_classes(self, tmp_path):
        write_voc(tmp_path)
        colors = {5: (250, 50, 83), 20: (1, 2, 3), 0: (0, 0, 0), 255: (224, 224, 192)}
        for path in (tmp_path / "SegmentationClass").iterdir():
            indices = np.asarray(Image.open(path))
            save(path, np.array([colors[int(i)] for i in indices.ravel()], np.uint8).reshape(H, W, 3))
        (tmp_path / "labelmap.txt").write_text("date:250,50,83::\nfig:1,2,3::\n")
        assert content(read(Voc, tmp_path)) == expected("train")

    def test_without_pictures_of_classes_there_is_one(self, tmp_path):
        dataset = read(Voc, write_voc(tmp_path, classes=False), "val")
        assert dataset.class_names == ["BG", "object"]
        assert content(dataset) == expected("val", one_class=True)
        assert read(Voc, tmp_path, "val", ["nut"]).class_names == ["BG", "nut"]

    def test_what_is_missing_is_named(self, tmp_path):
        write_voc(tmp_path)
        (tmp_path / "JPEGImages/a.png").unlink()
        (tmp_path / "SegmentationObject/d.png").unlink()
        dataset = read(Voc, tmp_path)
        assert [info["id"] for info in dataset.image_info] == ["b c_1"]
        assert [(kind, path.rsplit("/")[-1]) for kind, path, _ in dataset.faults] == [
            ("no_image", "a"), ("no_map", "d.png"),
        ]  # fmt: skip
        with pytest.raises(DatasetError, match="no list of the split 'test'"):
            read(Voc, tmp_path, "test")

    def test_an_instance_without_a_known_class_is_named(self, tmp_path):
        write_voc(tmp_path, numbers={"date": 5, "fig": 99})
        with pytest.raises(
            ImageError, match=r"SegmentationClass/a\.png: has the class 99, which has no name"
        ):
            read(Voc, tmp_path).load_mask(0)

    def test_the_palette_is_voc_s(self):
        assert [color_of(i) for i in (0, 1, 2, 15, 20, 255)] == [
            (0, 0, 0), (128, 0, 0), (0, 128, 0), (192, 128, 128), (0, 64, 128), (224, 224, 192),
        ]  # fmt: skip


WRITERS = {
    "masks": [
        lambda root: write_class_folders(root),
        lambda root: write_class_folders(root, images="images"),
        lambda root: write_class_folders(root, ["train"], flat=True),
        *[
            lambda root, form=form: write_one_class(root, form)
            for form in ("split/images", "split", "images/split", "a folder for each image's masks")
        ],
    ],
    "label_maps": [
        lambda root: write_label_maps(root),
        lambda root: write_label_maps(root, np.uint16, ".tif", "{part}/{split}", "labels"),
        lambda root: write_label_maps(root, maps="masks"),
    ],
    "nuclei": [
        lambda root: write_image_folders(root),
        lambda root: write_image_folders(root, "{name}/images/photo.png"),
        lambda root: write_image_folders(root, "{name}/{name}.png"),
    ],
    "voc": [write_voc, lambda root: write_voc(root / "VOCdevkit/VOC2012")],
}


@pytest.mark.parametrize(
    ("layout", "number"), [(name, i) for name, all_ in WRITERS.items() for i in range(len(all_))]
)
def test_a_folder_is_recognised_by_its_own_format_first(tmp_path, layout, number):
    WRITERS[layout][number](tmp_path)
    first = next(name for name in FORMATS if find_format(name).recognises(tmp_path))
    assert first == layout


def test_files_and_missing_folders_are_recognised_by_none(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    for name in ("openimages", "nuclei", "voc", "label_maps", "masks"):
        for path in (tmp_path, tmp_path / "a.json", tmp_path / "gone"):
            assert not find_format(name).recognises(path)


def test_the_cases_of_masks_beside_images_and_of_names(shared_cases):
    dataset = read(ClassFolders, shared_cases("data/mask_beside_image"), "train", ["Pumpkin"])
    assert all(info["path"].endswith(".jpg") for info in dataset.image_info)
    assert [kind for kind, *_ in dataset.faults] == ["same_name"] * 3
    dataset = read(ClassFolders, shared_cases("data/mask_names"), "train", ["Pumpkin"])
    assert [(kind, path.rsplit("/")[-1]) for kind, path, _ in dataset.faults] == [
        ("stray", "mask_of_first.png")
    ]
