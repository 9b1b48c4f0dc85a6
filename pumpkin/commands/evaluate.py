"""Measure COCO AP of a model's masks and boxes on one split of a data set, and write a page on it."""

import dataclasses
import itertools
from pathlib import Path

from mrcnn import startup
from mrcnn.screen import show
from mrcnn.weights.downloads import DownloadError
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.options import (
    Parser,
    add_comparison_options,
    add_data_options,
    add_set_option,
    add_tile_options,
    add_tta_option,
    augmenting_of,
    tiling_of,
    trained_tiling,
)
from pumpkin.packaged import CONFIG_HELP


def parse(argv):
    """Parse the command line\'s arguments."""
    parser = Parser(prog=typed("evaluate"), description=__doc__)
    parser.add_argument(
        "--weights", nargs="+", default=["last"],
        help="last (default), coco, or the path of a weights file or of a run's folder, whose best weights "
        "are used; several are compared",
    )  # fmt: skip
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where --weights last searches (runs)")
    add_data_options(parser)
    parser.add_argument("--split", default="val", help="train, val (default) or test")
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}; for weights without a config")
    add_set_option(parser, "single settings, for instance DETECTION_NMS=soft_gaussian")
    parser.add_argument(
        "--clumps", action="store_true",
        help="also report AP by overlap within the class, and where the network loses missed instances",
    )  # fmt: skip
    parser.add_argument(
        "--report", metavar="DIR",
        help="also write DIR/index.html: tables, charts and the worst pictures in one file for any browser",
    )  # fmt: skip
    parser.add_argument(
        "--explain", metavar="DIR",
        help="write a picture and a table of the missed instances, with the reason for each, to a new folder",
    )  # fmt: skip
    add_tile_options(parser)
    add_tta_option(parser)
    parser.add_argument("--limit", type=int, metavar="N", help="use only the first N images")
    parser.add_argument(
        "--min-confidence", type=float, metavar="X",
        help="smallest score; the default is low whatever the config says: AP counts weak detections",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="FILE",
        help="JSON file for the result (evaluation_<split>.json beside the weights, or "
        "evaluation_<data set>_<split>.json if that one holds the result of other data)",
    )  # fmt: skip
    add_comparison_options(parser)
    args = parser.parse_args(argv)
    if args.min_confidence is not None and not 0 <= args.min_confidence <= 1:
        parser.error(f"--min-confidence must lie between 0 and 1, got {args.min_confidence}")
    if args.limit is not None and args.limit < 1:
        parser.error(f"--limit must be 1 or more, got {args.limit}")
    args.tiling, args.tta = tiling_of(args, parser), augmenting_of(args, parser)
    views = ("tile", args.tiling), ("tta", args.tta)
    for option, (other, value) in itertools.product(("clumps", "explain"), views):
        if getattr(args, option) and value:
            parser.error(f"--{option} follows the network through whole images: leave out --{other}")
    for name in ("clumps", "explain", "out", "min_confidence", "tile"):
        if len(args.weights) > 1 and getattr(args, name):
            parser.error(
                f"--{name.replace('_', '-')} is for one model, but --weights names {len(args.weights)}"
            )
    if args.report is not None and Path(args.report).is_file():
        parser.error(f"--report must be a folder, but {args.report} is a file")
    return args


def main(argv=None):
    """Run the command and return its exit status."""
    return ending.run("evaluate", lambda: evaluate(parse(argv)), (DownloadError,))


def evaluate(args):
    """Evaluate on the split, print the result and write it to a file; compare several models."""
    startup.start()
    if len(args.weights) > 1:
        from pumpkin.compare import compare

        compare(args)
    else:
        _evaluate(args)


