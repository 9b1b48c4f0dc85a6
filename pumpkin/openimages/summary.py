"""Say how a download ended: the exit code, the lines of its summary, and what to do next."""

from pumpkin.openimages.errors import COMPLETE, INTEGRITY, NETWORK, PARTIAL
from pumpkin.openimages.progress import megabytes

_SHOWN = 5  # names of each kind in the summary


def exit_code(plan, outcome):
    """Return the program's exit code for the worst result."""
    if outcome.wrong:
        return INTEGRITY
    if outcome.failed:
        return NETWORK
    return PARTIAL if outcome.missing or outcome.damaged or plan.missing_sources or plan.refused else COMPLETE


def lines(plan, places, outcome, regions, client, seconds):
    """Yield the lines of the summary: what was fetched, and what is missing and why."""
    masks = sum(map(len, outcome.masks.values()))
    yield (
        f"{len(outcome.images)} images, {masks} masks, {regions} crowd regions in {places.root}; "
        f"{outcome.fetched} files fetched, {megabytes(client.received)} in {client.requests} requests and "
        f"{seconds:.1f} seconds."
    )
    missing = dict.fromkeys([*plan.missing_sources, *outcome.missing], "")
    groups = (
        ("not on disk" if client.offline else "not on the server", missing),
        ("left out", {**plan.refused, **outcome.left_out}),
        ("damaged on the server", outcome.damaged),
        ("not as recorded", outcome.wrong),
        ("not fetched", outcome.failed),
    )
    for title, names in groups:
        if names:
            yield f"{len(names)} {title}:"
            for name in sorted(names)[:_SHOWN]:
                yield f"  {name}" + (f": {names[name]}" if names[name] else "")
            if len(names) > _SHOWN:
                yield f"  and {len(names) - _SHOWN} more, all in manifest.json" * (title != "not fetched")


def advice(code, offline):
    """Return one sentence that says what to do after an exit code."""
    partial = "the server lacks the files named above; the others can be used"
    if offline:
        partial = "the files named above are not on disk; run the same command again without --offline"
    return {
        COMPLETE: "",
        PARTIAL: f"Partial: {partial}.",
        INTEGRITY: "Integrity: the files named above were not kept; try again, or without --lock.",
        NETWORK: "Network: run the same command again; complete files are not fetched again.",
    }[code]
