"""The same photographs from four tools, from --dataset alone to detections."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from mrcnn.datasets.set_aside import Choice
from mrcnn.training.run import checkpoints
from pumpkin.commands import detect, evaluate, train
from pumpkin.config import load_config
from pumpkin.data import open_data
from tests.sooner import eagerly

HEIGHT, WIDTH = 64, 128  # powers of two, so that YOLO's shares are exact
CLASSES = ["date", "fig"]
PHOTOGRAPHS = 10
SMALL = [
    "IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64", "STEPS_PER_EPOCH=2", "VALIDATION_STEPS=1", "IMAGES_PER_GPU=2",
    "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16", "FPN_CLASSIF_FC_LAYERS_SIZE=16", "MASK_HEAD_CHANNELS=8",
    "TRAIN_ROIS_PER_IMAGE=8", "DETECTION_MIN_CONFIDENCE=0.0", "AP_EVERY=0",
]  # fmt: skip


def outlines(number):
    """[(class, ring [K, (x, y)] of whole and half pixels)] of a photograph: a hexagon and triangles."""
    rng = np.random.default_rng(number)
    found = [("date", np.array([[10, 5], [30, 5], [40, 20], [30, 35.5], [10, 35.5], [4.5, 20]]))]
    for _ in range(number % 3):
        x, y = int(rng.integers(45, 90)), int(rng.integers(2, 30))
        found.append(("fig", np.array([[x, y], [x + 30, y + 4.5], [x + 12, y + 28]])))
    return found


def write_photographs(folder):
    """Noise with bright shapes, each photograph with noise of its own."""
    folder.mkdir(parents=True)
    for number in range(PHOTOGRAPHS):
        rng = np.random.default_rng(number)
        cells = rng.integers(0, 120, (8, 16, 3), dtype=np.uint8)
        pixels = np.array(Image.fromarray(cells).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
        for name, ring in outlines(number):
            (x1, y1), (x2, y2) = ring.min(axis=0).astype(int), ring.max(axis=0).astype(int)
            pixels[y1 + 4 : y2 - 4, x1 + 4 : x2 - 4] = (250, 200, 40) if name == "fig" else (120, 60, 20)
        Image.fromarray(pixels).save(folder / f"photo{number}.png")


def write_coco(root):
    write_photographs(root / "images")
    images, annotations = [], []
    for number in range(PHOTOGRAPHS):
        name = f"photo{number}.png"
        images.append({"id": number + 1, "file_name": name, "height": HEIGHT, "width": WIDTH})
        for label, ring in outlines(number):
            annotations.append(
                {
                    "id": len(annotations) + 1, "image_id": number + 1, "iscrowd": 0,
                    "category_id": CLASSES.index(label) + 1, "segmentation": [ring.ravel().tolist()],
                }
            )  # fmt: skip
    categories = [{"id": 1, "name": "date"}, {"id": 2, "name": "fig"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))


def write_via(root):
    write_photographs(root)
    content = {}
    for number in range(PHOTOGRAPHS):
        name = f"photo{number}.png"
        regions = []
        for label, ring in outlines(number):
            x, y = ring.T.tolist()
            shape = {"name": "polygon", "all_points_x": x, "all_points_y": y}
            regions.append({"shape_attributes": shape, "region_attributes": {"fruit": label}})
        content[f"{name}99"] = {"filename": name, "size": 99, "regions": regions, "file_attributes": {}}
    (root / "via_region_data.json").write_text(json.dumps(content))


def write_labelme(root):
    write_photographs(root)
    for number in range(PHOTOGRAPHS):
        shapes = [
            {"label": label, "points": ring.tolist(), "shape_type": "polygon", "group_id": None, "flags": {}}
            for label, ring in outlines(number)
        ]
        content = {"version": "5.0.0", "flags": {}, "shapes": shapes, "imageData": None}
        content |= {"imagePath": f"photo{number}.png", "imageHeight": HEIGHT, "imageWidth": WIDTH}
        (root / f"photo{number}.json").write_text(json.dumps(content))


def write_yolo(root):
    write_photographs(root / "images")
    (root / "labels").mkdir()
    for number in range(PHOTOGRAPHS):
        rows = [
            " ".join(map(str, [CLASSES.index(label), *(ring / (WIDTH, HEIGHT)).ravel().tolist()]))
            for label, ring in outlines(number)
        ]
        (root / f"labels/photo{number}.txt").write_text("\n".join(rows))
    (root / "data.yaml").write_text(yaml.safe_dump({"train": "images", "names": dict(enumerate(CLASSES))}))


TOOLS = {"COCO": write_coco, "VIA": write_via, "labelme": write_labelme, "YOLO": write_yolo}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """The folder of a tool's data set, by its title."""
    root = tmp_path_factory.mktemp("tools")
    for title, write in TOOLS.items():
        write(root / title)
    return {title: root / title for title in TOOLS}


