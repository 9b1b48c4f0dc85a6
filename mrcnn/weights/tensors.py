"""The weights of a model as tensors, each known by its layer's name and its own: ``conv1/kernel``."""

import re
from dataclasses import dataclass

import keras
import numpy as np

from mrcnn.modeling.layer_names import layers_of
from mrcnn.weights.hdf5 import WeightsError


@dataclass(frozen=True)
class Tensor:
    """A weight of a model. ``group`` is the outermost layer that contains it, ``layer`` the innermost."""

    group: str
    layer: str
    weight: str
    variable: keras.Variable
    owner: keras.layers.Layer

    @property
    def name(self):
        """The tensor's name, ``layer/weight``."""
        return f"{self.layer}/{self.weight}"

    @property
    def shape(self):
        """The tensor's shape as a tuple."""
        return tuple(self.variable.shape)

    def numpy(self):
        """Return a copy of the tensor's value."""
        return np.asarray(self.variable).copy()


def tensors_of(model):
    """List every weight of a model as a Tensor, in the order of its layers.

    States of random generators do not count. Raises WeightsError if two layers with weights share a name.
    """
    tensors, owners, seen = [], {}, set()
    for group, owner in [*layers_of(model), (model.name, model)]:  # the model itself may own weights
        own = [variable for variable in owner.weights if id(variable) not in seen]
        seen.update(id(variable) for variable in own)
        if own and owners.setdefault(owner.name, owner) is not owner:
            raise WeightsError(
                f"Two layers of the model are named {owner.name!r}; weights are stored by layer name, so "
                f"each layer needs a unique name."
            )
        weights = short_names([variable.path for variable in own])
        tensors += [Tensor(group, owner.name, weight, var, owner) for weight, var in zip(weights, own)]
    return tensors


def short_names(paths):
    """Shorten each path to the last parts, as few as distinguish all; renumber automatic names.

    Keras numbers unnamed variables throughout the process, as ``variable_17``; here they become
    ``variable``, ``variable_1`` of their layer.
    """
    parts = [path.split("/") for path in paths]
    automatic = [part for part in parts if re.fullmatch(r"variable(_\d+)?", part[-1], re.IGNORECASE)]
    for number, part in enumerate(automatic):
        part[-1] = f"variable_{number}" if number else "variable"
    longest = max(map(len, parts), default=1)
    for depth in range(1, longest + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names if parts else []
