"""scripts/detect.py from the command line's words to files, with a real network."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn.config import ConfigError
from mrcnn.datasets.formats import open_dataset
from mrcnn.datasets.images import read_image
from mrcnn.detection.augmenting import Augmenting
from mrcnn.detection.results import decode_mask
from mrcnn.detection.tiling import Tiling
from mrcnn.weights import best_score, contents, named
from mrcnn.weights.coco_names import COCO_CLASS_NAMES
from mrcnn.weights.hdf5 import write_groups
from pumpkin import models
from pumpkin.commands import detect
from tests.clips import frame, read_clip, write_clip
from tests.sooner import eagerly
from tests.tiny import picture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(picture(100, 120)).save(folder / "colour.png")
    Image.fromarray(picture(90, 60, seed=1)).convert("L").save(folder / "grey.jpg")
    return folder


@pytest.fixture(scope="module")
def networks():
    """Networks by weights and confidence: each is built once."""
    return {}


@pytest.fixture
def opened(monkeypatch, tiny_weights, networks):
    build = models.open_model

    def open_once(path, config):
        key = (str(path), str(config.to_plain()))
        if key not in networks:
            networks[key] = build(path, config)
        return networks[key]

    monkeypatch.setattr(models, "open_model", open_once)
    return tiny_weights


def records(out):
    return json.loads((out / "detections.json").read_text())


def test_a_folder_with_weights_of_the_newest_run(photos, opened, tmp_path, capsys):
    out = tmp_path / "out"
    runs = str(opened.parents[1])
    assert detect.main([str(photos), "--weights", "last", "--runs", runs, "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["colour.png", "detections.json", "grey.png"]
    table = capsys.readouterr().out
    assert "colour.png" in table and "grey.jpg" in table
    assert "2 of 2 images" in table
    for record in records(out):
        assert record["detections"]
        for found in record["detections"]:
            assert found["class"] in ("round", "square")  # the weights' own names
            mask = decode_mask(found["segmentation"])
            assert mask.shape == (record["height"], record["width"])
            x, y, width, height = (int(value) for value in found["bbox"])
            assert mask.any()
            assert mask.sum() == mask[y : y + height, x : x + width].sum()


def test_masks_are_those_of_the_model(photos, opened, tmp_path):
    path = photos / "colour.png"
    assert detect.main([str(path), "--weights", str(opened), "--out", str(tmp_path)]) == 0
    model = models.open_model(opened, models.config_of(opened))
    (result,) = model.detect([picture(100, 120)])
    (record,) = records(tmp_path)
    masks = [decode_mask(found["segmentation"]) for found in record["detections"]]
    np.testing.assert_array_equal(np.stack(masks, axis=-1), result["masks"])
    np.testing.assert_allclose([found["score"] for found in record["detections"]], result["scores"])


def test_the_smallest_score_is_that_of_best_f1(photos, opened, tmp_path, capsys):
    weights = tmp_path / "own" / "own.h5"
    weights.parent.mkdir()
    shutil.copy(opened, weights)
    scores = [found["score"] for found in found_in(photos, weights, tmp_path)]
    middle = sorted(scores)[len(scores) // 2]
    best_score.write(weights, best_score.BestScore(middle, 0.5, "val", "photos", 3))
    capsys.readouterr()
    assert [found["score"] for found in found_in(photos, weights, tmp_path)] == [
        s for s in scores if s >= middle
    ]
    told = f"Smallest score: {middle:.3f}, that of best F1 (0.500) on 3 images of val; --min-confidence sets"
    assert told in capsys.readouterr().out
    for words in (["--min-confidence", "0"], ["--set", "DETECTION_MIN_CONFIDENCE=0"]):
        assert [found["score"] for found in found_in(photos, weights, tmp_path, *words)] == scores
        assert "Smallest score: 0, as given\n" in capsys.readouterr().out


def found_in(photos, weights, tmp_path, *words):
    """The detections in one photograph."""
    out = tmp_path / "out"
    assert (
        detect.main([str(photos / "colour.png"), "--weights", str(weights), "--out", str(out), *words]) == 0
    )
    (record,) = records(out)
    return record["detections"]


def test_formats_by_name(photos, opened, tmp_path, capsys):
    out = tmp_path / "out"
    words = [
        str(photos),
        "--weights",
        str(opened),
        "--out",
        str(out),
        "--save",
        "csv, splash,csv,coco,labelme",
    ]
    assert detect.main(words) == 0
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == [
        "coco.json", "coco_results.json", "detections.csv", "detections.json", "labelme/colour.json",
        "labelme/colour.png", "labelme/grey.jpg", "labelme/grey.json", "labelme/labels.txt",
        "splash/colour.png", "splash/grey.png",
    ]  # fmt: skip
    assert (
        f"2 of 2 images. In {out}: detections.json, csv, splash, coco, labelme\n" in capsys.readouterr().out
    )
    found = [row for record in records(out) for row in record["detections"]]
    results = json.loads((out / "coco_results.json").read_text())
    assert [row["segmentation"] for row in results] == [row["segmentation"] for row in found]
    assert detect.main(words) == 1
    assert capsys.readouterr().err == (
        f"detect: {out / 'labelme'}: exists and is not empty; name a new folder.\n"
    )


def test_the_command_of_the_readme(photos, opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (photos / "deep").mkdir()
    (photos / "grey.jpg").rename(photos / "deep/grey.jpg")
    (tmp_path / "runs").symlink_to(opened.parents[1])
    words = ["photos/", "--recursive", "--save", "overlay,coco,labelme", "--out", "results"]
    assert f"python scripts/detect.py {' '.join(words)}" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert detect.main(words) == 0
    images = json.loads(Path("results/coco.json").read_text())["images"]
    assert [image["file_name"] for image in images] == ["colour.png", "deep/grey.jpg"]
    labels = open_dataset("labelme", "results/labelme", None)
    assert labels.num_images == 2
    assert {info["name"] for info in labels.class_info[1:]} <= {"round", "square"}


def test_large_photographs_in_tiles(opened, tmp_path, capsys):
    Image.fromarray(picture(140, 600)).save(tmp_path / "large.png")
    words = [str(tmp_path / "large.png"), "--weights", str(opened), "--out", str(tmp_path / "out")]
    assert detect.main(words) == 0
    assert "Add --tile auto: the network" in capsys.readouterr().out
    assert detect.main([*words, "--tile", "auto", "--overlap", "0.3"]) == 0
    assert "Note" not in capsys.readouterr().out
    model = models.open_model(opened, models.config_of(opened))
    (expected,) = model.detect_stream([picture(140, 600)], tiling=Tiling("auto", 0.3))
    ((record,),) = [records(tmp_path / "out")]
    assert [row["segmentation"] for row in record["detections"]] == expected.detections.run_lengths()
    assert detect.main([*words, "--set", "TILE=100"]) == 0
    (expected,) = model.detect_stream([picture(140, 600)], tiling=Tiling(100))
    ((record,),) = [records(tmp_path / "out")]
    assert [row["segmentation"] for row in record["detections"]] == expected.detections.run_lengths()


def test_further_views_of_each_photograph(photos, opened, tmp_path):
    out, least = tmp_path / "out", 0.3
    words = [str(photos / "colour.png"), "--weights", str(opened), "--out", str(out)]
    assert detect.main([*words, "--min-confidence", str(least), "--tta", "flips", "--save", "coco"]) == 0
    model = models.open_model(opened, models.config_of(opened, DETECTION_MIN_CONFIDENCE=0.05))
    with Image.open(photos / "colour.png") as image:
        pixels = np.array(image)
    (expected,) = model.detect_stream([pixels], tta=Augmenting(("flips",), least))
    (record,) = records(out)
    assert [row["segmentation"] for row in record["detections"]] == expected.detections.run_lengths()
    assert len(expected.detections.scores) and expected.detections.scores.min() >= least
    (plain,) = model.detect_stream([pixels])
    assert plain.detections.run_lengths() != expected.detections.run_lengths()


def test_a_broken_file_among_good_ones(photos, opened, tmp_path, capsys):
    (photos / "broken.jpg").write_text("no image")
    out = tmp_path / "out"
    assert detect.main([f"{photos}/*", "--weights", str(opened), "--out", str(out)]) == 1
    assert len(records(out)) == 2
    told = capsys.readouterr().out
    assert f"Skipped: {photos / 'broken.jpg'}: is not an image" in told
    assert "2 of 3 images" in told


def test_a_sheet(photos, opened, tmp_path):
    sheet, words = tmp_path / "new" / "sheet.png", [str(photos), "--weights", str(opened)]
    assert detect.main([*words, "--out", str(tmp_path / "out"), "--sheet", str(sheet)]) == 0
    assert len(records(tmp_path / "out")) == 2
    with Image.open(sheet) as image:
        assert image.width == 1000


def test_a_missing_display_is_told_before_the_work(photos, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert detect.main([str(photos), "--out", str(tmp_path / "out"), "--show"]) == 1
    assert capsys.readouterr().err == (
        "detect: --show needs a display and there is none; the pictures are also written without it.\n"
    )
    assert not (tmp_path / "out").exists()


def test_the_video_of_the_readme(photos, opened, tmp_path, monkeypatch, capsys):
    """Frames are read and detected in order: each has what the model finds in it."""
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.avi", 7, (100, 120)).rename("clip.mp4")
    (tmp_path / "runs").symlink_to(opened.parents[1])
    words = ["clip.mp4", "--every", "3"]
    assert f"python scripts/detect.py {' '.join(words[:2])}" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )
    assert detect.main([words[0], str(photos / "colour.png"), *words[1:]]) == 0
    assert "1 of 1 images and 3 frames of 1 video. In detections: detections.json, overlay\n" in (
        capsys.readouterr().out
    )
    found = records(Path("detections"))
    model = models.open_model(opened, models.config_of(opened))
    for record, number in zip(found, (0, 3, 6)):
        assert (record["image"], record["frame"]) == (f"clip.mp4#00000{number}", number)
        (result,) = model.detect([frame(number, 100, 120)])
        masks = [decode_mask(row["segmentation"]) for row in record["detections"]]
        np.testing.assert_array_equal(np.stack(masks, axis=-1), result["masks"])
    assert len(found) == 4
    rate, shown = read_clip("detections/clip.mp4")
    assert (round(rate, 2), len(shown), shown[0].shape) == (3.33, 3, (100, 120, 3))


def test_a_camera_that_is_not_there(opened, tmp_path, capsys):
    words = ["98", "--weights", str(opened), "--out", str(tmp_path / "out")]
    assert detect.main(words) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-2:] == [
        "Skipped: camera 98: there is no such camera, or another program uses it; the first one is 0.",
        f"0 frames of the camera. In {tmp_path / 'out'}: detections.json, overlay",
    ]


def test_pictures_of_another_size_and_colours_by_instance(photos, opened, tmp_path):
    words = [str(photos / "colour.png"), "--weights", str(opened), "--save", "overlay,splash", "--out"]
    assert detect.main([*words, str(tmp_path / "usual")]) == 0
    assert (
        detect.main([*words, str(tmp_path / "other"), "--display-size", "240", "--color-by", "instance"]) == 0
    )
    assert detect.main([*words, str(tmp_path / "large"), "--display-size", "240"]) == 0
    for name in ("colour.png", "splash/colour.png"):
        sizes = [read_image(tmp_path / folder / name).shape[1::-1] for folder in ("usual", "other", "large")]
        assert sizes == [(120, 100), (240, 200), (240, 200)]
    pictures = [(tmp_path / folder / "colour.png").read_bytes() for folder in ("other", "large")]
    assert pictures[0] != pictures[1]  # the tiny model has two classes
    assert records(tmp_path / "usual") == records(tmp_path / "other")


def test_min_confidence(photos, opened, tmp_path):
    words = [str(photos), "--weights", str(opened), "--out", str(tmp_path / "out")]
    detect.main(words)
    scores = [found["score"] for record in records(tmp_path / "out") for found in record["detections"]]
    bound = float(np.median(scores))
    with eagerly():
        detect.main([*words, "--min-confidence", str(bound)])
    left = [found["score"] for record in records(tmp_path / "out") for found in record["detections"]]
    assert left and min(left) >= bound - 1e-6
    assert len(left) < len(scores)


def test_options_set_settings_and_set_goes_last(photos, opened, tmp_path, monkeypatch):
    configs = []

    def opened_with(path, config):
        configs.append(config)
        raise ValueError("seen")

    monkeypatch.setattr(models, "open_model", opened_with)
    words = [str(photos), "--weights", str(opened), "--out", str(tmp_path / "out"), "--size", "64", "--nms"]
    words += ["0.5", "--max-instances", "4", "--precision", "bf16", "--set", "DETECTION_NMS_THRESHOLD=0.25"]
    assert detect.main([*words, "DETECTION_NMS=soft_linear"]) == 1
    (config,) = configs
    assert (config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_SHAPE.tolist()) == (64, 64, [64, 64, 3])
    assert (config.DETECTION_NMS_THRESHOLD, config.DETECTION_NMS) == (0.25, "soft_linear")
    assert (config.DETECTION_MAX_INSTANCES, config.PRECISION) == (4, "mixed_bfloat16")


def test_the_best_instances_alone(photos, opened, tmp_path):
    words = [str(photos / "colour.png"), "--weights", str(opened), "--out", str(tmp_path / "out")]
    detect.main(words)
    ((first, second, *_),) = [record["detections"] for record in records(tmp_path / "out")]
    with eagerly():
        detect.main([*words, "--max-instances", "2"])
    assert records(tmp_path / "out")[0]["detections"] == [first, second]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--size", "100"],
            "--size: IMAGE_MAX_DIM must be a multiple of 64, the stride of P6, got 100; the nearest are 64 "
            "and 128.",
        ),
        (["--size", "9"], "--size: IMAGE_MAX_DIM must be a whole number from 64 to 65,536, got 9."),
        (["--nms", "3"], "--nms: DETECTION_NMS_THRESHOLD must be a number from 0 to 1, got 3.0."),
        (
            ["--max-instances", "0"],
            "--max-instances: DETECTION_MAX_INSTANCES must be a whole number from 1 to 100,000, got 0.",
        ),
        (
            ["--set", "DETECTION_NM=hard"],
            "--set: unknown setting 'DETECTION_NM'; the nearest known one is DETECTION_NMS.",
        ),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(photos, tiny_weights, tmp_path, capsys, words, told):
    words = [str(photos), "--weights", str(tiny_weights), "--out", str(tmp_path / "out"), *words]
    assert detect.main(words) == 1
    assert capsys.readouterr().err == f"detect: {told}\n"


def test_folders_within_folders(photos, opened, tmp_path, capsys):
    (photos / "deep").mkdir()
    (photos / "colour.png").rename(photos / "deep/grey.png")
    (photos / "deep/notes.txt").write_text("no image")
    words = [str(photos), "--weights", str(opened), "--out", str(photos / "out"), "--recursive"]
    for _ in range(2):  # the second time, there are pictures in --out
        assert detect.main(words) == 0
        assert f"{photos}: left out 1 file that is no image (.txt)" in capsys.readouterr().out
        assert [Path(record["image"]).name for record in records(photos / "out")] == ["grey.png", "grey.jpg"]
        assert sorted(path.name for path in (photos / "out").iterdir()) == [
            "detections.json", "grey.png", "grey_2.png",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["missing.jpg"], "missing.jpg: there is no such file"),
        (["*.nothing"], "no file matches"),
        (["{image}", "--min-confidence", "70"], "must lie between 0 and 1, got 70"),
        (["{image}", "--sheet-count", "0"], "must be 1 or more, got 0"),
        (["{image}", "--out", "{image}"], "must be a folder"),
        (["{image}", "--save", "coco,yol"], "separated by commas, got 'yol'; did you mean yolo?"),
        (
            ["{image}", "--tile", "20"],
            "error: --tile must be auto, none or the side of the tiles in pixels, 32 or more, got 20.",
        ),
        (
            ["{image}", "--display-size", "9"],
            "error: --display-size must be the longer side in pixels, 16 to 30000, got 9.",
        ),
        (
            ["{image}", "--every", "2"],
            "error: --every is for videos and cameras, and none of the inputs is one",
        ),
        (["0", "--explain", "1,2"], "--explain is about one photograph, not about a video or a camera"),
        (["0", "--every", "0"], "error: --every must be 1 or more, got 0"),
        (["0", "--sheet", "sheet.png"], "--sheet needs images to read again, and a camera keeps none"),
        (["0", "{image}"], "error: 0: a camera goes on until you stop it, so it must be the only input."),
        (["{image}", "--color-by", "colour"], "argument --color-by: invalid choice: 'colour'"),
        (["{image}", "--tta", ""], "error: --tta takes flips, scales, turns, separated by commas, got ''.\n"),
        (
            ["{image}", "--tta", "flips,zoom"],
            "error: --tta takes flips, scales, turns, separated by commas, got 'zoom'.\n",
        ),
        (["{image}", "--tile", "-5"], "32 or more, got -5."),
        (["{image}", "--tile", "half"], "32 or more, got half."),
        (
            ["{image}", "--overlap", "0.1"],
            "error: --overlap is a share of tiles: set tile too, for instance to auto.",
        ),
        (["{image}", "--tile", "auto", "--overlap", "0.9"], "above 0 and up to 0.5, got 0.9."),
        (
            ["{image}", "--save", ""],
            "--save takes overlay, coco, masks, crops, polygons, csv, splash, yolo, ",
        ),
        ([], "required"),
    ],
)
def test_bad_arguments_are_told_before_a_backend_starts(photos, words, fault):
    words = [word.format(image=photos / "colour.png") for word in words]
    script = (
        "import sys; from pumpkin.commands import detect\n"
        "try: detect.main(sys.argv[1:])\n"
        "finally: assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert fault in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "fault"), [(None, "no such weights file"), (b"", "is empty"), (b"text", "not an HDF5")]
)
def test_bad_weights_are_told_in_a_sentence(photos, tmp_path, capsys, content, fault):
    path = tmp_path / "weights.h5"
    if content is not None:
        path.write_bytes(content)
    assert detect.main([str(photos), "--weights", str(path), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("detect: ") and fault in told and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("huge-chunked.h5", "is damaged: it declares 4,000,000,000,088 bytes of data in 9,064 bytes."),
        ("meta-config-list.h5", "its metadata is damaged (its config is a list instead of an object)."),
        ("meta-names-int.h5", "its metadata is damaged (its class_names is a number instead of a list)."),
        (
            "meta-nc-huge.h5",
            "is damaged: its NUM_CLASSES is 1000000000, but its mrcnn_class_logits/bias is for 2; download "
            "or copy it again.",
        ),
    ],
)
def test_weights_that_lie_are_refused(shared_cases, photos, tmp_path, capsys, name, sentence):
    path = shared_cases(f"files/{name}")
    assert detect.main([str(photos), "--weights", str(path), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == f"detect: {path}: {sentence}\n"


def test_no_run_yet(photos, tmp_path, capsys):
    words = [str(photos), "--runs", str(tmp_path), "--weights", "last", "--out", str(tmp_path / "out")]
    assert detect.main(words) == 1
    assert "no run here has a checkpoint" in capsys.readouterr().err


def test_without_a_run_the_weights_are_those_of_coco(photos, opened, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(models, "fetch_weights", lambda name, _: {"coco": opened}[name])
    out = tmp_path / "out"
    assert detect.main([str(photos), "--runs", str(tmp_path / "runs"), "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"{tmp_path / 'runs'}: no run here has a checkpoint yet, so these are COCO's weights and classes.",
        f"Weights: {opened}",
    ]
    runs = str(opened.parents[1])
    assert detect.main([str(photos), "--runs", runs, "--out", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"Weights: {opened}"


def test_weights_may_be_the_folder_of_a_run(photos, opened, tmp_path, capsys):
    words = [str(photos), "--out", str(tmp_path / "out"), "--weights"]
    assert detect.main([*words, str(opened.parent)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"Weights: {opened}"
    assert detect.main([*words, str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        f"detect: {tmp_path}: this folder holds no checkpoint; give the folder of a run or a weights file.\n"
    )


class TestConfigOf:
    """How a weights file says what network and what classes it is for."""

    def test_metadata_without_class_names(self, tiny_weights, tmp_path, monkeypatch):
        metadata = named.read_metadata(tiny_weights)
        monkeypatch.setattr(contents, "read_metadata", lambda _: {**metadata, "class_names": None})
        config = models.config_of(tiny_weights)
        assert config.CLASSES == ("class 1", "class 2")
        assert (config.NUM_CLASSES, config.RPN_CHANNELS, config.BATCH_SIZE) == (3, 32, 1)

    def test_a_program_that_named_nothing(self, tiny_weights, monkeypatch):
        metadata = named.read_metadata(tiny_weights)
        metadata["config"]["NAME"] = None
        monkeypatch.setattr(contents, "read_metadata", lambda _: metadata)
        assert models.config_of(tiny_weights).CLASSES == ("round", "square")

    @pytest.mark.parametrize(
        ("name", "value", "tensor", "size"),
        [
            ("NUM_CLASSES", 10**9, "mrcnn_class_logits/bias", 3),
            ("TOP_DOWN_PYRAMID_SIZE", 65536, "fpn_c5p5/bias", 32),
            ("RPN_CHANNELS", "32", "rpn_conv_shared/bias", 32),
            ("POOL_SIZE", [], "mrcnn_class_conv1/kernel", 7),
        ],
    )
    def test_sizes_that_the_layers_contradict(self, tiny_weights, monkeypatch, name, value, tensor, size):
        metadata = named.read_metadata(tiny_weights)
        metadata["config"][name] = value
        monkeypatch.setattr(contents, "read_metadata", lambda _: metadata)
        with pytest.raises(named.WeightsError) as caught:
            models.config_of(tiny_weights)
        assert str(caught.value) == (
            f"{tiny_weights}: is damaged: its {name} is {value!r}, but its {tensor} is for {size}; download "
            "or copy it again."
        )

    def test_settings_that_cannot_be(self, tiny_weights, monkeypatch):
        metadata = named.read_metadata(tiny_weights)
        metadata["config"]["MASK_POOL_SIZE"] = 3
        monkeypatch.setattr(contents, "read_metadata", lambda _: metadata)
        with pytest.raises(ConfigError) as caught:
            models.config_of(tiny_weights)
        told = "MASK_SHAPE must be [6, 6], twice MASK_POOL_SIZE, which is 3, got [28, 28]."
        assert str(caught.value) == f"{tiny_weights}: {told}"

    def test_weights_of_another_network(self, tmp_path):
        path = tmp_path / "backbone.h5"
        write_groups(path, [("Conv1", [("Conv1/kernel", np.zeros((3, 3)))])])
        with pytest.raises(contents.NoNetwork) as caught:
            models.config_of(path)
        assert str(caught.value) == (
            f"{path}: is no weights file of a Mask R-CNN, for it lacks the layer mrcnn_class_logits; give "
            "one of a training, or coco."
        )

    def test_the_smallest_score_of_the_config(self, tiny_weights):
        config = models.config_of(tiny_weights, DETECTION_MIN_CONFIDENCE=0.25)
        assert models.take_best_score(config, tiny_weights, set()) == (
            "Smallest score: 0.25, the config's; evaluating the weights on their val split finds the one of "
            "best F1"
        )
        told = models.take_best_score(config, tiny_weights, {"DETECTION_MIN_CONFIDENCE"})
        assert (told, config.DETECTION_MIN_CONFIDENCE) == ("Smallest score: 0.25, as given", 0.25)

    def test_a_config_file_goes_first(self, tiny_weights, tmp_path):
        (tmp_path / "own.yaml").write_text("CLASSES: [a, b]\nRPN_CHANNELS: 48\n")
        config = models.config_of(tiny_weights, tmp_path / "own.yaml", DETECTION_MIN_CONFIDENCE=0.25)
        assert (config.CLASSES, config.RPN_CHANNELS) == (("a", "b"), 48)
        assert config.DETECTION_MIN_CONFIDENCE == 0.25

    def test_matterports_coco_weights(self, parity):
        config = models.config_of(parity("layout_resnet101_coco81.h5"))
        assert list(config.CLASSES) == COCO_CLASS_NAMES[1:]
        assert (config.NUM_CLASSES, config.BACKBONE) == (81, "resnet101")

    def test_matterports_weights_of_another_kind(self, parity):
        config = models.config_of(parity("layout_resnet50_2.h5"))
        assert config.CLASSES == ("class 1",)
        assert config.BACKBONE == "resnet50"


@pytest.mark.parametrize(("devices", "images"), [(["CPU"], 1), (["NVIDIA A"], 8)])
def test_an_accelerator_detects_in_batches(devices, images, monkeypatch, tiny_weights):
    monkeypatch.setattr("mrcnn.backend.device_names", lambda: devices)
    config = models.config_of(tiny_weights)
    batch = config.BATCH_SIZE
    assert batch == images
    assert models.config_of(tiny_weights, IMAGES_PER_GPU=3).BATCH_SIZE == 3


def test_a_point_and_a_box_are_explained(photos, opened, tmp_path, capsys):
    out, photo = tmp_path / "out", str(photos / "colour.png")
    words = [photo, "--weights", str(opened), "--out", str(out), "--explain", "30,40"]
    assert detect.main([*words, "--explain", "10,20,50.5,60"]) == 0
    told = capsys.readouterr().out.splitlines()
    titles = [line for line in told if line.startswith("object at ")]
    assert "around the point 30 40" in titles[0]
    assert titles[1].startswith("object at 10 20 50 60 (y1 x1 y2 x2), lost: ")
    for number in (1, 2):
        path = out / "explained" / f"colour_{number}.png"
        assert f"  The picture is {path}" in told
        with Image.open(path) as drawn:
            assert drawn.width == 1400
    assert len(records(out)) == 1  # the photograph is detected as always


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--explain", "1,2,3"], "argument --explain: takes Y,X or Y1,X1,Y2,X2 in pixels, got '1,2,3'"),
        (["--explain", "a,2"], "got 'a,2'"),
        (["--explain", "1,2"], "--explain is about one photograph, and there are 2"),
        (
            ["--explain", "1,2", "--tile", "auto"],
            "--explain follows the network through the whole photograph: leave out --tile",
        ),
        (
            ["--explain", "1,2", "--tta", "flips"],
            "--explain follows the network through the whole photograph: leave out --tta",
        ),
    ],
)
def test_places_that_cannot_be_explained(photos, words, fault, capsys):
    with pytest.raises(SystemExit) as exit:
        detect.main([str(photos), *words])
    assert exit.value.code == 2
    assert fault in capsys.readouterr().err


def test_a_place_beside_the_photograph(photos, opened, tmp_path, capsys):
    out, photo = tmp_path / "out", str(photos / "colour.png")
    assert detect.main([photo, "--weights", str(opened), "--out", str(out), "--explain", "30,400"]) == 1
    assert capsys.readouterr().err == (
        "detect: The place 30, 400 is not within the image: the image is 100 pixels high and 120 wide.\n"
    )
    assert not out.exists()
