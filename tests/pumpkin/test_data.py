"""From --dataset to opened data: formats, splits, classes, and what is said about them."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import DatasetError, check, set_aside
from pumpkin.config import PumpkinConfig, load_config
from pumpkin.data import open_data, open_for_evaluation
from tests.scenes import write_dataset


def write_coco(path, images, names=("fig", "date"), first=0):
    """A COCO file beside images of 40 x 60 px. images: for each a list of class names, a box each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records, annotations = [], []
    for number, classes in enumerate(images, start=first):
        cells = np.random.default_rng(number).integers(0, 255, (4, 6, 3), dtype=np.uint8)
        Image.fromarray(cells).resize((60, 40)).save(path.parent / f"{number}.png")
        records.append({"id": number, "file_name": f"{number}.png", "height": 40, "width": 60})
        for place, name in enumerate(classes):
            x = 10 * place
            ring = [x, 5, x + 8, 5, x + 8, 25, x, 25]
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number, "category_id": names.index(name) + 1,
                    "segmentation": [ring], "bbox": [x, 5, 8, 20], "area": 160, "iscrowd": 0,
                }
            )  # fmt: skip
    categories = [{"id": number, "name": name} for number, name in enumerate(names, start=1)]
    path.write_text(json.dumps({"images": records, "annotations": annotations, "categories": categories}))
    return path


@pytest.fixture
def fruit(tmp_path):
    """Ten photographs in one file: each has a fig, every second one a date."""
    path = write_coco(tmp_path / "fruit/all.json", [["fig", "date"][: 1 + n % 2] for n in range(10)])
    return path.parent


def opened(path, *values, **options):
    lines = []
    config = load_config(None, [f"DATASET={path}", *values])
    return open_data(config, report=lines.append, **options), config, lines


def test_format_and_classes_are_found_and_kept_in_the_config(fruit):
    found, config, lines = opened(fruit)
    assert lines == [
        "Read as COCO: 10 images, 15 instances, classes fig, date",
        f"{fruit} has no splits",
        "Set aside for validation: 2 of 10 images (VAL_SHARE 0.2, SEED 0)",
    ]
    assert (config.LAYOUT, config.CLASSES, config.NUM_CLASSES) == ("coco", ("fig", "date"), 3)
    train, val = found.splits["train"], found.splits["val"]
    assert (train.num_images, val.num_images) == (8, 2)
    dates = [sum(part.count_instances(i).get(2, 0) for i in part.image_ids) for part in (train, val)]
    assert dates == [4, 1]
    assert set_aside.keys_of(val) == list(found.choice.val)


def change(path, function):
    content = json.loads(path.read_text())
    function(content)
    path.write_text(json.dumps(content))


def test_data_without_annotations_say_what_is_missing(fruit):
    change(fruit / "all.json", lambda content: content.update(annotations=[], categories=[]))
    message = f"{fruit}: LAYOUT coco finds no class. Annotate an instance first."
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        opened(fruit)
    change(fruit / "all.json", lambda content: content.update(images=[], categories=[{"id": 1, "name": "x"}]))
    with pytest.raises(DatasetError, match=f"^{re.escape(f'{fruit}: LAYOUT coco finds no image.')}$"):
        opened(fruit)


def test_data_of_which_all_is_left_out_say_why(tmp_path):
    Image.new("RGB", (60, 40)).save(tmp_path / "a.png")
    point = {"label": "fig", "shape_type": "point", "points": [[5, 6]]}
    content = {"imagePath": "a.png", "imageHeight": 40, "imageWidth": 60, "shapes": [point, point]}
    (tmp_path / "a.json").write_text(json.dumps(content))
    message = (
        f"{tmp_path}: LAYOUT labelme finds no class. Annotations without an outline (a box, a line, a "
        f"point), which are left out: 2, such as {tmp_path / 'a.json'}: shape 0 ('fig')."
    )
    with pytest.raises(DatasetError, match=f"^{re.escape(message)}$"):
        opened(tmp_path)


def test_a_folder_of_images_must_exist(fruit):
    with pytest.raises(DatasetError, match=r"^gone: there is no such folder of images; .*--images"):
        opened(fruit, "IMAGES=gone")


def test_a_file_is_a_data_set(fruit):
    found, config, _ = opened(fruit / "all.json", "CLASSES=[date]", "VAL_SHARE=0")
    assert (found.splits.keys(), found.choice, config.CLASSES) == ({"train"}, None, ("date",))
    (dataset,) = found.splits.values()
    assert [dataset.load_mask(i)[1].tolist() for i in (0, 1)] == [[], [1]]
    assert dataset.load_mask(1)[0].sum() == 160


