"""Statistics of a network's weights, as a table and as histograms: matterport's notebook inspect_weights."""

from dataclasses import dataclass

import numpy as np

from mrcnn.inspection.pages import panels
from mrcnn.modeling.layer_names import leaf_layers

COLUMNS = ("weight", "shape", "min", "max", "mean", "std", "note")
_PAGE, _ROW = 48, 8  # histograms in a figure, and in its row
_BINS = 60


@dataclass(frozen=True)
class Statistics:
    """Statistics of one weight. name: ``layer/weight``. shape: its sides. dead: see ``is_dead``."""

    name: str
    shape: tuple
    min: float
    max: float
    mean: float
    std: float
    dead: bool

    @classmethod
    def of(cls, name, values):
        """Return the Statistics of an array."""
        numbers = (float(x) for x in (values.min(), values.max(), values.mean(), values.std()))
        return cls(name, values.shape, *numbers, is_dead(name, values))

    def row(self):
        """Return the row of COLUMNS, as text."""
        numbers = (f"{x:.6g}" for x in (self.min, self.max, self.mean, self.std))
        return (self.name, " x ".join(map(str, self.shape)), *numbers, "dead?" if self.dead else "")


def weights_of(keras_model):
    """Yield (``layer/weight``, array) for each float32 weight of a Keras model, in its order."""
    for name, layer in leaf_layers(keras_model).items():
        for weight in layer.weights:
            if weight.dtype == "float32":
                yield f"{name}/{weight.name}", np.asarray(weight)


def is_dead(name, values):
    """Return whether all values of a weight are equal, which training gives to biases and betas alone."""
    return bool(values.max() == values.min()) and "bias" not in name and "beta" not in name


def statistics(keras_model):
    """Return the Statistics of each weight of a Keras model."""
    return [Statistics.of(name, values) for name, values in weights_of(keras_model)]


def histograms(keras_model):
    """Draw a histogram of each kernel of a Keras model; return Figures of up to 48 kernels."""
    kernels = [(name, values) for name, values in weights_of(keras_model) if "kernel" in name]
    pages = [kernels[start : start + _PAGE] for start in range(0, len(kernels), _PAGE)]
    return [_page(page, number, len(pages)) for number, page in enumerate(pages, start=1)]


def _page(kernels, number, count):
    figure, axes = panels(
        len(kernels), _ROW, width=1600, aspect=0.7, title=f"Kernels, page {number} of {count}"
    )
    for ax, (name, values) in zip(axes, kernels):
        ax.hist(values.ravel(), bins=_BINS, color="#0072b2")
        ax.set_title(f"{name.removesuffix('/kernel')}\nstd {values.std():.3g}", fontsize=7)
        ax.set(yticks=[])
        ax.tick_params(labelsize=6)
        ax.locator_params(axis="x", nbins=4)
    return figure