def opened(root):
    lines = []
    config = load_config(None, [f"DATASET={root}"])
    return open_data(config, report=lines.append).splits, lines


def test_the_four_tools_give_the_same_masks(photographs):
    sets = {title: opened(root) for title, root in photographs.items()}
    reference, _ = sets["COCO"]
    assert [reference[split].num_images for split in ("train", "val")] == [8, 2]
    areas = []
    for title, (splits, lines) in sets.items():
        assert lines[0] == f"Read as {title}: 10 images, 19 instances, classes date, fig"
        for split, dataset in splits.items():
            for image_id in dataset.image_ids:
                name = Path(dataset.image_info[image_id]["path"]).name
                assert name == Path(reference[split].image_info[image_id]["path"]).name
                masks, class_ids = dataset.load_mask(image_id)
                expected, expected_ids = reference[split].load_mask(image_id)
                assert class_ids.tolist() == expected_ids.tolist()
                np.testing.assert_array_equal(masks, expected)
                areas += masks.sum(axis=(0, 1))[class_ids == 1].tolist()
    # A rectangle of 20 x 30.5 and two triangles are 846.375; COCO's rule includes pixels of the outline.
    assert set(areas) == {853}


@pytest.fixture(scope="module")
def runs(photographs, tmp_path_factory, without_curves, without_report):
    """The folder of a run for each tool: the default recipe, in small."""
    found = {}
    with eagerly():
        for title, root in photographs.items():
            out = tmp_path_factory.mktemp("runs")
            words = ["--weights", "none", "--dataset", str(root), "--epochs", "1", "--out", str(out)]
            assert train.main([*words, "--set", *SMALL]) == 0
            (found[title],) = out.iterdir()
    return found


@pytest.mark.slow
def test_the_four_tools_give_the_same_losses(runs):
    tables = {}
    for title, folder in runs.items():
        with open(folder / "metrics.csv", newline="") as file:
            (row,) = csv.DictReader(file)
        tables[title] = {name: value for name, value in row.items() if "loss" in name}
    assert len(tables["COCO"]) > 6 and all(float(value) >= 0 for value in tables["COCO"].values())
    assert all(table == tables["COCO"] for table in tables.values())


@pytest.mark.slow
def test_a_run_detects_and_evaluates_what_it_set_aside(runs, photographs, tmp_path, capsys):
    for title, folder in runs.items():
        weights = checkpoints(folder)[1]
        choice = Choice.read(folder)
        assert (len(choice.train), len(choice.val)) == (8, 2)
        assert (
            load_config(folder / "recipe.yaml").to_plain() == load_config(folder / "config.yaml").to_plain()
        )
        with eagerly():
            assert evaluate.main(["--weights", str(weights)]) == 0
            assert f"The val images are those of {folder / 'splits.json'}" in capsys.readouterr().out
            image = str(next(photographs[title].rglob("photo7.png")))
            assert detect.main([image, "--weights", str(weights), "--out", str(tmp_path / title)]) == 0
        (record,) = json.loads((tmp_path / title / "detections.json").read_text())
        assert {item["class"] for item in record["detections"]} <= set(CLASSES)
        assert json.loads((folder / "evaluation_val.json").read_text())["images"] == 2


@pytest.mark.slow
def test_a_run_is_repeated_and_extended_with_the_images_that_it_set_aside(photographs, tmp_path, capsys):
    words = ["--dataset", str(photographs["VIA"]), "--out", str(tmp_path / "runs"), "--set", *SMALL]
    assert train.main(["--weights", "none", "--epochs", "1", "--val-share", "0.4", *words]) == 0
    (first,) = (tmp_path / "runs").iterdir()
    choice = Choice.read(first)
    assert len(choice.val) == 4
    assert train.main(["--reproduce", str(first), "--out", str(tmp_path / "again")]) == 0
    assert "Equal: the weights are those of" in capsys.readouterr().out
    (again,) = (tmp_path / "again").iterdir()
    assert Choice.read(again) == choice
    assert train.main(["--resume", str(first), "--epochs", "2"]) == 0
    assert "Data: 6 images to train on, 4 to validate on" in capsys.readouterr().out
    assert 2 in checkpoints(first)
