"""Programs as their authors wrote them for matterport's library, run as they are: files, pictures, numbers.

Each runs in a process of its own, in the folder samples/program of a project: with the weights, logs and
results two folders up. ``KERAS_BACKEND`` chooses the backend of program and test alike.
"""

import importlib.util
import json
import math
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn.config import Config
from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.weights import named
from tests.programs import datasets
from tests.programs.projects import Project, made_sure, model_of, same, tensors, write_coco_weights

PROGRAMS = Path(__file__).resolve().parent
LAUNCHER = ("-m", "mrcnn.legacy")

pytestmark = pytest.mark.slow  # each program trains in a process of its own


@pytest.fixture(scope="module")
def leaf_config():
    """LeafConfig of leaves.py; importing the program changes sys.path."""
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("leaves", PROGRAMS / "leaves.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path[:] = before
    return module.LeafConfig


class NucleusSizes(Config):
    """The network of nuclei.py, as far as its weights tell."""

    BACKBONE = "resnet50"
    TOP_DOWN_PYRAMID_SIZE = 32
    FPN_CLASSIF_FC_LAYERS_SIZE = 64


def assert_trained(project, name, epochs, classes):
    """Losses are numbers in every epoch, and the last checkpoint is there under matterport's name.

    classes: the names that it must hold. Returns its path.
    """
    rows = project.metrics(name)
    assert [int(row["epoch"]) for row in rows] == list(range(1, epochs + 1))
    for row in rows:
        values = [float(row[prefix + loss]) for prefix in ("", "val_") for loss in ("loss", *LOSS_NAMES)]
        assert all(math.isfinite(value) for value in values)
        assert float(row["loss"]) > 0 and float(row["val_loss"]) > 0
    path = project.log_folder(name) / f"mask_rcnn_{name}_{epochs:04}.h5"
    assert named.read_metadata(path)["class_names"] == classes
    return path


@pytest.fixture(scope="module")
def running(request, tmp_path_factory, leaf_config):
    """``running("leaves")`` is the project once its programs are through.

    Only those run that the chosen tests need, two at a time: each keeps little more than one core busy.
    """
    runs = {"nuclei": run_nuclei, "coco": run_coco, "shapes": run_shapes, "leaves": run_leaves}
    needed = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    projects = {name: Project(tmp_path_factory.mktemp(name)) for name in runs if name in needed}
    for name, sizes in (("leaves", leaf_config), ("nuclei", NucleusSizes)):
        if name in projects:
            write_coco_weights(sizes, projects[name].root)
    with ThreadPoolExecutor(max_workers=2) as pool:
        done = {name: pool.submit(runs[name], project) for name, project in projects.items()}

        def wait(name):
            done[name].result()
            return projects[name]

        yield wait


# --- leaves.py: VIA annotations, train and splash ------------------------------------------------


def run_leaves(project):
    """Train from COCO weights; colour a photo and a film with the last checkpoint."""
    data = datasets.write_leaves(project.root / "data")
    project.photo = data / "train" / "train1.png"
    project.film = datasets.write_film(project.root / "film.avi")
    program = PROGRAMS / "leaves.py"
    project.run(program, "train", f"--dataset={data}", "--weights=coco")
    project.sure = made_sure(project.log_folder("leaf") / "mask_rcnn_leaf_0001.h5", epoch=2)
    words = ("splash", "--weights=last", f"--image={project.photo}", f"--video={project.film}")
    project.said = project.run(program, *words)


@pytest.fixture(scope="module")
def leaves(running, leaf_config):
    project = running("leaves")
    project.model = model_of(project.sure, leaf_config)
    return project


def test_leaves_train_their_heads_from_coco(leaves):
    path = assert_trained(leaves, "leaf", epochs=1, classes=["BG", "leaf"])
    start, end = tensors(leaves.root / "mask_rcnn_coco.h5"), tensors(path)
    assert all(same(start, end, "plain"))
    assert not any(same(start, end, "fpn_p2/.*kernel|rpn_model/rpn_conv_shared/kernel"))
    assert end["mrcnn_class_logits/mrcnn_class_logits/bias:0"].shape == (2,)


def test_the_splash_keeps_colour_inside_masks_alone(leaves):
    assert f"Start from {leaves.sure}" in leaves.said
    (picture,) = leaves.place.glob("splash_*.png")
    splash, photo = np.asarray(Image.open(picture)), np.asarray(Image.open(leaves.photo))
    covered = leaves.model.detect([photo])[0]["masks"].any(axis=2)
    assert 0.01 < covered.mean() < 0.99
    np.testing.assert_array_equal(splash[covered], photo[covered])
    grey = splash[~covered]
    assert (grey == grey[:, :1]).all()
    luminance = photo[~covered] @ [0.2125, 0.7154, 0.0721]
    assert np.abs(grey[:, 0] - luminance).max() <= 1


def test_the_splash_of_a_film_has_all_its_frames(leaves):
    (path,) = leaves.place.glob("splash_*.avi")
    before, after = datasets.read_film(leaves.film), datasets.read_film(path)
    assert len(after) == len(before) == 3
    for frame, splash in zip(before, after):
        covered = leaves.model.detect([frame[..., ::-1]])[0]["masks"].any(axis=2)
        grey = np.repeat((frame @ [0.0721, 0.7154, 0.2125])[..., None], 3, axis=2)
        expected = np.where(covered[..., None], frame, grey)
        # The film is compressed.
        assert np.abs(splash - expected).mean() < 5 < np.abs(splash - frame).mean()


# --- nuclei.py: imgaug, two stages, a submission -------------------------------------------------


def run_nuclei(project):
    """Train in two stages from COCO weights and write a submission, both by the launcher."""
    project.data = datasets.write_nuclei(project.root / "data")
    program, data = PROGRAMS / "nuclei.py", f"--dataset={project.data}"
    words = ("train", data, "--subset=train", "--weights=coco")
    project.said = project.run(program, *words, launcher=LAUNCHER)
    project.sure = made_sure(project.log_folder("nucleus") / "mask_rcnn_nucleus_0002.h5", epoch=3)
    words = ("detect", data, "--subset=stage1_test", "--weights=last")
    project.said += project.run(program, *words, launcher=LAUNCHER)


@pytest.fixture(scope="module")
def nuclei(running):
    return running("nuclei")


def test_the_launcher_says_what_it_supplied(nuclei):
    for name in ("np.sctypes", "np.int"):
        assert re.search(rf"^mrcnn\.legacy: {name} was removed from NumPy", nuclei.said, re.MULTILINE)


def test_nuclei_train_heads_then_all(nuclei):
    path = assert_trained(nuclei, "nucleus", epochs=2, classes=["BG", "nucleus"])
    start, end = tensors(nuclei.root / "mask_rcnn_coco.h5"), tensors(path)
    assert not any(same(start, end, r"conv1/.*kernel|res.*kernel|fpn_.*kernel|mrcnn_mask_conv.*kernel"))
    assert all(same(start, end, r".*moving_(mean|variance)"))  # TRAIN_BN is False


def decode_runs(text, shape):
    """A mask [H, W] of pairs of start and length down the columns, counted from 1."""
    flat = np.zeros(shape[0] * shape[1], bool)
    numbers = [int(number) for number in text.split()]
    for start, length in zip(numbers[::2], numbers[1::2]):
        assert length > 0 and not flat[start - 1 : start - 1 + length].any()
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(shape[1], shape[0]).T


def test_the_submission_decodes_to_the_masks(nuclei):
    (folder,) = (nuclei.root / "results" / "nucleus").glob("submit_*")
    lines = (folder / "submit.csv").read_text().splitlines()
    assert lines[0] == "ImageId,EncodedPixels"
    model = model_of(nuclei.sure, IMAGE_RESIZE_MODE="pad64", RPN_NMS_THRESHOLD=0.7)
    total = 0
    for name in ("plate_x1", "plate_x2"):
        image = np.asarray(Image.open(nuclei.data / "stage1_test" / name / "images" / f"{name}.png"))[..., :3]
        found = model.detect([image])[0]
        free, expected = np.ones(image.shape[:2], bool), []
        for i in np.argsort(found["scores"])[::-1]:
            own = found["masks"][:, :, i] & free
            free &= ~own
            expected += [own] if own.any() else []
        rows = [line.split(",")[1] for line in lines if line.startswith(f"{name},")]
        decoded = [decode_runs(row, image.shape[:2]) for row in rows]
        assert len(decoded) == len(expected) > 0
        np.testing.assert_array_equal(decoded, expected)
        assert (folder / f"{name}.png").stat().st_size > 5000
        total += len(rows)
    assert total == len(lines) - 1


# --- coco_train.py: COCO JSON with crowds, three stages, AP --------------------------------------


def run_coco(project):
    """Train in three stages and evaluate, both by the launcher."""
    data = f"--dataset={datasets.write_coco(project.root / 'data')}"
    project.run(PROGRAMS / "coco_train.py", "train", data, launcher=LAUNCHER)
    made_sure(project.log_folder("coco") / "mask_rcnn_coco_0003.h5", epoch=4)
    program = PROGRAMS / "known_detectors.py"
    project.said = project.run(program, "evaluate", data, "--model=last", launcher=LAUNCHER)
    project.known = json.loads(re.search("^KNOWN (.*)$", project.said, re.MULTILINE)[1])


@pytest.fixture(scope="module")
def coco(running):
    return running("coco")


def test_coco_trains_in_three_stages_with_crowds(coco):
    assert_trained(coco, "coco", epochs=3, classes=["BG", "leaf", "petal"])
    assert coco.known["class_ids"] == [[1, 2, 1], [1, 2, 1, -2], []]
    rates = [float(row["learning_rate"]) for row in coco.metrics("coco")]
    assert rates == pytest.approx([1e-3, 1e-3, 1e-4])


def test_the_evaluation_prints_average_precision(coco):
    line = r"Average Precision +\(AP\) @\[ *IoU=0.50:0.95 \| area= +all \| maxDets=100 *\] = (-?\d\.\d+)"
    values = [float(value) for value in re.findall(line, coco.said)]
    assert len(values) == 4  # boxes and masks of the network, masks of the perfect and the faulty detector
    assert all(0 <= value <= 1 for value in values)
    assert values[2] == 1


def test_known_detectors_have_the_same_precision_by_their_program_and_by_us(coco):
    theirs, ours = coco.known["perfect"]
    assert theirs == ours == [1, 1, 1]
    theirs, ours = coco.known["faulty"]
    assert theirs == pytest.approx(ours, abs=1e-9)
    assert 0 < theirs[0] < theirs[1] < 1


# --- shapes_notebook.py: drawn shapes and a notebook's looks into the network --------------------


def run_shapes(project):
    """Run the notebook; ``numbers`` is what it kept."""
    project.said = project.run(PROGRAMS / "shapes_notebook.py")
    with np.load(project.root / "numbers.npz") as kept:
        project.numbers = dict(kept)


@pytest.fixture(scope="module")
def shapes(running):
    return running("shapes")


def test_shapes_are_saved_by_hand_as_by_training(shapes):
    path = assert_trained(shapes, "shapes", epochs=2, classes=["BG", "disc", "bar", "kite"])
    assert f"Loading weights from  {path}" in shapes.said
    by_training, by_hand = tensors(path), tensors(shapes.root / "logs" / "mask_rcnn_shapes.h5")
    assert all(same(by_training, by_hand, ""))
    assert by_hand.keys() == by_training.keys()
    kept = shapes.numbers
    for name in ("rois", "scores", "masks"):
        np.testing.assert_array_equal(kept[f"again_{name}"], kept[name])
    losses = [float(row["loss"]) for row in shapes.metrics("shapes")]
    assert kept["losses"] == pytest.approx(losses, rel=1e-5)


def test_detections_of_molded_images_are_those_of_images(shapes):
    kept = shapes.numbers
    assert len(kept["rois"]) > 0
    np.testing.assert_array_equal(kept["molded_rois"], kept["rois"])
    np.testing.assert_allclose(kept["molded_scores"], kept["scores"], atol=1e-6)
    np.testing.assert_array_equal(kept["molded_masks"], kept["masks"])


def test_the_graph_gives_what_detection_gives(shapes):
    kept = shapes.numbers
    boxes = np.round(kept["graph_detections"][:, :4] * 127 + [0, 0, 1, 1])
    np.testing.assert_array_equal(boxes, kept["rois"])
    np.testing.assert_allclose(kept["graph_detections"][:, 5], kept["scores"], atol=1e-6)
    np.testing.assert_allclose(kept["graph_probs"].sum(axis=-1), 1, atol=1e-5)
    assert kept["graph_proposals"].shape == (1, 30, 4)
    assert kept["graph_deltas"].shape == (1, 30, 4, 4)
    np.testing.assert_allclose(kept["input_image"][0], kept["image"] - Config.MEAN_PIXEL, atol=1e-4)
    assert kept["fpn_p2"].shape == (1, 32, 32, 32)


def test_targets_of_the_rpn_lead_to_the_gt(shapes):
    kept = shapes.numbers
    assert len(kept["positive_anchors"]) >= len(kept["gt_bbox"])
    assert len(kept["positive_anchors"]) + kept["negative_count"] == 64
    distance = np.abs(kept["refined_anchors"][:, None] - kept["gt_bbox"][None]).max(axis=2)
    assert distance.min(axis=1).max() < 0.01
    np.testing.assert_allclose(kept["anchors"], kept["model_anchors"], atol=1e-3)


def test_mini_masks_expand_to_the_masks(shapes):
    expanded, whole = shapes.numbers["expanded"].astype(bool), shapes.numbers["whole_mask"]
    overlap = (expanded & whole).sum(axis=(0, 1)) / (expanded | whole).sum(axis=(0, 1))
    assert overlap.min() > 0.8


def test_batches_of_random_rois_lead_to_the_gt(shapes):
    kept = shapes.numbers
    class_ids = kept["batch_class_ids"][:, :, 0]
    assert class_ids.shape == (2, 16) and 0 < (class_ids[0] > 0).sum() <= 5
    positive = class_ids[0] > 0
    real = kept["batch_gt_class_ids"][0] > 0
    gt, gt_class_ids = kept["batch_gt_boxes"][0][real], kept["batch_gt_class_ids"][0][real]
    distance = np.abs(kept["batch_refined"][positive][:, None] - gt[None]).max(axis=2)
    assert distance.min(axis=1).max() < 0.01
    np.testing.assert_array_equal(gt_class_ids[distance.argmin(axis=1)], class_ids[0][positive])


def test_precision_is_between_none_and_all(shapes):
    assert len(shapes.numbers["APs"]) == 4
    assert ((shapes.numbers["APs"] >= 0) & (shapes.numbers["APs"] <= 1)).all()
    assert re.search(r"AP of the truth:  1\.0\b", shapes.said)


def test_pictures_are_saved(shapes):
    names = ("top_masks_0", "detections", "precision_recall", "rpn_targets", "head")
    for name in names:
        assert np.asarray(Image.open(shapes.root / f"{name}.png").convert("L")).std() > 5, name
    assert "mrcnn_class_logits" in shapes.said  # of display_weight_stats
