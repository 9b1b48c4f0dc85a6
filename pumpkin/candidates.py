"""Evaluate several models on the same images, to compare them."""

from dataclasses import dataclass, field
from pathlib import Path

from mrcnn.datasets import set_aside
from mrcnn.datasets.errors import DatasetError
from mrcnn.detection.tiling import Tiling
from mrcnn.evaluation import coco, outcome
from mrcnn.evaluation.outcome import Outcome
from mrcnn.evaluation.tally import Tally
from mrcnn.screen import show
from mrcnn.training import fingerprint
from mrcnn.training.run import read_facts
from mrcnn.weights.hdf5 import read_metadata
from pumpkin import models
from pumpkin.data import open_for_evaluation


@dataclass
class Candidate:
    """One of the models to compare.

    name: differs from the others'. weights: the file. config: of the weights. facts: the ingredients of its
    run, or of a file without a run its config. outcome: its Outcome, once it is evaluated.
    """

    name: str
    weights: Path
    config: object
    facts: dict = field(default_factory=dict)
    outcome: Outcome | None = None


def candidates_of(names, runs, config_file=None, settings=None):
    """Return the Candidates that ``--weights`` names. Raises the errors of models.find_weights and config_of.

    runs: the folder of runs, for "last". config_file: for weights without a config. settings: a dict of
    settings that all get.
    """
    paths = [models.find_weights(name, runs) for name in names]
    found = []
    for name, path in zip(names_of(paths), paths):
        config = models.config_of(path, config_file, DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE)
        config.update(settings or {}, source="--set")
        config.check()
        found.append(Candidate(name, path, config, _facts_of(path)))
    return found


def names_of(paths):
    """Return a name for each weights file: its run's folder, or more where these repeat."""
    for parts in (
        [path.parent.name if (path.parent / "run.json").exists() else path.stem for path in paths],
        [f"{path.parent.name}/{path.stem}" for path in paths],
        [str(path) for path in paths],
    ):
        if len(set(parts)) == len(parts):
            return parts
    return [f"{path} ({number})" for number, path in enumerate(paths, start=1)]


def _facts_of(weights):
    """Return the ingredients of the run that wrote a weights file, or its config alone."""
    if (weights.parent / "run.json").is_file():
        return read_facts(weights.parent)
    return {"config": read_metadata(weights).get("config") or {}}


def evaluate_all(candidates, split, dataset=None, images=None, limit=None, report=show, tta=None):
    """Evaluate Candidates on the same images, set their outcomes, and return the first one's Dataset.

    split, dataset, images: as for open_for_evaluation; the data of the first candidate, without a dataset.
    limit: only the first images. report: called with each line. tta: an
    Augmenting or None. Raises DatasetError if others see other
    images.
    """
    first = candidates[0]
    opened = open_for_evaluation(first.config, split, first.weights, dataset, images, report)
    keys = set_aside.keys_of(opened)
    for line in _notes_on_data(candidates, keys):
        report(line)
    for candidate in candidates:
        own = opened if candidate is first else _same_data(candidate, first, split)
        if set_aside.keys_of(own) != keys:
            raise DatasetError(
                f"{candidate.name} and {first.name} read other images of {first.config.DATASET}."
            )
        report(f"{candidate.name}:")
        model = models.open_model(candidate.weights, candidate.config)
        candidate.outcome = outcome.measure(
            model, own, own.image_ids[:limit], tiling=Tiling.of_training(candidate.config), tta=tta
        )
        scores = candidate.outcome.scores
        report(f"mask AP {scores['segm']['AP']:.3f}, box AP {scores['bbox']['AP']:.3f}")
    return opened


def _same_data(candidate, first, split):
    """Open the images of the first candidate with the classes of another one."""
    places = ("DATASET", "IMAGES", "LAYOUT", "CLASS_ATTRIBUTE")
    candidate.config.update({name: getattr(first.config, name) for name in places})
    return open_for_evaluation(candidate.config, split, first.weights, report=lambda line: None)


def _notes_on_data(candidates, keys):
    """Yield a line on each candidate that was trained on other data, or on images that it is evaluated on."""
    first = candidates[0]
    for candidate in candidates:
        choice = set_aside.Choice.read(candidate.weights.parent)
        trained = len(set(keys) & set(choice.train)) if choice else 0
        if trained:
            name = candidate.name
            yield f"{name}: was trained on {trained} of these {len(keys)} images, so its AP is too high"
        data = [one.facts.get("data", {}).get("train") for one in (first, candidate)]
        if None not in data and data[0] != data[1]:
            yield f"{candidate.name}: was trained on other images than {first.name}"


def tallies_of(candidates, report=show):
    """Return the Tally of each candidate for the classes in common. Raises DatasetError without one."""
    known = [{one.name for one in c.outcome.tally.classes if one.instances.sum()} for c in candidates]
    common = set.intersection(*known)
    if not common:
        raise DatasetError("the models have no class in common, so there is nothing to compare.")
    if any(names != common for names in known):
        report(f"Compared are the classes in common: {', '.join(sorted(common))}")
    return [
        Tally(c.outcome.tally.image_ids, tuple(one for one in c.outcome.tally.classes if one.name in common))
        for c in candidates
    ]


def differences(candidates):
    """Return {name: texts} of the epochs, settings and other ingredients in which the candidates differ."""
    epochs = [str(read_metadata(candidate.weights).get("epoch", "-")) for candidate in candidates]
    found = {"epochs": epochs} if len(set(epochs)) > 1 else {}
    return {**found, **fingerprint.table([candidate.facts for candidate in candidates])}
