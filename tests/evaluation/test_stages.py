"""The stages that are recorded are those of the network's own detection."""

import numpy as np
import pytest

from mrcnn.evaluation.stages import Trace, Watched
from tests.scenes import Rectangles
from tests.tiny import detector


@pytest.fixture(scope="module")
def model(eagerly):
    # One image a batch: several may be summed in another order, and a box be rounded otherwise.
    return detector(DETECTION_NMS_THRESHOLD=0.5, IMAGES_PER_GPU=1)


@pytest.fixture(scope="module")
def dataset():
    return Rectangles((2, 3, 0, 1), shape=(90, 120))


def test_it_detects_as_the_model_itself(model, dataset):
    images = [dataset.load_image(i) for i in dataset.image_ids]
    for ours, own in zip(Watched(model).detect(images), model.detect(images), strict=True):
        assert len(own["scores"]) > 0
        for name in ("rois", "class_ids", "masks"):
            np.testing.assert_array_equal(ours[name], own[name])
        np.testing.assert_allclose(ours["scores"], own["scores"], rtol=1e-5)


def test_detections_are_among_the_candidates(model, dataset):
    watched = Watched(model)
    (found,) = watched.detect([dataset.load_image(0)])
    (seen,) = watched.stages
    assert seen.candidates.any()
    for box, class_id in zip(found["rois"], found["class_ids"]):
        same = seen.candidates & (seen.class_ids == class_id)
        assert np.abs(seen.boxes[same] - box).max(axis=1).min() <= 0.51  # rounded to pixels
    # The tiny network's deltas are zero: boxes are proposals cut to the image, whose frame counts the far
    # edges a pixel further.
    inside = np.clip(seen.proposals, 0, [90, 120, 90, 120])
    np.testing.assert_allclose(seen.boxes, inside, atol=1)
    assert inside[:, 3].max() > 60


def test_the_kept_rois_are_the_detections(model, dataset):
    trace = Trace(model, dataset.load_image(1))
    stages = trace.stages
    assert stages.kept.sum() == len(trace.result["rois"]) > 1
    assert not (stages.kept & ~stages.candidates).any()
    np.testing.assert_allclose(np.sort(stages.scores[stages.kept])[::-1], trace.result["scores"], rtol=1e-5)
    assert trace.probabilities.shape == (len(stages.boxes), 3)
    np.testing.assert_allclose(trace.probabilities.max(axis=1), stages.scores, rtol=1e-5)


def test_proposals_are_the_best_of_the_ranked_anchors(model, dataset):
    trace = Trace(model, dataset.load_image(1))
    ranked = trace.ranked
    assert (np.diff(ranked.scores) <= 0).all()
    assert (ranked.limit, len(ranked.anchors)) == (200, trace.anchors.shape[1])
    assert ranked.proposals[0] == 0 and ranked.proposals.max() < 200
    np.testing.assert_allclose(ranked.boxes[ranked.proposals], trace.stages.proposals, atol=1e-3)
