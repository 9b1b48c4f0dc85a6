"""Data sets on disk: generated folders with every fault, and real photographs."""

import warnings

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.images import ImageError
from pumpkin.config import PumpkinConfig
from pumpkin.dataset import DatasetError, DatasetWarning, NucleiDataset, PumpkinDataset, open_dataset
from tests.scenes import rectangles, write_dataset, write_image


def load(root, split="train", classes=("Pumpkin",)):
    dataset = PumpkinDataset()
    dataset.load_pumpkins(root, split, classes)
    dataset.prepare()
    return dataset


def test_a_split_is_indexed_with_its_masks(tmp_path):
    write_dataset(tmp_path, train=3, val=2, shape=(40, 60))
    dataset = load(tmp_path)
    assert dataset.class_names == ["BG", "Pumpkin"]
    assert [info["id"] for info in dataset.image_info] == ["train00", "train01", "train02"]
    for image_id, count in enumerate((1, 2, 1)):
        image, expected = rectangles(40, 60, count, seed=image_id)
        masks, class_ids = dataset.load_mask(image_id)
        np.testing.assert_array_equal(dataset.load_image(image_id), image)
        np.testing.assert_array_equal(masks, expected)
        assert (masks.dtype, class_ids.dtype, class_ids.tolist()) == (bool, np.int32, [1] * count)
    assert "id=train01" in dataset.image_reference(1)


