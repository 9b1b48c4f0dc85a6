"""Compare models: a table with intervals, the winner if there is one, and a page."""

from dataclasses import asdict
from pathlib import Path

from mrcnn.evaluation import bootstrap
from mrcnn.evaluation.verdict import rows, table_lines, verdict
from mrcnn.files import write_json, write_text
from mrcnn.reports import comparison
from mrcnn.screen import show
from pumpkin.candidates import candidates_of, differences, evaluate_all, tallies_of
from pumpkin.config import parse_settings


def compare(args):
    """Evaluate several models on the same images, print how they compare, and write the page.

    args: of the command line, with weights, runs, config, set, class_attribute, split, dataset, images,
    limit, tta, resamples, seed and report, the folder of the page or None.
    """
    settings = parse_settings(args.set)
    if args.class_attribute is not None:
        settings["CLASS_ATTRIBUTE"] = args.class_attribute
    candidates = candidates_of(args.weights, args.runs, args.config, settings)
    dataset = evaluate_all(candidates, args.split, args.dataset, args.images, args.limit, tta=args.tta)
    tallies = tallies_of(candidates)
    result = bootstrap.compare(tallies, args.resamples, args.seed)
    names = [candidate.name for candidate in candidates]
    outcomes = [candidate.outcome for candidate in candidates]
    different = differences(candidates)
    images = len(tallies[0].image_ids)
    words = verdict(names, result, images, args.resamples, args.seed)
    table = rows(names, tallies, [outcome.threshold for outcome in outcomes], result)
    show("", *table_lines(table), "", *_difference_lines(names, different), "", words)
    if args.report is None:
        return
    folder = Path(args.report)
    facts = {"data set": candidates[0].config.DATASET, "split": args.split, "images": f"{images:,}"}
    facts.update({candidate.name: candidate.weights for candidate in candidates})
    page = comparison.write(names, outcomes, result, table, words, different, facts, dataset)
    write_text(folder / "index.html", page, durable=False)
    write_json(folder / "comparison.json", _as_json(candidates, result, different, words, args))
    show(f"The page is {folder / 'index.html'}")


def _difference_lines(names, different):
    """Yield the ingredients in which the models differ, one line a name."""
    if not different:
        yield "The models have equal settings, data and code."
    for name, values in different.items():
        yield f"{name}: {', '.join(f'{value} ({own})' for own, value in zip(names, values))}"


def _as_json(candidates, result, different, words, args):
    rows = [
        {
            "name": candidate.name,
            "weights": str(candidate.weights),
            "AP": asdict(own),
            "behind": asdict(behind),
            **candidate.outcome.scores,
            "best_f1": candidate.outcome.threshold and asdict(candidate.outcome.threshold),
        }
        for candidate, own, behind in zip(candidates, result.aps, result.behind)
    ]
    return {
        "dataset": str(candidates[0].config.DATASET),
        "split": args.split,
        "resamples": args.resamples,
        "seed": args.seed,
        "level": bootstrap.LEVEL,
        "verdict": words,
        "winner": None if result.winner is None else rows[result.winner]["name"],
        "models": rows,
        "differences": different,
    }
