"""How a network learns, layer by layer: the gradients of one batch, and the change between checkpoints."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from mrcnn.inspection.pages import panels
from mrcnn.weights import named

_LAYER_HEIGHT = 14  # pixels of a layer's bar


@dataclass(frozen=True)
class Learning:
    """How large a layer's weights are, and a step or change of them: norms over all its weights.

    layer: its name. weights: the Euclidean norm of its weights. change: that of the gradient or difference.
    """

    layer: str
    weights: float
    change: float

    @property
    def share(self):
        """The change as a share of the weights; 0 if both are."""
        return self.change / self.weights if self.weights else 0.0


def gradients(keras_model, batch):
    """Compute the gradients of the training loss for one batch; return a Learning for each trained layer.

    keras_model: of a MaskRCNN for training; its weights stay as they are, its optimiser is replaced. batch:
    its inputs by name, as Loader.batch returns them. The gradients are those before clipping.
    """
    # Keras has no function for gradients that all backends share, but SGD's first momentum is the gradient.
    optimizer = keras.optimizers.SGD(learning_rate=1.0, momentum=0.5)
    keras_model.compile(optimizer=optimizer)
    optimizer.build(keras_model.trainable_variables)
    before = [(variable, ops.convert_to_numpy(variable).copy()) for variable in keras_model.variables]
    keras_model.train_on_batch(batch)
    for variable, value in before:
        variable.assign(value)
    pairs = zip(keras_model.trainable_variables, optimizer.momentums)
    found = {variable.path: -ops.convert_to_numpy(momentum) for variable, momentum in pairs}
    return _by_layer(
        (tensor.layer, tensor.numpy(), found[tensor.variable.path])
        for tensor in named.tensors_of(keras_model)
        if tensor.variable.path in found
    )


def changes(old, new):
    """Compare the weights of one network at two times; return a Learning for each layer that both have.

    old, new: arrays by ``layer/weight``, as of ``arrays_of`` or weights.named.read. The moving statistics of
    batch norm are left out: they follow the activations and are not learnt.
    """
    names = [name for name in new if name in old and old[name].shape == new[name].shape]
    names = [name for name in names if not name.endswith(("/moving_mean", "/moving_variance"))]
    return _by_layer((name.rpartition("/")[0], old[name], new[name] - old[name]) for name in names)


def arrays_of(keras_model):
    """Return copies of the weights of a Keras model by ``layer/weight``."""
    return {tensor.name: tensor.numpy() for tensor in named.tensors_of(keras_model)}


def _by_layer(parts):
    """Return the Learning of each layer. parts: (layer, weight, change of it) of each weight."""
    sums = {}
    for layer, weights, change in parts:
        total = sums.setdefault(layer, np.zeros(2))
        total += [np.square(x, dtype=np.float64).sum() for x in (weights, change)]
    return [Learning(layer, *np.sqrt(total).tolist()) for layer, total in sums.items()]


def bars(found, title, label):
    """Draw the Learning of each layer as bars on logarithmic scales; return a Figure.

    title: of the Figure. label: what ``change`` is.
    """
    height = max(200, _LAYER_HEIGHT * len(found))
    figure, axes = panels(2, 2, width=1200, aspect=height / 600, title=title)
    places = np.arange(len(found))
    for ax, values, name in (
        (axes[0], [one.change for one in found], label),
        (axes[1], [one.share for one in found], f"{label}, as a share of the weights"),
    ):
        ax.barh(places, values, color="#0072b2")
        ax.set(ylim=(len(found) - 0.5, -0.5), xscale="log" if any(values) else "linear")
        ax.xaxis.set_major_formatter("{x:g}")  # not powers of ten, which need fonts for formulas
        ax.xaxis.set_minor_formatter("")
        ax.set_title(name, fontsize=10)
        ax.set_yticks(places, [one.layer for one in found], fontsize=7)
        ax.grid(axis="x", alpha=0.3)
    axes[1].set_yticklabels([])
    return figure