def _evaluate(args):
    from mrcnn.datasets.convert import require_new
    from mrcnn.evaluation import coco, outcome, overlaps
    from pumpkin import models
    from pumpkin.data import open_for_evaluation
    from pumpkin.explain import explain_split

    if args.explain is not None:
        require_new(Path(args.explain))
    weights = models.find_weights(args.weights[0], args.runs)
    confidence = coco.MIN_CONFIDENCE if args.min_confidence is None else args.min_confidence
    config = models.config_given(args, weights, DETECTION_MIN_CONFIDENCE=confidence)
    dataset = open_for_evaluation(config, args.split, weights, args.dataset, args.images)
    tta = args.tta.lower(config) if args.tta else None
    model = models.open_model(weights, config)
    if not (args.clumps or args.explain is not None):  # which follow the network through whole images
        args.tiling = trained_tiling(args, config)
    found = outcome.measure(
        model, dataset, dataset.image_ids[: args.limit], tiling=args.tiling,
        watch=args.clumps or not (args.report is None or args.tiling or tta), least=confidence, tta=tta,
    )  # fmt: skip
    scores = found.scores
    show(f"{weights.name} on {scores['images']} images with {scores['instances']} instances:")
    show(*coco.table_lines(scores))
    if args.clumps:
        show(*overlaps.table_lines(scores["clumps"]))
    show(found.advice())
    if args.explain is not None:
        explain_split(model, dataset, dataset.image_ids[: args.limit], args.explain)
    _write(args, found, dataset, weights, config)


def _write(args, found, dataset, weights, config):
    """Write the JSON file of an Outcome, and the page if one is asked for."""
    from mrcnn.files import write_json, write_text

    out = Path(args.out) if args.out else _result_file(weights, config.DATASET, args.split)
    views = dataclasses.asdict(args.tiling) if args.tiling else {}
    if args.tta:
        views["tta"] = str(args.tta)
    data = {"dataset": str(config.DATASET), "split": args.split}
    write_json(out, {"weights": weights.name, **data, **views, **found.facts()})
    show(f"Written to {out}", *_keep_best_score(args, found, weights, config))
    if args.report is None:
        return
    from mrcnn.reports import evaluation as report

    facts = {"weights": weights, "data set": config.DATASET, "split": args.split}
    if args.tiling:
        facts["tiles"] = f"{args.tiling.tile}, overlap {args.tiling.overlap:g}"
    if args.tta:
        facts["views"] = str(args.tta)
    page, title = Path(args.report) / "index.html", f"{weights.stem} on {args.split}"
    write_text(page, report.write(found, dataset, title, facts, _about_run(weights)), durable=False)
    show(f"The page is {page}")


def _about_run(weights):
    """Return the sections on the run that the weights lie in, or none."""
    if not all((weights.parent / name).is_file() for name in ("run.json", "config.yaml")):
        return []
    from pumpkin.run_report import about

    return about(weights.parent)


def _keep_best_score(args, found, weights, config):
    """Write the score of best F1 beside the weights, for detection, and return a line on it; or none."""
    from mrcnn.weights import best_score
    from mrcnn.weights.contents import dataset_of

    trained = dataset_of(weights)
    changed = args.set, args.config, args.tile, args.tta, args.limit
    usual = args.min_confidence is None and not any(changed)
    if found.threshold is None or args.split != "val" or not usual or trained is None:
        return []
    if Path(trained).resolve() != Path(config.DATASET).resolve():
        return []
    best = best_score.BestScore(
        found.threshold.score, found.threshold.f1, args.split, str(config.DATASET), found.scores["images"]
    )
    return [f"detect takes the score of best F1 from {best_score.write(weights, best)}"]


def _result_file(weights, dataset, split):
    """Return the JSON file beside the weights; the result of other data that is there already is kept."""
    path = weights.with_name(f"evaluation_{split}.json")
    if path.exists() and _dataset_in(path) != Path(dataset).resolve():
        return weights.with_name(f"evaluation_{Path(dataset).resolve().stem}_{split}.json")
    return path


def _dataset_in(path):
    """Return the data set of an earlier result, or None if the file does not say."""
    from mrcnn.files import FileError, read_json

    try:
        return Path(read_json(path)["dataset"]).resolve()
    except (FileError, KeyError, TypeError, ValueError):
        return None
