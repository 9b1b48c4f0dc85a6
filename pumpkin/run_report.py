"""The page that a training writes when it ends, report.html in the run's folder."""

from pathlib import Path

from mrcnn.datasets import check
from mrcnn.datasets.preview import seen_in_training
from mrcnn.datasets.spread import evenly
from mrcnn.detection.tiling import Tiling
from mrcnn.evaluation import coco, outcome
from mrcnn.files import write_text
from mrcnn.reports import evaluation, training
from mrcnn.reports.html import page, section, tag
from mrcnn.training.curves import columns_of
from mrcnn.training.metrics import read_metrics
from mrcnn.training.run import checkpoints, read_facts, weights_in
from mrcnn.weights import best_score
from pumpkin import models
from pumpkin.config import PumpkinConfig

FILE = "report.html"
IMAGES = 100  # validation images of the evaluation
_SAMPLES = 12  # images that show the augmentation


def about(folder):
    """Return the sections on the run in a folder: curves and settings. Raises RunError and ConfigError."""
    rows = read_metrics(Path(folder) / "metrics.csv")
    config = PumpkinConfig.from_yaml(Path(folder) / "config.yaml")
    return [*([training.curves(columns_of(rows))] if rows else []), training.settings(config)]


def write(folder, config, splits, skip_bad=False, found=None, progress=True):
    """Evaluate a finished run, and write its page and the scores of best F1 of its weights; return the path.

    folder: the run's. config: of the run. splits: {"train": Dataset, "val": Dataset or None}. found: the
    Report of the data check, if there was one. The run's other files do not change.
    Raises ImageError, RunError, WeightsError, and OSError for a page that cannot be written.
    """
    folder = Path(folder)
    weights = weights_in(folder)
    known = {name: dataset for name, dataset in splits.items() if dataset is not None}
    found = found or check.check(known, config, skip_bad, progress=False)
    evaluated = _evaluated(weights, known.get("val"), config, skip_bad, progress)
    pictures = seen_in_training(splits["train"], config, _SAMPLES, skip_bad)
    text = page(
        f"Training {folder.name}",
        _facts(folder, weights),
        *about(folder),
        training.data_check(found.lines()),
        training.augmentation(pictures),
        *evaluated,
    )
    path = folder / FILE
    write_text(path, text, durable=False)
    return path


def _facts(folder, weights):
    facts = read_facts(folder)
    rows = {
        "weights": weights.name,
        "begun": facts.get("started", ""),
        "initial weights": facts.get("weights", {}).get("name", ""),
        "seed": facts.get("seed", ""),
        "fingerprint": facts.get("fingerprint", ""),
        "command": " ".join(map(str, facts.get("command", ()))),
    }
    return evaluation.facts_table(rows)


def _evaluated(weights, dataset, config, skip_bad, progress):
    """Return the sections of the evaluation, or one that says why there is none; write the BestScores."""
    if dataset is None:
        return [section("Evaluation", tag("p", "There are no validation images."))]
    image_ids = evenly(list(dataset.image_ids), IMAGES)
    if skip_bad:
        image_ids = coco.readable(dataset, image_ids)
    try:
        result = _measured(weights, dataset, config, image_ids, progress, watch=True)
        last = max(checkpoints(weights.parent).items())[1]
        if last != weights:  # detection takes either
            _measured(last, dataset, config, image_ids, progress)
    except coco.EvaluationError as error:
        return [section("Evaluation", tag("p", str(error)))]
    facts = {
        "data set": config.DATASET,
        "split": "val",
        "images": f"{len(image_ids)} of {len(dataset.image_ids)}",
    }
    return evaluation.sections(result, dataset, facts)


def _measured(weights, dataset, config, image_ids, progress, watch=False):
    """Return the Outcome of a checkpoint, and write its BestScore.

    watch: as of outcome.measure; a network of tiles is not watched.
    """
    own = models.config_of(weights, DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE)
    model, tiling = models.open_model(weights, own), Tiling.of_training(own)
    result = outcome.measure(model, dataset, image_ids, progress, tiling, watch and tiling is None)
    if result.threshold is not None:
        best = best_score.BestScore(
            result.threshold.score, result.threshold.f1, "val", str(config.DATASET), len(image_ids)
        )
        best_score.write(weights, best)
    return result
