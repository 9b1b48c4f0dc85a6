"""Explain what was missed, in a photograph or in a data set: tables on the screen, pictures in a folder."""

import csv
import io
from collections import Counter
from pathlib import Path

from mrcnn.files import replacing_folder, write_text
from mrcnn.inspection import missed_figure
from mrcnn.inspection.explanation import explain, explain_instances
from mrcnn.inspection.steps import REASONS
from mrcnn.progress_bar import progress_bar
from mrcnn.screen import show
from mrcnn.visualize import save_figure
from pumpkin.image_files import photographs
from pumpkin.sources import sources

FOLDER = "explained"  # within the folder of the results of detect
COLUMNS = ("image", "picture", "number", "class", "y1", "x1", "y2", "x2", "fate", "reason", "stages")


def explain_file(model, path, places, folder, report=show):
    """Explain what became of the objects at some places of a photograph; return the Explanations.

    path: an entry of image_files.find_images. places: points (y, x) and boxes (y1, x1, y2, x2). folder: for
    the pictures, ``explained/<photograph>_<number of the place>.png``. report: called with each line.
    Raises ValueError for a place outside, and one of sources.ERRORS.
    """
    (photograph,) = photographs([path], [])
    (source,) = sources([photograph])
    image = source.read()
    explained = [explain(model, image, where, photograph.name) for where in places]
    for number, explanation in enumerate(explained, start=1):
        target = Path(folder) / FOLDER / f"{photograph.stem}_{number}.png"
        explanation.save(target)
        for line in (*explanation.lines(), f"  The picture is {target}"):
            report(line)
    return explained


def explain_split(model, dataset, image_ids, folder, report=show, progress=True):
    """Explain each missed instance of some images of a data set.

    folder: a new one, which appears when all is in it: a picture of each image with such instances, and
    ``missed.csv`` with COLUMNS, a row an instance. report: called with the lines of a summary.
    """
    with replacing_folder(Path(folder)) as unfinished:
        reasons = _write_all(model, dataset, image_ids, unfinished, progress)
    missed = f"{reasons.total()} instance{'s are' if reasons.total() != 1 else ' is'} missed"
    report(f"{missed}; {Path(folder) / 'missed.csv'} says why, one by one:")
    for reason, count in reasons.most_common():
        report(f"  {count:6}  {reason}: {REASONS[reason][1]}")


def _write_all(model, dataset, image_ids, folder, progress):
    """Write the files of explain_split; return a Counter of the reasons."""
    rows, reasons = [], Counter()
    with progress_bar(len(image_ids), "explain", "image", progress) as bar:
        for image_id in image_ids:
            missed = explain_instances(model, dataset, image_id)
            reasons.update(explanation.reason for explanation in missed)
            if missed:
                rows += _written(missed, dataset, image_id, folder)
            bar.update(1)
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([COLUMNS, *rows])
    write_text(folder / "missed.csv", out.getvalue(), durable=False)
    return reasons


def _written(missed, dataset, image_id, folder):
    """Write the picture of an image, and return the rows of its missed instances."""
    info = dataset.image_info[image_id]
    stem = Path(str(info.get("path") or info["id"])).stem
    picture = f"{image_id:05d}_{stem}.png"
    save_figure(missed_figure.draw(missed), folder / picture)
    return [
        (
            info.get("path") or info["id"], picture, number, explanation.class_name,
            *(round(side) for side in explanation.box), explanation.fate, explanation.reason,
            "; ".join(f"{step.stage}: {step.text}" for step in explanation.steps),
        )
        for number, explanation in enumerate(missed, start=1)
    ]  # fmt: skip
