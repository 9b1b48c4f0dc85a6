"""The result of a comparison in words and as lines of a table."""

from mrcnn.evaluation.bootstrap import LEVEL


def span(one, signed=False):
    """Return an Interval's bounds as text."""
    form = "+.3f" if signed else ".3f"
    return f"{one.low:{form}} to {one.high:{form}}"


def verdict(names, result, images, resamples, seed):
    """Return the sentence on the winner. result: of bootstrap.compare. Other arguments: of the comparison."""
    how = f"{LEVEL:.0%} intervals of {resamples:,} resamples of {images:,} images, seed {seed}"
    if len(names) == 1:
        return f"{names[0]} has mask AP {result.aps[0].value:.3f} ({span(result.aps[0])}; {how})."
    best = names[result.best]
    # The model that comes closest, by what chance may still give it.
    rivals = [place for place in range(len(names)) if place != result.best]
    nearest = min(rivals, key=lambda place: result.behind[place].low)
    gap, other = result.behind[nearest], names[nearest]
    if result.winner is None:
        return (
            f"No winner: {best} is {gap.value:.3f} mask AP above {other}, which may be chance "
            f"({span(gap, True)}; {how})."
        )
    words = f"Winner: {best}. It is {gap.value:.3f} mask AP above {other}"
    words += ", the nearest one" if len(rivals) > 1 else ""
    return f"{words} ({span(gap, True)}; {how})."


def rows(names, tallies, thresholds, result):
    """Return a row of texts for each model, the best first; HEAD says what is in its columns.

    tallies, thresholds: the Tally and the Threshold or None of each model.
    """
    order = sorted(range(len(names)), key=lambda place: -result.aps[place].value)
    return [
        (
            names[place],
            f"{result.aps[place].value:.3f}",
            span(result.aps[place]),
            "" if place == result.best else f"{-result.behind[place].value:+.3f}",
            "" if place == result.best else _behind(result.behind[place]),
            f"{tallies[place].ap(iou=0):.3f}",
            f"{tallies[place].ap(iou=5):.3f}",
            f"{thresholds[place].f1:.3f}" if thresholds[place] else "-",
        )
        for place in order
    ]


HEAD = ("model", "mask AP", "interval", "difference", "interval", "AP50", "AP75", "best F1")


def _behind(gap):
    """Return the bounds of a model's difference from the best one, which is negative."""
    return f"{-gap.high:+.3f} to {-gap.low:+.3f}"


def table_lines(found):
    """Return the result of ``rows`` as lines of text."""
    table = [HEAD, *found]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in table
    ]