@pytest.mark.parametrize("size", [(20, 30), (80, 120), (13, 20), (40, 60)])
def test_masks_of_any_size_come_at_the_images_size(tmp_path, size):
    image = np.zeros((40, 60, 3), np.uint8)
    mask = np.zeros((*size, 1), bool)
    mask[: size[0] // 2, size[1] // 2 :] = True
    write_image(tmp_path / "train/pumpkin", "a", image, mask)
    masks, _ = load(tmp_path).load_mask(0)
    expected = np.zeros((40, 60), bool)
    expected[:20, 30:] = True
    assert masks.shape == (40, 60, 1)
    assert (masks[..., 0] ^ expected).sum() <= 60  # half a row of the smallest mask


def test_classes_are_numbered_in_the_order_asked_for(tmp_path):
    image, masks = rectangles(40, 60, 3)
    write_image(tmp_path / "train/taxi", "both", image, masks[:, :, :1], mid="m0pg52")
    write_image(tmp_path / "train/traffic light", "both", image, masks[:, :, 1:], mid="m015qff")
    write_image(tmp_path / "train/traffic light", "lone", image)
    dataset = load(tmp_path, classes=("Traffic light", "Taxi"))
    assert dataset.class_names == ["BG", "Traffic light", "Taxi"]
    assert [info["id"] for info in dataset.image_info] == ["both", "lone"]
    found, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(found, masks[:, :, [1, 2, 0]])
    found, class_ids = dataset.load_mask(1)
    assert found.shape == (40, 60, 0) and class_ids.shape == (0,)


def test_ids_of_open_images_may_hold_underscores(tmp_path):
    image, masks = rectangles(40, 60, 1)
    write_image(tmp_path / "train/pumpkin", "img_m1", image, masks, mid="m0_cp5")
    dataset = load(tmp_path)
    assert dataset.image_info[0]["id"] == "img_m1"
    assert dataset.load_mask(0)[1].tolist() == [1]


def add_crowds(root, text):
    (root / "train/pumpkin/crowds").mkdir(exist_ok=True)
    (root / "train/pumpkin/crowds/train00.csv").write_text(text)


def test_crowds_are_boxes_of_negative_class(tmp_path):
    write_dataset(tmp_path, train=1, shape=(40, 60))
    add_crowds(tmp_path, "XMin,XMax,YMin,YMax\n0.25,0.5,0.1,1.0\n-0.1,1.2,0,0.5\n0.5,0.5,0,1\n")
    masks, class_ids = load(tmp_path).load_mask(0)
    assert class_ids.tolist() == [1, -1, -1]
    expected = np.zeros((40, 60, 2), bool)
    expected[4:40, 15:30, 0] = expected[:20, :, 1] = True
    np.testing.assert_array_equal(masks[:, :, 1:], expected)


@pytest.mark.parametrize("row", ["0.1,0.2,0.3", "0.1,0.2,high,0.4", "0.1,0.2,nan,0.4", "0.1,0.2,0.3,"])
def test_a_crowd_that_is_no_box_is_named(tmp_path, row):
    write_dataset(tmp_path, train=1)
    add_crowds(tmp_path, f"XMin,XMax,YMin,YMax\n0,1,0,1\n{row}\n")
    with pytest.raises(DatasetError, match=r"train00\.csv, line 3: expected XMin,XMax,YMin,YMax, got"):
        load(tmp_path).load_mask(0)


@pytest.mark.parametrize(
    ("size", "fault"), [((40, 60), "it is empty"), ((60, 40), "it is 40 x 60, which is not the shape")]
)
def test_useless_masks_are_left_out_with_a_warning(tmp_path, size, fault):
    write_dataset(tmp_path, train=1, shape=(40, 60))
    mask = np.zeros(size, bool)
    mask[:20, :20] = size == (60, 40)
    Image.fromarray(mask).save(tmp_path / "train/pumpkin/masks/train00_m05zsy_ffff.png")
    dataset = load(tmp_path)
    with pytest.warns(DatasetWarning, match=rf"train00_m05zsy_ffff\.png: left out, {fault}"):
        _, class_ids = dataset.load_mask(0)
    assert class_ids.tolist() == [1]


def test_a_damaged_mask_is_named(tmp_path):
    write_dataset(tmp_path, train=1)
    (tmp_path / "train/pumpkin/masks/train00_m05zsy_ffff.png").write_text("no image")
    with pytest.raises(ImageError, match=r"train00_m05zsy_ffff\.png: is not an image"):
        load(tmp_path).load_mask(0)


def test_files_that_belong_to_nothing_are_named(tmp_path):
    write_dataset(tmp_path, train=1)
    folder = tmp_path / "train/pumpkin/masks"
    (folder / "train00_m05zsy_00000000.png").rename(folder / "gone_m05zsy_00000000.png")
    assert load(tmp_path).faults == [("no_image", str(folder / "gone_m05zsy_00000000.png"), "a mask")]
    (folder / "gone_m05zsy_00000000.png").rename(folder / "mask.png")
    assert load(tmp_path).faults == [("stray", str(folder / "mask.png"), "")]


def test_the_folder_is_read_once(tmp_path):
    write_dataset(tmp_path, train=2)
    dataset = load(tmp_path)
    image, masks = rectangles(64, 64, 1)
    write_image(tmp_path / "train/pumpkin", "train00", image, np.concatenate([masks] * 5, axis=-1))
    assert len(dataset.load_mask(0)[1]) == 1


@pytest.mark.parametrize(("on_disk", "asked"), [("val", "validation"), ("validation", "val")])
def test_validation_has_two_names(tmp_path, on_disk, asked):
    image, masks = rectangles(40, 60, 1)
    write_image(tmp_path / on_disk / "pumpkin", "a", image, masks)
    assert load(tmp_path, asked).num_images == 1


def test_what_is_missing_is_named_with_what_there_is(tmp_path):
    write_dataset(tmp_path)
    with pytest.raises(DatasetError, match="nowhere: there is no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="no split 'test'; it holds train, val"):
        load(tmp_path, "test")
    with pytest.raises(DatasetError, match="no class 'Pumkin'; it holds pumpkin; did you mean 'pumpkin'"):
        load(tmp_path, classes=["Pumkin"])
    (tmp_path / "train/empty").mkdir()
    with pytest.raises(DatasetError, match=r"no images of Empty \(looked for"):
        load(tmp_path, classes=["Empty"])


def nuclei(root, shape=(30, 40)):
    image, masks = rectangles(*shape, 3)
    folder = root / "train/abc"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    Image.fromarray(image).save(folder / "images/abc.png")
    for i in range(3):
        Image.fromarray(masks[:, :, i]).save(folder / f"masks/{i}.png")
    return folder, masks


def test_nuclei_have_a_folder_an_image(tmp_path):
    folder, masks = nuclei(tmp_path)
    (tmp_path / "train/notes.txt").touch()
    dataset = NucleiDataset()
    dataset.load_nuclei(tmp_path, "train")
    dataset.prepare()
    assert (dataset.num_images, dataset.class_names) == (1, ["BG", "nucleus"])
    found, class_ids = dataset.load_mask(0)
    np.testing.assert_array_equal(found, masks)
    assert class_ids.tolist() == [1, 1, 1]
    Image.fromarray(np.zeros((30, 40), bool)).save(folder / "masks/1.png")
    np.testing.assert_array_equal(dataset.load_mask(0)[0], masks[:, :, [0, 2]])  # empty masks are no nuclei
    (tmp_path / "val").mkdir()
    with pytest.raises(DatasetError, match="no <id>/images"):
        NucleiDataset().load_nuclei(tmp_path, "val")


def test_the_config_names_the_layout(tmp_path):
    write_dataset(tmp_path / "pumpkins")
    nuclei(tmp_path / "nuclei")
    config = PumpkinConfig()
    assert isinstance(open_dataset(config, tmp_path / "pumpkins", "val"), ClassFolders)
    config.update({"LAYOUT": "nuclei", "CLASSES": ["cell"]})
    assert open_dataset(config, tmp_path / "nuclei", "train").class_names == ["BG", "cell"]
    config.LAYOUT = "pascal"
    with pytest.raises(DatasetError, match="Unknown LAYOUT 'pascal'; it is one of openimages, nuclei"):
        open_dataset(config, tmp_path, "train")


# --- Real photographs --------------------------------------------------------------------------------


def test_the_open_images_sample(shared_data):
    dataset = load(shared_data("openimages_sample"), None, ("Dog", "Pizza", "Taxi"))
    assert dataset.num_images == 15
    instances = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DatasetWarning)
        for image_id in dataset.image_ids:
            masks, class_ids = dataset.load_mask(image_id)
            assert masks.shape == (*dataset.load_image(image_id).shape[:2], len(class_ids))
            assert masks.any(axis=(0, 1)).all()
            assert set(class_ids) <= {1, 2, 3}
            instances += len(class_ids)
    files = len(list(shared_data("openimages_sample").glob("*/segmentations/*.png")))
    assert 0.8 * files <= instances <= files


def test_real_nuclei(shared_data):
    dataset = NucleiDataset()
    dataset.load_nuclei(shared_data("nuclei"), "val")
    dataset.prepare()
    assert dataset.num_images == 40
    for image_id in (0, 17, 39):
        masks, class_ids = dataset.load_mask(image_id)
        assert masks.shape == (*dataset.load_image(image_id).shape[:2], len(class_ids))
        assert len(class_ids) > 0 and (masks.sum(axis=-1) <= 1).all()  # nuclei do not overlap


def test_a_class_of_two_words_is_found_under_the_downloader_s_name(tmp_path):
    write_image(tmp_path / "train/human_eye", "0123456789abcdef", np.zeros((8, 8, 3), np.uint8))
    dataset = PumpkinDataset()
    dataset.load_pumpkins(tmp_path, "train", classes=("Human eye",))
    assert [info["id"] for info in dataset.image_info] == ["0123456789abcdef"]


# --- What every format can say without pixels ---------------------------------------------------------


def test_all_class_folders_are_taken_if_none_is_named(tmp_path):
    image, masks = rectangles(40, 60, 3)
    write_image(tmp_path / "train/fig", "a", image, masks)
    write_image(tmp_path / "train/Date", "b", image, masks[:, :, :1])
    for name in ("empty", ".cache"):
        (tmp_path / "train" / name).mkdir()
    dataset = PumpkinDataset()
    dataset.load_split(tmp_path, "train")
    dataset.prepare()
    assert dataset.class_names == ["BG", "Date", "fig"]
    assert dataset.known_classes == ["Date", "fig"]
    assert [dataset.count_instances(i) for i in dataset.image_ids] == [{2: 3}, {1: 1}]
    assert PumpkinDataset.splits(tmp_path) == ["train"]
    (tmp_path / "Validation").mkdir()
    assert PumpkinDataset.splits(tmp_path) == ["train", "val"]
    assert PumpkinDataset.splits(tmp_path / "train") == []


def test_a_class_that_the_data_lack_has_no_instance_if_that_is_allowed(tmp_path):
    write_dataset(tmp_path, train=2)
    dataset = PumpkinDataset()
    dataset.strict = False
    dataset.load_split(tmp_path, "train", ["Squash", "Pumpkin"])
    dataset.prepare()
    assert dataset.class_names == ["BG", "Squash", "Pumpkin"]
    assert dataset.load_mask(0)[1].tolist() == [2]
    assert dataset.known_classes == ["Pumpkin"]


def test_nuclei_have_a_class_without_a_name(tmp_path):
    nuclei(tmp_path)
    dataset = NucleiDataset()
    dataset.load_split(tmp_path, "train")
    dataset.prepare()
    assert (dataset.class_names, dataset.count_instances(0)) == (["BG", "object"], {1: 3})
    assert (NucleiDataset.splits(tmp_path), NucleiDataset.splits(tmp_path / "train")) == (["train"], [])
