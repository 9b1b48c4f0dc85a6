"""List the runs of a folder with their results."""

from pathlib import Path

from mrcnn.files import FileError, read_json
from mrcnn.screen import show
from mrcnn.training.errors import RunError
from mrcnn.training.metrics import read_metrics
from mrcnn.training.run import checkpoints, read_facts

HEAD = ("run", "begun", "epochs", "best", "best AP", "last loss", "evaluated", "data set")


def table_lines(runs_dir, report=show):
    """Return lines on all runs in a folder, the newest first. report: called with a line on each damaged one.

    Raises RunError without a run.
    """
    rows = []
    for path in sorted(Path(runs_dir).glob("*/run.json")):
        try:
            rows.append(_row(path.parent))
        except RunError as error:
            report(f"Skipped: {error}")
    if not rows:
        raise RunError(f"{runs_dir}: there is no run here yet.")
    rows.sort(key=lambda row: row[1], reverse=True)
    table = [HEAD, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table]


def _row(folder):
    """Return the texts on a run: of run.json, metrics.csv and the evaluations beside its weights."""
    facts, metrics = read_facts(folder), read_metrics(folder / "metrics.csv")
    best = facts.get("best") if isinstance(facts.get("best"), dict) else {}
    aps = [(float(row["val_mask_ap"]), row["epoch"]) for row in metrics if row.get("val_mask_ap")]
    done = max(checkpoints(folder), default=0)
    return (
        folder.name,
        str(facts.get("started", "-")),
        f"{done}" if "result" in facts else f"{done}, unfinished",
        str(best.get("epochs", "-")),
        f"{max(aps)[0]:.3f}" if aps else "-",
        f"{float(metrics[-1]['loss']):.3f}" if metrics else "-",
        ", ".join(_evaluations(folder)) or "-",
        _data_set(folder),
    )


def _evaluations(folder):
    """Yield the mask AP of each evaluation in a run's folder, with its split."""
    for path in sorted(folder.glob("evaluation_*.json")):
        try:
            found = read_json(path)
            yield f"{float(found['segm']['AP']):.3f} {found['split']}"
        except (FileError, KeyError, TypeError, ValueError):
            yield f"{path.name} is damaged"


def _data_set(folder):
    from mrcnn.config import read_settings

    return str(read_settings(folder / "config.yaml").get("DATASET", "-"))
