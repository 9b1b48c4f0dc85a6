"""mrcnn.load: weights of any kind open by themselves, and photographs of any kind give Results."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import mrcnn
from mrcnn.config import ConfigError
from mrcnn.datasets.images import ImageError
from mrcnn.detection import videos
from mrcnn.detection.augmenting import Augmenting
from mrcnn.detection.clips import ClipError
from mrcnn.detection.result import Result
from mrcnn.detection.tiling import Tiling
from mrcnn.predictor import load
from mrcnn.training.errors import RunError
from mrcnn.weights import best_score
from tests.clips import frame, write_clip
from tests.scenes import Rectangles
from tests.tiny import detector, picture


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs whose newest checkpoint is a tiny network of two named classes."""
    folder = tmp_path_factory.mktemp("runs")
    run = folder / "tiny20261128T1200"
    run.mkdir()
    model = detector()
    model.class_names = ["BG", "round", "square"]
    for epoch in (1, 2):
        model.save_weights(run / f"mask_rcnn_tiny_{epoch:04d}.h5", epoch=epoch)
    return folder


@pytest.fixture(scope="module")
def model(runs):
    return load("last", runs=runs)


def test_the_file_knows_its_network(model, runs):
    assert mrcnn.load is load
    assert model.class_names == ["BG", "round", "square"]
    config = model.config
    assert (config.RPN_CHANNELS, config.NUM_CLASSES, config.MASK_PASTE) == (32, 3, "as_trained")
    assert repr(model) == "Mask R-CNN, light, photographs of up to 128 pixels, 2 classes: round, square"
    again = load(runs / "tiny20261128T1200", DETECTION_MAX_INSTANCES=3)
    assert again.config.DETECTION_MAX_INSTANCES == 3
    np.testing.assert_array_equal(again(picture(60, 80)).scores, model(picture(60, 80)).scores[:3])


def test_the_smallest_score_is_that_of_best_f1(runs, tmp_path):
    weights = tmp_path / "own.h5"
    shutil.copy(runs / "tiny20261128T1200" / "mask_rcnn_tiny_0002.h5", weights)
    assert load(weights).config.DETECTION_MIN_CONFIDENCE == 0.0
    best_score.write(weights, best_score.BestScore(0.375, 0.5, "val", "photos", 3))
    assert load(weights).config.DETECTION_MIN_CONFIDENCE == 0.375
    assert load(weights, DETECTION_MIN_CONFIDENCE=0.25).config.DETECTION_MIN_CONFIDENCE == 0.25


def test_faults_are_sentences(runs, tmp_path):
    with pytest.raises(RunError, match="this folder holds no checkpoint"):
        load(tmp_path)
    with pytest.raises(RunError, match="no run here has a checkpoint yet"):
        load("last", runs=tmp_path)
    with pytest.raises(ConfigError, match="DETECTION_MAX_INSTANCES"):
        load("last", runs=runs, DETECTION_MAX_INSTANCES=-1)


def test_large_photographs_in_tiles(model, runs):
    tiled = load("last", runs=runs, tile="auto", overlap=0.3)
    assert tiled.tiling == Tiling("auto", 0.3)
    image = picture(200, 300)
    (expected,) = model.model.detect_stream([image], tiling=Tiling("auto", 0.3))
    found = tiled(image)
    np.testing.assert_array_equal(found.boxes, expected.detections.rois)
    assert len(found) > len(model(image))
    assert found.detections.size == (200, 300)
    assert load("last", runs=runs, TILE=100).tiling == Tiling(100)
    assert load("last", runs=runs, TILE=100, tile="none").tiling is None
    assert load("last", runs=runs, TILE=100, tile=50).tiling == Tiling(50)
    with pytest.raises(ValueError, match=r"^tile must be auto, none or the side of the tiles"):
        load("last", runs=runs, tile=0)
    with pytest.raises(ValueError, match=r"^overlap is a share of tiles"):
        load("last", runs=runs, overlap=0.3)