def test_the_seed_chooses_the_images(fruit):
    first, again, other = (opened(fruit, f"SEED={seed}")[0].choice for seed in (0, 0, 1))
    assert first == again and set(first.val) != set(other.val)


def test_an_earlier_choice_is_used_whatever_the_share(fruit):
    choice = opened(fruit, "SEED=5")[0].choice
    found, _, lines = opened(fruit, share=0, choice=choice)
    assert set_aside.keys_of(found.splits["val"]) == list(choice.val)
    assert not any("Set aside" in line for line in lines)
    assert opened(fruit, share=0)[0].splits.keys() == {"train"}


def test_splits_in_the_data_are_used_and_classes_matched_by_name(tmp_path):
    write_coco(tmp_path / "train/_annotations.coco.json", [["fig", "date"], ["date"]])
    write_coco(tmp_path / "valid/_annotations.coco.json", [["date"], ["plum"]], ("plum", "date"), first=5)
    found, config, lines = opened(tmp_path)
    assert config.CLASSES == ("fig", "date")
    val = found.splits["val"]
    assert [val.load_mask(i)[1].tolist() for i in val.image_ids] == [[2], []]
    assert lines[0] == "Read as COCO: 4 images, 4 instances, classes fig, date"
    assert lines[1] == "Classes of validation that training lacks, left out: plum"
    assert found.choice is None


def test_an_unknown_class_names_the_nearest(fruit):
    with pytest.raises(DatasetError, match=r"no class 'dates' .* only fig, date\. The nearest is 'date'"):
        opened(fruit, "CLASSES=[dates]")


def test_options_of_annotation_files_are_for_those(fruit, tmp_path):
    (fruit / "photos").mkdir()
    for path in fruit.glob("*.png"):
        path.rename(fruit / "photos" / path.name)
    found, _, _ = opened(fruit / "all.json", f"IMAGES={fruit / 'photos'}")
    assert found.splits["train"].image_info[0]["path"].startswith(str(fruit / "photos"))
    write_dataset(tmp_path / "folders")
    message = "IMAGES and CLASS_ATTRIBUTE are for annotation files, and LAYOUT openimages reads none"
    with pytest.raises(DatasetError, match=message):
        opened(tmp_path / "folders", "IMAGES=photos")
    with pytest.raises(DatasetError, match=r"CLASS_ATTRIBUTE 'kind' is for formats .* read as COCO"):
        opened(fruit / "all.json", "CLASS_ATTRIBUTE=kind")


def test_two_formats_that_fit_are_named(tmp_path):
    write_dataset(tmp_path, train=2, val=1)
    write_coco(tmp_path / "annotations/instances_train.json", [["fig"], ["fig"]])
    (tmp_path / "annotations").rename(tmp_path / "a")
    (tmp_path / "a/instances_train.json").rename(tmp_path / "train/_annotations.coco.json")
    for number in range(2):
        (tmp_path / f"a/{number}.png").rename(tmp_path / f"train/{number}.png")
    _, config, lines = opened(tmp_path)
    assert config.LAYOUT == "openimages"
    assert lines[1] == "It may also be read as COCO (--set LAYOUT=coco)"
    assert opened(tmp_path, "LAYOUT=coco")[1].CLASSES == ("fig", "date")


def test_a_single_image_is_trained_on(tmp_path):
    write_coco(tmp_path / "one.json", [["fig"]])
    found, _, lines = opened(tmp_path)
    assert found.splits.keys() == {"train"}
    assert lines[-1] == "No image is set aside for validation: there is only one"


def test_images_that_look_alike_are_all_trained_on(fruit):
    for path in fruit.glob("*.png"):
        path.write_bytes((fruit / "0.png").read_bytes())
    found, _, lines = opened(fruit)
    assert found.splits.keys() == {"train"} and found.splits["train"].num_images == 10
    assert lines[-1] == "No image is set aside for validation: all of them look alike"


