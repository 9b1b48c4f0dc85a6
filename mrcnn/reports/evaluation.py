"""The page on one evaluation: how good, at which score, what is confused and lost, and the worst pictures."""

import numpy as np

from mrcnn.evaluation import coco, mistakes
from mrcnn.evaluation.fates import FATES
from mrcnn.reports import charts, pictures
from mrcnn.reports.html import join, number, page, section, table, tag

WORST = 20  # pictures
_MOST_CLASSES = 30  # in the table of confusion; with more, the most frequent confusions are listed


def write(outcome, dataset, title, facts, more=()):
    """Return the page of an Outcome as text.

    dataset: of the images. title: a text. facts: {what: value} to stand first, such as the weights' name.
    more: further sections.
    """
    return page(title, *sections(outcome, dataset, facts), *more)


def sections(outcome, dataset, facts):
    """Return the sections of the page. Arguments as of ``write``."""
    parts = [
        _summary(outcome, facts),
        _ap(outcome),
        _curves(outcome),
        _confusion(outcome),
        _clumps(outcome),
        _worst(outcome, dataset),
    ]
    return [part for part in parts if part is not None]


def cards(values):
    """Return boxes with a large value above what it is. values: {what: text}."""
    return tag("div", *(tag("div", tag("b", value), what) for what, value in values.items()), class_="cards")


def _summary(outcome, facts):
    scores, threshold = outcome.scores, outcome.threshold
    shown = {
        "mask AP": number(scores["segm"]["AP"]),
        "mask AP50": number(scores["segm"]["AP50"]),
        "box AP": number(scores["bbox"]["AP"]),
        "best F1": number(threshold and threshold.f1),
        "from this score on": number(threshold and threshold.score),
        "images": f"{scores['images']:,}",
        "instances": f"{scores['instances']:,}",
    }
    return section("Results", cards(shown), facts_table(facts))


def facts_table(facts):
    """Return a table of {what: value}."""
    return table(None, facts.items(), numbers=False)


def _ap(outcome):
    scores = outcome.scores
    by_kind = [
        (coco.KINDS[kind], *(number(scores[kind][name]) for name in coco.METRICS))
        for kind in filter(scores.get, coco.KINDS)
    ]
    explained = (
        "AP is COCO's average precision, the mean over IoU thresholds 0.50 to 0.95; AP50 and AP75 are at one "
        "threshold. APs, APm and APl are of small (under 32 x 32 pixels), medium and large (over 96 x 96) "
        "instances, AR is average recall."
    )
    return section(
        "Average precision",
        table(("", *coco.METRICS), by_kind),
        tag("p", explained, class_="quiet"),
        table(("class", "instances", "AP", "AP50", "AP75", "precision", "recall"), _class_rows(outcome)),
        tag("p", "Precision and recall are those from the smallest score of best F1 on.", class_="quiet"),
    )


def _class_rows(outcome):
    """Return a row for each class with instances: its AP, and precision and recall from the threshold on."""
    counts = mistakes.confusion(outcome.judged, outcome.ground_truth["categories"])
    rows = []
    for place, one in enumerate(outcome.tally.classes):
        wanted, precisions = int(one.instances.sum()), one.precisions()
        if precisions is None:
            continue
        right, detected = counts[place, place], counts[:, place].sum()
        ap = (precisions.mean(), precisions[0].mean(), precisions[5].mean())
        share = right / detected if detected else None
        rows.append((one.name, f"{wanted:,}", *map(number, ap), number(share), number(right / wanted)))
    return rows


def _curves(outcome):
    pooled, threshold = outcome.tally.pooled(), outcome.threshold
    drawn = [
        charts.precision_recall(outcome.tally),
        charts.by_iou(outcome.tally),
        charts.by_threshold(*pooled, threshold),
        charts.reliability(*outcome.calibration),
    ]
    return section(
        "Curves, threshold and calibration", tag("p", outcome.advice()), tag("div", *drawn, class_="charts")
    )


def _confusion(outcome):
    categories = outcome.ground_truth["categories"]
    counts = mistakes.confusion(outcome.judged, categories)
    names = [*(category["name"] for category in categories), mistakes.BACKGROUND]
    used = [place for place in range(len(names)) if counts[place].any() or counts[:, place].any()]
    if len(used) > _MOST_CLASSES:
        body = _frequent(counts, names)
    else:
        body = _matrix(counts[np.ix_(used, used)], [names[place] for place in used])
    explained = (
        "Rows are gt, columns detections, at a mask IoU of 0.5 and from the smallest score of best F1 on. "
        "The last column counts missed instances, the last row false positives; a badly outlined one counts "
        "in both."
    )
    return section("Confusion", body, tag("p", explained, class_="quiet"))


def _matrix(counts, names):
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = []
    for place, name in enumerate(names):
        cells = [
            tag("td", f"{value:,}" if value else "", style=_shade(share, column == place))
            for column, (value, share) in enumerate(zip(counts[place], shares[place]))
        ]
        rows.append((name, *cells))
    return table(("gt / detected", *names), rows)


def _shade(share, right):
    """Return the background of a cell, the stronger the larger its share of the row."""
    if not share:
        return None
    color = "64,160,64" if right else "209,73,91"
    return f"background:rgba({color},{0.08 + 0.5 * share:.2f})"


def _frequent(counts, names):
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_CLASSES]
    places = [np.unravel_index(place, wrong.shape) for place in order]
    rows = [
        (names[row], names[column], f"{wrong[row, column]:,}") for row, column in places if wrong[row, column]
    ]
    return table(("gt", "detected as", "times"), rows, numbers=False)


def _clumps(outcome):
    slices = outcome.scores.get("clumps")
    if slices is None:
        return None
    rows = []
    for row in slices:
        if row["instances"]:
            shares = [f"{100 * row['fates'][fate] / row['instances']:.1f} %" for fate in FATES]
            merged = f"{100 * row['merged'] / row['instances']:.1f} %"
            ap = number(row["AP"]), number(row["AP50"])
            rows.append((row["overlap"], f"{row['instances']:,}", *ap, *shares, merged))
    meanings = [tag("li", tag("b", name), f": {meaning}") for name, meaning in FATES.items()]
    return section(
        "Clumps, and where instances are lost",
        charts.fates(slices),
        table(("overlap", "instances", "AP", "AP50", *FATES, "merged"), rows),
        tag("ul", *meanings, class_="quiet"),
    )


def _worst(outcome, dataset):
    chosen = mistakes.worst(outcome.judged, WORST)
    if not chosen:
        return section("The worst pictures", tag("p", "No picture has a mistake."))
    names = outcome.names
    classes = sorted({names[category_id] for one in chosen for category_id in one.classes()})
    figures = [pictures.pair(dataset, one, names) for one in chosen]
    return section(
        "The worst pictures",
        tag("p", f"Those with most mistakes, at most {WORST}, from the smallest score of best F1 on."),
        pictures.legend(),
        pictures.filtered(figures, classes),
        tag("dl", *(join(tag("dt", kind), tag("dd", text)) for kind, text in mistakes.KINDS.items()),
            class_="quiet"),
    )  # fmt: skip
