"""Figures of a network's stages: their numbers are right, and every panel holds what its title says."""

import numpy as np
import pytest

from mrcnn.evaluation.stages import Trace
from mrcnn.inspection import pages, stages, targets
from tests.scenes import Rectangles
from tests.tiny import detector


@pytest.fixture(scope="module")
def dataset():
    return Rectangles((3, 0), shape=(90, 120))


@pytest.fixture(scope="module")
def trace(eagerly, dataset):
    model = detector(DETECTION_NMS_THRESHOLD=0.5)
    model.class_names = ["BG", "dull", "bright"]
    return Trace(model, dataset.load_image(0))


def boxes_in(ax):
    return [patch.get_bbox().bounds for patch in ax.patches]


def titles(figure):
    return [ax.get_title() or ax.get_title(loc="left") for ax in figure.axes]


def test_anchors_of_the_middle_cell_of_each_level(trace):
    figure = stages.anchors(trace)
    (ax,) = figure.axes
    boxes = boxes_in(ax)
    assert len(boxes) == 5 * 3
    assert figure.get_suptitle() == "4,092 anchors"
    areas = [width * height for _, _, width, height in boxes]
    scale = 120 / 128  # of the image of 90 x 120 in the network's square of 128
    np.testing.assert_allclose(np.sqrt(areas), np.repeat([8, 16, 32, 64, 128], 3) * scale, rtol=1e-3)
    for x, y, width, height in boxes[:12]:  # around the middle of the image, to half a cell
        assert abs(x + 0.5 + width / 2 - 60) < 32 and abs(y + 0.5 + height / 2 - 45) < 32


def test_anchors_that_match(trace):
    gt = trace.to_image(trace.anchors[0, 4000:4001])  # one of the level of 64 px
    figure = stages.anchors(trace, gt)
    matched, background, neither = (int(word.replace(",", "")) for word in _numbers(titles(figure)[1]))
    assert matched >= 1 and matched + background + neither == 4092
    assert any(np.allclose(box, (gt[0, 1] - 0.5, gt[0, 0] - 0.5, *(gt[0, 2:] - gt[0, :2])[::-1]))
               for box in boxes_in(figure.axes[1]))  # fmt: skip


def _numbers(title):
    return [word for word in title.split() if word[0].isdigit()]


def test_proposals_before_and_after_nms(trace):
    figure = stages.proposals(trace)
    before, moved, after = figure.axes
    assert len(boxes_in(before)) == len(boxes_in(moved)) == 60
    kept = len(trace.ranked.proposals)
    assert titles(figure) == [
        "the 60 anchors of the highest RPN scores",
        "the same, moved by the RPN: 200 such boxes enter NMS",
        f"after NMS: the best {len(boxes_in(after))} of {kept} proposals",
    ]


def test_detections_and_their_masks(trace):
    count = len(trace.result["rois"])
    figure = stages.detections(trace)
    assert titles(figure)[2] == f"{count} detections after NMS, with masks"
    assert len(boxes_in(figure.axes[2])) == count > 0
    masks = stages.masks(trace)
    assert masks.get_suptitle().startswith(f"Mask head: {count} of {count} masks of 28 x 28")
    drawn = masks.axes[1].images[0].get_array()
    found = trace.outputs["mrcnn_detection"][0, 0]
    np.testing.assert_array_equal(drawn, trace.outputs["mrcnn_mask"][0, 0, :, :, int(found[4])])


def test_an_image_without_detections(eagerly, dataset):
    trace = Trace(detector(DETECTION_MIN_CONFIDENCE=1.0, BACKBONE="light"), np.zeros((90, 120, 3), np.uint8))
    if not len(trace.result["rois"]):
        assert "nothing was detected" in stages.masks(trace).axes[0].texts[0].get_text()


def test_activations_by_name(trace):
    figure = stages.activations(trace, ("fpn_p2", "fpn_p5"))
    assert len(figure.axes) == 16
    assert [title for title in titles(figure) if title] == ["fpn_p2, 32 x 32", "fpn_p5, 4 x 4"]
    with pytest.raises(ValueError, match=r"^No layer with maps is named 'fpn_p9'; the nearest are fpn_p\d, "):
        stages.activations(trace, ("fpn_p9",))
    with pytest.raises(ValueError, match="No layer with maps is named 'mrcnn_bbox'"):
        stages.activations(trace, ("mrcnn_bbox",))


def test_rois_and_their_targets(trace, dataset):
    figure = targets.rois(trace, dataset, 0)
    sampled, proposals, positive = map(int, _numbers(figure.get_suptitle()))
    assert proposals == len(trace.stages.proposals)
    assert len(boxes_in(figure.axes[0])) == sampled >= positive
    assert len(boxes_in(figure.axes[1])) == 2 * positive
    assert len(figure.axes) == 2 + min(16, positive)


def test_an_image_without_instances_has_background_alone(eagerly, trace, dataset):
    empty = Trace(trace.model, dataset.load_image(1))
    figure = targets.rois(empty, dataset, 1)
    assert "0 are positive" in figure.get_suptitle()
    assert len(figure.axes) == 2
    assert _numbers(titles(stages.anchors(empty, np.zeros((0, 4))))[1]) == ["0", "4,092", "0"]


def test_figures_become_pictures(trace):
    assert pages.encode(stages.proposals(trace))[:4] == b"\x89PNG"