def test_further_views_of_each_photograph(model, runs):
    augmented = load("last", runs=runs, tta="flips", DETECTION_MIN_CONFIDENCE=0.4)
    assert augmented.tta == Augmenting(("flips",), 0.4)
    assert augmented.config.DETECTION_MIN_CONFIDENCE == 0.05
    image = picture(100, 120)
    (expected,) = augmented.model.detect_stream([image], tta=augmented.tta)
    found = augmented(image)
    np.testing.assert_array_equal(found.boxes, expected.detections.rois)
    assert len(found) and found.scores.min() >= 0.4
    again = augmented(image)
    np.testing.assert_array_equal(found.scores, again.scores)
    np.testing.assert_array_equal(found.masks, again.masks)
    with pytest.raises(
        ValueError, match=r"^tta takes flips, scales, turns, separated by commas, got 'zoom'\.$"
    ):
        load("last", runs=runs, tta="zoom")


def test_sources_of_all_kinds_give_equal_results(model, tmp_path):
    image = picture(60, 80)
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    (expected,) = model.model.detect([image])
    assert len(expected["scores"])
    for source in (image, image / 255.0, Image.fromarray(image), path, str(path)):
        result = model(source)
        assert isinstance(result, Result) and len(result) == len(expected["scores"])
        np.testing.assert_array_equal(result.boxes, expected["rois"])
        np.testing.assert_array_equal(result.masks, expected["masks"])
        np.testing.assert_array_equal(result.scores, expected["scores"])
        np.testing.assert_array_equal(result.image, image)
    with pytest.raises(ImageError, match=r"none\.jpg: no such file"):
        model(tmp_path / "none.jpg")


def test_an_address_is_read(model, monkeypatch):
    file = io.BytesIO()
    Image.fromarray(picture(60, 80)).save(file, "PNG")
    asked = []
    monkeypatch.setattr(
        "mrcnn.detection.addresses.Client.read", lambda _, url, limit: asked.append(url) or file.getvalue()
    )
    result = model("https://example.org/a.png")
    assert asked == ["https://example.org/a.png"]
    np.testing.assert_array_equal(result.image, picture(60, 80))


def test_lists_and_generators_stream_in_order(model):
    images = [picture(50 + k, 80, k) for k in range(5)]
    for sources in (images, (image for image in images)):
        results = list(model(sources))
        assert [result.image.shape[0] for result in results] == [50, 51, 52, 53, 54]
    assert list(model([])) == []


def test_evaluation_counts_weak_detections(model):
    dataset = Rectangles([2, 1])
    scores = model.evaluate(dataset, progress=False)
    assert (scores["images"], scores["instances"]) == (2, 3)
    assert 0 <= scores["segm"]["AP"] <= 1


def test_the_readmes_example_runs(runs, tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(import mrcnn\n.*?)```", readme, re.DOTALL)
    shutil.copytree(runs, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photo.jpg", "a.jpg", "b.jpg")):
        Image.fromarray(picture(60, 80, number)).save(name)
    exec(compile(example, "README.md", "exec"), {})
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("photo.jpg: 80 x 60 pixels, ")
    assert all(line.isdigit() for line in printed[-2:])
    with Image.open("found.png") as drawn:
        assert drawn.size == (80, 60)


def test_the_frames_of_a_video(model, tmp_path):
    clip = write_clip(tmp_path / "clip.avi", 5)
    results = list(model(videos.frames(clip, every=2)))
    assert len(results) == 3
    for result, number in zip(results, (0, 2, 4)):
        np.testing.assert_array_equal(result.image, frame(number))
        np.testing.assert_array_equal(result.masks, model(frame(number)).masks)
    every = list(model(str(clip)))
    assert len(every) == 5
    np.testing.assert_array_equal(every[2].scores, results[1].scores)
    with pytest.raises(ClipError, match=r"none\.mp4: cannot be read: No such file or directory\.$"):
        next(model(tmp_path / "none.mp4"))
