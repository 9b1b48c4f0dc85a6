"""Draw what a network does with an image, what its weights are, and how it learns, into files."""

import copy
import csv
import io
from pathlib import Path

from mrcnn.datasets.errors import DatasetError
from mrcnn.evaluation.stages import Trace
from mrcnn.files import write_text
from mrcnn.inspection import learning, stages, targets, weights
from mrcnn.model import MaskRCNN
from mrcnn.pipeline.loader import Loader
from mrcnn.pipeline.loading import load_example
from mrcnn.pipeline.masks import extract_bboxes
from mrcnn.training.run import read_facts
from mrcnn.visualize import save_figure
from mrcnn.weights import named


class Pages:
    """Writes figures as PNG files of a folder, and keeps them in ``figures``, {path: Figure}."""

    def __init__(self, folder):
        self.folder, self.figures = Path(folder), {}

    def add(self, name, figure):
        """Write a Figure."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{name}.png"
        save_figure(figure, path)
        self.figures[path] = figure


def draw_image(pages, model, image, layers, example=None):
    """Draw the stages of an image. layers: of activations. example: (Dataset, image id) that it is of.

    Raises ValueError for a layer that has no maps.
    """
    trace = Trace(model, image)
    activations = stages.activations(trace, layers)  # the one that may fail
    boxes = None
    if example is not None:
        _, masks, class_ids = load_example(*example)
        boxes = extract_bboxes(masks[:, :, class_ids > 0])
        pages.add("rois", targets.rois(trace, *example))
    pages.add("anchors", stages.anchors(trace, boxes))
    pages.add("proposals", stages.proposals(trace))
    pages.add("detections", stages.detections(trace))
    pages.add("masks", stages.masks(trace))
    pages.add("activations", activations)


def find_image(dataset, name):
    """Return the id of an image of a data set. name: its number from 0, or its file's name or stem.

    Raises DatasetError.
    """
    if name.isdecimal() and int(name) < len(dataset.image_ids):
        return int(name)
    for image_id in dataset.image_ids:
        path = Path(str(dataset.image_info[image_id].get("path") or dataset.image_info[image_id]["id"]))
        if name in (path.name, path.stem):
            return int(image_id)
    raise DatasetError(
        f"There is no image {name!r} among {len(dataset.image_ids)}: give a file's name, or a number from 0."
    )


def draw_weights(pages, keras_model):
    """Draw histograms of the kernels, and write weights.csv: a row for each weight; return its path."""
    for number, page in enumerate(weights.histograms(keras_model), start=1):
        pages.add(f"weights_{number}", page)
    out = io.StringIO(newline="")
    found = weights.statistics(keras_model)
    csv.writer(out, lineterminator="\n").writerows([weights.COLUMNS, *(one.row() for one in found)])
    path = pages.folder / "weights.csv"
    write_text(path, out.getvalue(), durable=False)
    return path


def draw_change(pages, keras_model, old, since):
    """Draw how far each layer's weights are from earlier ones. old: those by name. since: what they are."""
    found = learning.changes(old, learning.arrays_of(keras_model))
    pages.add("learning", learning.bars(found, f"Change of the weights since {since}", "norm of the change"))


def earlier_weights(config, weights_path, since):
    """Return earlier weights of a network by name, and what they are; None if there are none to compare to.

    since: the path of a weights file. Without it, a run that began with random weights is compared to those,
    which its seed determines.
    """
    if since is not None:
        return named.read(since, []), Path(since).name
    folder = Path(weights_path).parent
    if not (folder / "run.json").exists():
        return None
    start = read_facts(folder).get("weights")
    if not isinstance(start, dict) or start.get("name") != "none":
        return None
    return learning.arrays_of(MaskRCNN("inference", config, "runs").keras_model), "the start of the run"


def draw_gradients(pages, model, dataset, images):
    """Draw the gradients of one batch of a data set, without augmentation. images: of the batch."""
    config = copy.copy(model.config)
    config.update({"IMAGES_PER_GPU": images})
    trained = MaskRCNN("training", config, "runs")
    trained.take_weights(model)
    batch = Loader(dataset, config, steps=1).batch(0)
    title = f"Gradients of a batch of {len(batch['input_image'])} images"
    found = learning.gradients(trained.keras_model, batch)
    pages.add("gradients", learning.bars(found, title, "norm of the gradient"))
