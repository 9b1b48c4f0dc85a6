"""Inspect a network: find tensors by matterport's names, and compute their values for given images.

B: images, K: candidates for proposals, N: proposals.
"""

from collections import OrderedDict

import keras
from keras import ops

from mrcnn.keras_internals import operation_of, upstream
from mrcnn.modeling.rpn import ProposalLayer


def ancestor(tensor, name):
    """Find a tensor by name among those from which a symbolic tensor is computed, or return None.

    name: a layer's, as in "ROI" or "fpn_p2:0", or that of a step in it: "ROI/pre_nms_anchors:0",
    "ROI/refined_anchors:0", "ROI/refined_anchors_clipped:0", "ROI/rpn_non_max_suppression:0". Programs for
    TensorFlow 1 request other steps too; a network on Keras 3 has no tensors with those names.
    """
    layer_name, _, step = name.removesuffix(":0").partition("/")
    for found in upstream(tensor):
        operation = operation_of(found)
        if name == found.name or (operation.name == layer_name and not step):
            return found
        if operation.name == layer_name and isinstance(operation, ProposalLayer):
            return _proposal_steps(operation).get(step.split("/")[0])
    return None


def _proposal_steps(layer):
    """Return the tensors between a ProposalLayer's input and output, under matterport's names."""
    return dict(zip(_ProposalSteps.names, _ProposalSteps(layer)(layer.input)))


@keras.saving.register_keras_serializable("mrcnn")
class _ProposalSteps(keras.layers.Layer):
    """The steps of a ProposalLayer: anchors, boxes and clipped boxes, each [B, K, 4], and index [N].

    index: the proposals of the first image among its K clipped boxes; unused entries repeat the best one.
    """

    names = ("pre_nms_anchors", "refined_anchors", "refined_anchors_clipped", "rpn_non_max_suppression")

    def __init__(self, layer, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.layer = layer

    def build(self, input_shape):
        if not self.layer.built:
            self.layer.build(input_shape)

    def call(self, inputs):
        scores, *boxes = self.layer.candidates(inputs)
        index, keep = self.layer.suppress(boxes[-1], scores)
        return (*boxes, ops.where(keep, index, index[:, :1])[0])

    def compute_output_spec(self, inputs):
        batch, anchors = inputs[0].shape[:2]
        limit = self.layer.pre_nms_limit if anchors is None else min(self.layer.pre_nms_limit, anchors)
        boxes = [keras.KerasTensor((batch, limit, 4), dtype="float32") for _ in range(3)]
        return (*boxes, keras.KerasTensor((self.layer.proposal_count,), dtype="int32"))

    def get_config(self):
        return {**super().get_config(), "layer": self.layer.get_config()}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "layer": ProposalLayer.from_config(config["layer"])})


def run_graph(keras_model, inputs, outputs):
    """Compute the values of tensors of a model; return an OrderedDict of arrays by name.

    inputs: the model's input arrays. outputs: pairs of a name and a symbolic tensor. Pairs whose tensor is
    None, as ``ancestor`` may return, are skipped with a message. Raises ValueError if no pair is left.
    """
    tensors = OrderedDict((name, tensor) for name, tensor in outputs if tensor is not None)
    for name, tensor in outputs:
        if tensor is None:
            print(f"run_graph: {name} is left out, for this network has no tensor of that name")
    if not tensors:
        raise ValueError("run_graph: no tensor was requested.")
    arrays = keras.Model(keras_model.inputs, list(tensors.values())).predict_on_batch(inputs)
    return OrderedDict(zip(tensors, arrays if len(tensors) > 1 else [arrays]))