def test_splits_of_the_same_files_are_told_as_such(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.fromarray(np.random.default_rng(ord(name)).integers(0, 255, (40, 60, 3), np.uint8)).save(
            tmp_path / f"images/{name}.png"
        )
        (tmp_path / "labels").mkdir(exist_ok=True)
        (tmp_path / f"labels/{name}.txt").write_text("0 0.1 0.1 0.5 0.1 0.5 0.5")
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [fig]\n")
    found, config, lines = opened(tmp_path, names=("train", "val", "test"))
    assert lines[1] == f"{tmp_path} has no test split, only train, val"
    (finding,) = [finding for finding in check.check(found.splits, config).findings if finding.fatal]
    assert finding.text.startswith("Images in train that are also in val: 2.")
    assert finding.advice == (
        "The splits name the same files: name others for val, or leave that split out, so that some images "
        "are set aside."
    )


# --- Evaluation --------------------------------------------------------------------------------------


def evaluated(weights, split="val", dataset=None, **settings):
    """What evaluate opens for a model of the classes date and fig, whose run read ``trained``."""
    lines = []
    config = PumpkinConfig()
    config.update({"CLASSES": ["date", "fig"], "LAYOUT": "coco", **settings}, source=str(weights))
    found = open_for_evaluation(config, split, weights, dataset, report=lines.append)
    return found, lines, config


@pytest.fixture
def run(fruit, tmp_path):
    """The weights of a run on the fruit, and the choice in its folder."""
    choice = opened(fruit)[0].choice
    (tmp_path / "run").mkdir()
    choice.write(tmp_path / "run")
    return tmp_path / "run/weights.h5", choice


@pytest.mark.parametrize("split", ["train", "val"])
def test_the_images_that_a_run_set_aside_are_evaluated(run, fruit, split):
    weights, choice = run
    found, lines, _ = evaluated(weights, split, DATASET=str(fruit))
    assert set_aside.keys_of(found) == list(getattr(choice, split))
    assert f"The {split} images are those of {weights.with_name('splits.json')}" in lines
    assert set(found.load_mask(0)[1]) <= {1, 2} and found.class_names == ["BG", "date", "fig"]
    fruit.rename(fruit.with_name("moved"))
    found, _, _ = evaluated(weights, split, fruit.with_name("moved"), DATASET=str(fruit))
    assert set_aside.keys_of(found) == list(getattr(choice, split))


def test_other_data_without_splits_are_evaluated_as_a_whole(run, fruit, tmp_path):
    weights, _ = run
    other = write_coco(tmp_path / "other/all.json", [["fig", "plum"]] * 3, ("plum", "fig"), first=50)
    found, lines, config = evaluated(weights, "val", other.parent, DATASET=str(fruit), IMAGES="gone")
    assert lines == [
        "Read as COCO: 3 images, 3 instances, classes date, fig",
        f"{other.parent} has no splits, so all images are used",
        "Scored are the classes in common: fig; the data lack date; the model does not know plum",
    ]
    assert [found.load_mask(i)[1].tolist() for i in range(3)] == [[2]] * 3
    assert Path(config.DATASET) == other.parent
    assert config.IMAGES is None


def test_a_set_that_shares_images_with_a_training_is_evaluated_with_a_warning(run, fruit, tmp_path):
    weights, choice = run
    write_coco(tmp_path / "grown/all.json", [["fig"]] * 12)
    found, lines, _ = evaluated(weights, "val", tmp_path / "grown", DATASET=str(fruit))
    assert found.num_images == 12
    assert lines[1] == "8 of its 12 images have names of images that the run trained on"
    shutil.rmtree(fruit)
    (tmp_path / "grown").rename(fruit)  # two photographs were added
    found, lines, _ = evaluated(weights, "val", DATASET=str(fruit))
    assert set_aside.keys_of(found) == list(choice.val)
    assert "Since the splits were chosen, 2 images are new (10, ...); they are left out" in lines


def test_other_data_may_have_another_format(run, fruit, tmp_path):
    weights, _ = run
    write_dataset(tmp_path / "folders", name="fig")
    found, lines, config = evaluated(weights, "val", tmp_path / "folders", DATASET=str(fruit))
    assert (found.num_images, config.LAYOUT) == (2, "openimages")
    assert lines[-1] == "Scored are the classes in common: fig; the data lack date"


def test_no_class_in_common_is_a_sentence(run, fruit, tmp_path):
    other = write_coco(tmp_path / "other/all.json", [["plum"]], ("plum",))
    with pytest.raises(DatasetError, match="has the classes plum, and the model date, fig; none is in"):
        evaluated(run[0], "val", other, DATASET=str(fruit))


def test_a_split_that_neither_data_nor_run_have_is_a_sentence(tmp_path):
    write_dataset(tmp_path, train=2, val=0, name="fig")
    with pytest.raises(DatasetError, match="no split 'val'; it holds train"):
        evaluated(tmp_path / "weights.h5", DATASET=str(tmp_path), LAYOUT="openimages")
