"""The report on loading weights: the result for every tensor, as data and as a sentence."""

from dataclasses import dataclass, field

from mrcnn.modeling.network import HEADS

# The layers whose shapes depend on the class count, with their channels per class.
CLASS_HEADS = {layer: channels for head in HEADS for layer, channels in head.class_layers.items()}

_SHOWN = 6  # the number of layers that a list names; it counts the others


@dataclass(repr=False)
class Report:
    """The results for the tensors of a model (and a file): each name, ``conv1/kernel``, is in one list."""

    source: str = ""
    loaded: list = field(default_factory=list)
    not_in_file: list = field(default_factory=list)
    shape_differs: dict = field(default_factory=dict)  # name: (shape in the file, shape in the model)
    kept: list = field(default_factory=list)  # fits, but its layer or a class head does not
    excluded: list = field(default_factory=list)
    unused_in_file: list = field(default_factory=list)
    unknown_excludes: list = field(default_factory=list)  # names in ``exclude`` that no layer has
    classes: tuple | None = None  # class counts (in the file, in the model) if they differ
    by_order: bool = False  # the file names layers differently, so they were matched by order

    @property
    def total(self):
        """Return the number of the model's tensors."""
        lists = (self.loaded, self.not_in_file, self.shape_differs, self.kept, self.excluded)
        return sum(len(names) for names in lists)

    @property
    def restarted(self):
        """Return the layers in the file that keep their initial values because a shape differs."""
        return list(dict.fromkeys(_layer(name) for name in [*self.shape_differs, *self.kept]))

    def __repr__(self):
        return (
            f"<Report: loaded {len(self.loaded)} of {self.total} tensors>"  # notebooks show it after a cell
        )

    def summary(self):
        """Return one line: what was loaded, what was not and why, by layer."""
        parts = [f"loaded {len(self.loaded)} of {self.total} tensors"]
        if self.by_order:
            parts[0] += " (in their order, because the file names its layers differently)"
        if self.not_in_file:
            parts.append(f"not in file: {describe_layers(self.not_in_file)}")
        if self.shape_differs:
            parts.append(f"shape differs: {self._differences()}, so these layers keep their initial values")
        beside = [layer for layer in self.restarted if layer not in map(_layer, self.shape_differs)]
        if beside:
            parts.append(f"keep their initial values to agree with them: {_elide(beside)}")
        if self.excluded:
            parts.append(f"excluded: {describe_layers(self.excluded)}")
        if self.unknown_excludes:
            parts.append(f"excluded but no layer of the model: {', '.join(self.unknown_excludes)}")
        if self.unused_in_file:
            parts.append(f"unused in file: {describe_layers(self.unused_in_file)}")
        return "; ".join(parts)

    def _differences(self):
        layers = {}
        for name, shapes in self.shape_differs.items():
            layers.setdefault(_layer(name), (name, *shapes))
        return _elide([f"{layer} ({self._difference(*case)})" for layer, case in layers.items()])

    def _difference(self, name, in_file, in_model):
        if self.classes and _layer(name) in CLASS_HEADS:
            return f"file: {self.classes[0]} classes, model: {self.classes[1]}"
        weight = name.split("/", 1)[1]
        return f"{weight} in file: {_shape(in_file)}, model: {_shape(in_model)}"


def describe_layers(names):
    """List the layers of tensor names in order, cut after a few: "conv1, bn_conv1 and 12 more layers"."""
    return _elide(list(dict.fromkeys(_layer(name) for name in names)))


def _elide(texts):
    if len(texts) <= _SHOWN + 1:  # naming the last layer is no longer than counting it
        return ", ".join(texts)
    return f"{', '.join(texts[:_SHOWN])} and {len(texts) - _SHOWN} more layers"


def _layer(name):
    return name.split("/", 1)[0]


def _shape(shape):
    return "x".join(map(str, shape)) or "a number"
