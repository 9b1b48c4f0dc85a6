"""Compare the explanation of each missed instance of a data set to the clump report.

python -m benchmarks.explained --weights RUN --dataset data/pumpkin --split test --min-confidence 0.5
"""

import argparse
from collections import Counter

import mrcnn
from mrcnn.evaluation import coco, overlaps
from mrcnn.evaluation.stages import Watched
from mrcnn.inspection.explanation import explain_instances
from pumpkin.dataset import PumpkinDataset


def main():
    """Print the numbers of missed instances, of equal fates, and of each reason."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="last")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--limit", type=int, help="use the first images only")
    parser.add_argument("--min-confidence", type=float, default=coco.MIN_CONFIDENCE)
    args = parser.parse_args()
    model = mrcnn.load(args.weights, DETECTION_MIN_CONFIDENCE=args.min_confidence).model
    dataset = PumpkinDataset()
    dataset.load_pumpkins(args.dataset, args.split)
    dataset.prepare()
    image_ids = dataset.image_ids[: args.limit]
    watched = Watched(model)
    ground_truth, results = coco.detect_all(watched.detect, dataset, image_ids)
    reported = [row["fate"] for row in overlaps.rows_of(ground_truth, results, watched.stages)]
    explained = [e for i in image_ids for e in explain_instances(model, dataset, i, missed_only=False)]
    missed = [(fate, e) for fate, e in zip(reported, explained, strict=True) if fate != "found"]
    equal = sum(fate == e.fate for fate, e in missed)
    found = sum(e.fate == "found" for e in explained)
    print(
        f"{len(reported)} instances, {len(missed)} missed by the report, {len(explained) - found} explained"
    )
    print(f"equal fates: {equal} of {len(missed)}")
    for (fate, reason), count in Counter((e.fate, e.reason) for _, e in missed).most_common():
        print(f"{count:6}  {fate:12} {reason}")


if __name__ == "__main__":
    main()
