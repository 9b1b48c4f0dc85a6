"""The page on a comparison of models: results with intervals, what differs, and where they disagree."""

from mrcnn.evaluation.mistakes import FALSE, FOUND
from mrcnn.evaluation.verdict import HEAD
from mrcnn.reports import charts, pictures
from mrcnn.reports.html import page, section, table, tag

PICTURES = 20


def write(names, outcomes, result, rows, verdict, different, facts, dataset):
    """Return the page as text.

    names, outcomes: of the models; these have the same images. result: of bootstrap.compare. rows, verdict:
    the table and the sentence on it, of evaluation.verdict. different: {ingredient: texts, one a model}.
    facts: {what: value}. dataset: of the images.
    """
    return page(
        "Comparison of " + ", ".join(names),
        tag("p", tag("b", verdict)),
        table(None, facts.items(), numbers=False),
        section(
            "Results",
            table(HEAD, rows),
            charts.intervals(names, result),
            tag("p", _ABOUT, class_="quiet"),
        ),
        _by_class(names, outcomes),
        _differences(names, different),
        _pictures(names, outcomes, dataset),
    )


_ABOUT = (
    "Images are drawn with replacement, the same draws for all models, and AP is computed from them; an "
    "interval holds what most draws give. The difference is that from the best model: it is no chance where "
    "its interval excludes zero."
)


def _by_class(names, outcomes):
    found = [{one.name: one for one in outcome.tally.classes} for outcome in outcomes]
    classes = [name for name, one in found[0].items() if one.instances.sum()]
    if len(classes) < 2:
        return None
    body = [
        (name, f"{found[0][name].instances.sum():,}", *(_ap(own.get(name)) for own in found))
        for name in classes
    ]
    return section("Mask AP by class", table(("class", "instances", *names), body))


def _ap(one):
    precisions = None if one is None else one.precisions()
    return "\N{EN DASH}" if precisions is None else f"{precisions.mean():.3f}"


def _differences(names, different):
    if not different:
        return section("What differs", tag("p", "The models have equal settings, data and code."))
    return section(
        "What differs", table(("", *names), [(k, *v) for k, v in different.items()], numbers=False)
    )


def disagreement(judged):
    """Return how much models disagree on an image: instances that some find and some do not, and false ones.

    judged: the Judged of the image by each model. False positives count by the difference between most and
    fewest.
    """
    found = [
        {truth["segmentation"]["counts"] for truth, kind in zip(one.truths, one.kinds) if kind == FOUND}
        for one in judged
    ]
    false = [one.verdicts.count(FALSE) for one in judged]
    return len(set.union(*found) - set.intersection(*found)) + max(false) - min(false)


def _pictures(names, outcomes, dataset):
    by_image = list(zip(*(outcome.judged for outcome in outcomes)))
    ranked = sorted(by_image, key=lambda judged: (-disagreement(judged), judged[0].image_id))
    chosen = [judged for judged in ranked if disagreement(judged)][:PICTURES]
    if not chosen:
        return section("Where they disagree", tag("p", "The models agree on every picture."))
    return section(
        "Where they disagree",
        tag("p", f"At most {PICTURES} pictures with instances that some models find and others do not, or "
            "with more false positives. Each model is shown from its own score of best F1 on."),
        pictures.legend(),
        tag("div", *(_row(names, outcomes, judged, dataset) for judged in chosen), class_="pictures"),
    )  # fmt: skip


def _row(names, outcomes, judged, dataset):
    """Return a figure of gt and each model's detections in one image."""
    image_id = judged[0].image_id
    name = pictures.name_of(dataset, image_id)

    def drawn(items, words, alt):
        return pictures.outlined(
            dataset, image_id, [i["segmentation"] for i in items], words, f"{name}: {alt}"
        )

    truths = judged[0].truths
    columns = [(f"gt: {len(truths)}", drawn(truths, [FOUND] * len(truths), "gt"))]
    for own, one in zip(names, judged):
        found = one.kinds.count(FOUND)
        title = f"{own}: {found} found, {one.verdicts.count(FALSE)} false positives"
        columns.append((title, drawn(one.results, one.verdicts, own)))
    return pictures.grid(columns, tag("b", name))
