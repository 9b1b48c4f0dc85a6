"""Tensors found in a network and their values."""

import numpy as np
import pytest

from mrcnn import utils
from tests.tiny import detector, picture


@pytest.fixture(scope="module")
def model(eagerly):
    return detector()


def layer_output(model, name):
    return model.keras_model.get_layer(name).output


def test_the_steps_of_the_proposals_lead_to_them(model):
    pillar = layer_output(model, "ROI")
    names = ("pre_nms_anchors", "refined_anchors", "refined_anchors_clipped", "rpn_non_max_suppression")
    tensors = [(name, model.ancestor(pillar, f"ROI/{name}:0")) for name in names]
    found = model.run_graph([picture(128, 128)], [*tensors, ("ROI", pillar), ("again", pillar)])
    assert list(found) == [*names, "ROI", "again"]
    anchors, refined, clipped, index = (found[name] for name in names)
    assert anchors.shape == refined.shape == clipped.shape == (1, 200, 4)
    # They come by score; this network moves no anchor, and knows each as one of the image's.
    np.testing.assert_allclose(refined, anchors, atol=1e-6)
    np.testing.assert_allclose(clipped, anchors.clip(0, 1), atol=1e-6)
    known = {tuple(row) for row in np.round(model.anchors, 2)}
    assert {tuple(row) for row in np.round(utils.denorm_boxes(anchors[0], (128, 128)), 2)} <= {
        tuple(np.round(row)) for row in known
    }
    proposals = found["ROI"][0]
    count = np.any(proposals, axis=1).sum()
    assert 0 < count <= 30
    np.testing.assert_array_equal(clipped[0, index[:count]], proposals[:count])
    np.testing.assert_array_equal(found["again"], found["ROI"])


def test_layers_are_found_by_their_names_and_nothing_by_others(model):
    pillar = layer_output(model, "mrcnn_mask")
    assert model.ancestor(pillar, "fpn_p2:0") is layer_output(model, "fpn_p2")
    assert model.ancestor(pillar, "mrcnn_mask") is pillar
    assert model.ancestor(pillar, layer_output(model, "mrcnn_detection").name) is layer_output(
        model, "mrcnn_detection"
    )
    for name in ("fpn_p2/BiasAdd:0", "ROI/TopKV2:0", "no_such_layer:0"):
        assert model.ancestor(pillar, name) is None
    assert model.ancestor(layer_output(model, "fpn_p5"), "ROI") is None


def test_what_is_not_there_is_told_and_left_out(model, capsys):
    found = model.run_graph(
        [picture(128, 128)], [("gone", None), ("image", layer_output(model, "input_image"))]
    )
    assert list(found) == ["image"]
    said = capsys.readouterr().out
    assert "run_graph: gone is left out" in said and "shape: (1, 128, 128, 3)" in said
    with pytest.raises(ValueError, match="no tensor"):
        model.run_graph([picture(128, 128)], [("gone", None)])


def test_molded_images_are_taken_with_their_metas(model):
    image = picture(100, 120)
    output = [("detections", layer_output(model, "mrcnn_detection"))]
    molded, metas, _ = model.mold_inputs([image])
    given = model.run_graph(np.stack(molded), output, image_metas=np.stack(metas))
    np.testing.assert_array_equal(given["detections"], model.run_graph([image], output)["detections"])
    assert given["detections"][0, 0, 5] > 0


def test_layers_with_weights(model):
    layers = model.get_trainable_layers()
    assert all(layer.weights for layer in layers)
    names = [layer.name for layer in layers]
    assert "rpn_model" in names and "mrcnn_mask" in names and "ROI" not in names
    assert model.find_trainable_layer(layers[0]) is layers[0]
