"""COCO AP of a model's masks and boxes on one split of a data set."""

import argparse
import sys
from pathlib import Path

from mrcnn.startup import import_backend
from pumpkin.calls import typed
from pumpkin.packaged import CONFIG_HELP


def parse(argv):
    parser = argparse.ArgumentParser(prog=typed("evaluate"), description=__doc__)
    parser.add_argument(
        "--weights", default="last", help="last (default), coco, or the path of a weights file"
    )
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where --weights last looks (runs)")
    parser.add_argument("--dataset", metavar="DIR", help="the data set (the config's DATASET)")
    parser.add_argument("--split", default="val", help="train, val (default) or test")
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}; for weights that carry none")
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
        help="single settings, for instance DETECTION_NMS=soft_gaussian",
    )  # fmt: skip
    parser.add_argument(
        "--clumps", action="store_true",
        help="also by overlap with others of the class, and where in the network the missed ones were lost",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, metavar="N", help="measure on the first N images alone")
    parser.add_argument(
        "--min-confidence", type=float, default=0.05, metavar="X",
        help="AP looks at weak detections too, so this is low whatever the config says (0.05)",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="FILE", help="JSON of the result (evaluation_<split>.json by the weights)"
    )
    args = parser.parse_args(argv)
    if not 0 <= args.min_confidence <= 1:
        parser.error(f"--min-confidence must lie between 0 and 1, got {args.min_confidence}")
    if args.limit is not None and args.limit < 1:
        parser.error(f"--limit must be 1 or more, got {args.limit}")
    return args


def main(argv=None):
    args = parse(argv)
    import_backend()
    from mrcnn.weights.downloads import DownloadError

    try:
        evaluate(args)
    except (ValueError, OSError, DownloadError) as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 1
    return 0


def evaluate(args):
    from mrcnn.evaluation import coco, overlaps
    from mrcnn.files import write_json
    from pumpkin import models
    from pumpkin.config import parse_settings
    from pumpkin.dataset import open_dataset

    weights = models.find_weights(args.weights, args.runs)
    config = models.config_of(weights, args.config, DETECTION_MIN_CONFIDENCE=args.min_confidence)
    config.update(parse_settings(args.set), source="--set")
    config.check()
    root = args.dataset or config.DATASET
    dataset = open_dataset(config, root, args.split)
    model = models.open_model(weights, config)
    image_ids = dataset.image_ids[: args.limit]
    if args.clumps:
        scores = overlaps.evaluate(model, dataset, image_ids)
    else:
        scores = coco.evaluate(model.detect, dataset, image_ids)
    print(f"{weights.name} on {scores['images']} images with {scores['instances']} instances:")
    print(coco.format_table(scores))
    if args.clumps:
        print(overlaps.format_table(scores["clumps"]))
    out = Path(args.out) if args.out else weights.with_name(f"evaluation_{args.split}.json")
    write_json(out, {"weights": weights.name, "dataset": str(root), "split": args.split, **scores})
    print(f"Written to {out}")
