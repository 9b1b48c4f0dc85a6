"""Detect in image files: write output formats, a table, and a record of each image to redraw it from."""

import contextlib
from dataclasses import dataclass, field

import numpy as np

from mrcnn.detection.look import Look
from mrcnn.detection.molding import detection_mode
from mrcnn.detection.results import record_of, result_of, table_lines
from mrcnn.detection.stream import Found
from mrcnn.detection.writers.writer import open_writers
from mrcnn.files import write_json
from mrcnn.pipeline.transforms import scale_of
from mrcnn.screen import show
from mrcnn.visualize import detection_sheet, save_figure
from pumpkin.image_files import InputError, photographs
from pumpkin.sources import ERRORS, Source, read_again, sources

SHEET_BYTES = 300_000  # small enough for a README
SHRUNK = 0.25  # factor from which a line says that a photograph was shrunk
NAMED = 3  # photographs that the line names
_USUAL = Look()


@dataclass
class _Done:
    """What is done of a detection.

    records: the contents of detections.json. rows: for each of these images, what each writer returned.
    failed: the unreadable images. shrunk: names of photographs that lose much detail.
    """

    records: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    failed: list = field(default_factory=list)
    shrunk: list = field(default_factory=list)


def detect_files(model, paths, folder, report=show, save=("overlay",), tiling=None, look=_USUAL):
    """Detect in each image; write the formats ``save`` and detections.json to a folder.

    paths: of find_images. report: called with each line of the table. An image that cannot be read is
    reported and skipped. save: keys of mrcnn.detection.writers.WRITERS. tiling: the Tiling of large
    photographs; None cuts none. look: the Look of pictures.
    Returns (records, failed): the contents of detections.json, see ``record_of``, and the unreadable ones of
    paths. If an error or Ctrl-C ends it early, the files hold what was done until then. Raises DatasetError
    if a format's own folder is not empty.
    """
    done, stopped = _Done(), None
    with open_writers(save, folder, model.class_names, look) as writers:
        folder.mkdir(parents=True, exist_ok=True)
        report(f"{'image':32} {'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}")
        try:
            _detect(model, _photographs(paths, folder, writers), writers, done, report, tiling)
        except BaseException as error:
            if not done.records:
                raise
            stopped = error
        write_json(folder / "detections.json", done.records)
        for number, writer in enumerate(writers):
            for line in writer.finish([rows[number] for rows in done.rows]):
                report(line)
    if stopped is not None:
        report(f"Stopped: {folder / 'detections.json'} holds the {len(done.records)} images done so far")
        raise stopped
    if done.shrunk and tiling is None:
        report(_advice(done.shrunk))
    return done.records, done.failed


def _photographs(paths, folder, writers):
    places = [folder / writer.pictures for writer in writers if writer.pictures is not None]
    return photographs(paths, places)


def _detect(model, images, writers, done, report, tiling):
    """Detect in Photographs, and add each to ``done`` when it is written."""
    results = model.detect_stream(
        sources(images),
        read=Source.read,
        finish=lambda found: _written(found, writers, model.class_names),
        catch=ERRORS,
        tiling=tiling,
    )
    with contextlib.closing(results):  # threads write no more files once this ends
        for found, record, rows, lines in results:
            photograph = found.source.photograph
            for line in lines:
                report(line)
            if found.error is not None:
                done.failed.append(photograph.path or photograph.name)
                continue
            done.records.append(record)
            done.rows.append(rows)
            done.shrunk += [photograph.title] if _scale(record, model.config) <= SHRUNK else []


def _written(found, writers, class_names):
    """Write what is of one photograph.

    Returns its Found without the image, its record, what each writer returned, and its lines of the table.
    """
    photograph = found.source.photograph
    if found.error is not None:
        return found, None, None, [f"Skipped: {found.error}"]
    rows = [writer.write(photograph, found.image, found.detections) for writer in writers]
    record = record_of(photograph.name, found.image, found.detections, class_names)
    lines = list(table_lines(photograph.title, found.detections, class_names))
    return Found(found.source), record, rows, lines


def _scale(record, config):
    """Return the factor by which the image of a record is resized for the network."""
    return scale_of(
        record["height"], record["width"], config.IMAGE_MIN_DIM, config.IMAGE_MAX_DIM, config.IMAGE_MIN_SCALE,
        detection_mode(config),
    )  # fmt: skip


def _advice(names):
    """Return the line on photographs that lose much detail."""
    named = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    return (
        f"Note: shrunk to a quarter or less, so that small objects are lost: {named}. "
        "Add --tile auto: the network then sees these photographs tile by tile, at full size."
    )


def reload(record):
    """Return the image [H, W, 3] of a record and its result, a dict like that of MaskRCNN.detect."""
    return read_again(record["image"]), result_of(record)


def save_sheet(records, class_names, path, count):
    """Write a picture of up to ``count`` images with their detections, chosen evenly from all.

    Raises InputError if there are no records.
    """
    if not records:
        raise InputError("There is no picture for a sheet.")
    chosen = np.unique(np.linspace(0, len(records) - 1, count).round().astype(int))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = detection_sheet([reload(records[i]) for i in chosen], class_names)
    save_figure(sheet, path, max_bytes=SHEET_BYTES)
