"""Detect in image files: write output formats, a table, and a record of each image to redraw it from."""

import contextlib
from dataclasses import dataclass, field, replace

import numpy as np

from mrcnn.detection.clips import Clip, CutShort
from mrcnn.detection.look import Look
from mrcnn.detection.molding import detection_mode
from mrcnn.detection.results import frame_line, record_of, result_of, table_lines
from mrcnn.detection.spool import Spool
from mrcnn.detection.stream import Found
from mrcnn.detection.writers.writer import open_writers
from mrcnn.files import write_json_list
from mrcnn.pipeline.transforms import scale_of
from mrcnn.screen import show
from mrcnn.visualize import detection_sheet, save_figure
from pumpkin.image_files import InputError, photographs
from pumpkin.interrupts import held_back
from pumpkin.sources import ERRORS, Source, read_again, sources

SHEET_BYTES = 300_000  # small enough for a README
SHRUNK = 0.25  # factor from which a line says that a photograph was shrunk
NAMED = 3  # photographs that the line names
_USUAL = Look()


@dataclass
class _Done:
    """What is done of a detection.

    records: the contents of detections.json. rows: for each writer, what it returned for each of them.
    failed: the unreadable inputs. shrunk: names of photographs that lose much detail.
    """

    rows: list
    records: Spool = field(default_factory=Spool)
    failed: list = field(default_factory=list)
    shrunk: dict = field(default_factory=dict)


def detect_files(
    model, paths, folder, report=show, save=("overlay",), tiling=None, look=_USUAL, every=1, window=None,
    tta=None,
):  # fmt: skip
    """Detect in each image, and each frame of videos; write the formats ``save`` and detections.json.

    paths: of find_images. folder: for the results. report: called with each line of the table. An input that
    cannot be read is reported and skipped. save: keys of mrcnn.detection.writers.WRITERS. tiling: the Tiling
    of large photographs; None cuts none. look: the Look of pictures. every: detect in each Nth frame. window:
    a Writer that shows frames; when it is ``closed``, detection ends. tta: an Augmenting or None.
    Returns (records, failed): the contents of detections.json, a Spool, see ``record_of``, and the unreadable
    ones of paths. If an error or Ctrl-C ends it early, the files hold what was done until then; a camera ends
    by Ctrl-C. Raises DatasetError if a format's own folder is not empty.
    """
    stopped = None
    with open_writers(save, folder, model.class_names, look) as writers:
        folder.mkdir(parents=True, exist_ok=True)
        done = _Done([Spool() for _ in writers])
        inputs = _inputs(paths, folder, writers)
        if not all(isinstance(given, Clip) for given in inputs):
            report(f"{'image':32} {'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}")
        try:
            _detect(model, inputs, writers, done, report, {"tiling": tiling, "tta": tta}, every, window)
        except BaseException as error:
            if not len(done.records):
                raise
            stopped = error
        write_json_list(folder / "detections.json", done.records)
        for writer, rows in zip(writers, done.rows):
            for line in writer.finish(rows):
                report(line)
    if stopped is not None and not _is_usual_end(stopped, inputs):
        report(f"Stopped: {folder / 'detections.json'} holds the {len(done.records)} images done so far")
        raise stopped
    if done.shrunk and tiling is None:
        report(_advice(list(done.shrunk)))
    return done.records, done.failed


def _is_usual_end(error, inputs):
    """Return whether an error is how the user ends a camera."""
    return isinstance(error, KeyboardInterrupt) and _has_camera(inputs)


def _has_camera(inputs):
    return any(isinstance(given, Clip) and given.camera is not None for given in inputs)


def _inputs(paths, folder, writers):
    places = [folder / writer.pictures for writer in writers if writer.pictures is not None]
    return photographs(paths, places)


def _detect(model, inputs, writers, done, report, views, every, window):
    """Detect in Photographs and Clips, and add each image to ``done`` when it is written.

    views: the tiling and the tta of detect_stream.
    """
    everyone = writers if window is None else [*writers, window]
    options = {
        "read": Source.read,
        "finish": lambda found: _written(found, everyone, model.class_names),
        "catch": ERRORS,
        **views,
    }
    with contextlib.closing(sources(inputs, every)) as given:
        one_by_one = _has_camera(inputs)
        results = _live(model, given, options) if one_by_one else model.detect_stream(given, **options)
        with contextlib.closing(results):  # threads write no more files once this ends
            for found, record, rows, lines in results:
                for line in lines:
                    report(line)
                with held_back():  # a frame is in all files or in none
                    _keep(found, record, rows, everyone, done, model.config)
                if window is not None and window.closed:
                    return


def _live(model, given, options):
    """Yield results one by one: a stream would read frames ahead, and show what was seconds ago."""
    for source in given:
        yield from model.detect_stream([source], **options)


def _keep(found, record, rows, writers, done, config):
    """Add what was written of one image to ``done``, and to files that are written in order."""
    photograph = found.source.photograph
    if found.error is not None:
        done.failed.append(photograph.path or photograph.name)
        return
    rows = [writer.add(photograph, row) for writer, row in zip(writers, rows)]
    done.records.append(record)
    for spool, row in zip(done.rows, rows):
        spool.append(row)
    if _scale(record, config) <= SHRUNK:
        done.shrunk[record.get("video", photograph.title)] = True


def _written(found, writers, class_names):
    """Write what is of one photograph.

    Returns its Found without the image, its record, what each writer returned, and its lines of the table.
    """
    photograph = found.source.photograph
    if found.error is not None:
        prefix = "" if isinstance(found.error, CutShort) else "Skipped: "
        return found, None, None, [f"{prefix}{found.error}"]
    rows = [writer.write(photograph, found.image, found.detections) for writer in writers]
    record = record_of(photograph.name, found.image, found.detections, class_names, photograph.keys())
    if photograph.frame is None:
        lines = list(table_lines(photograph.title, found.detections, class_names))
    else:
        lines = [frame_line(photograph.title, found.detections, class_names)]
    return Found(replace(found.source, pixels=None)), record, rows, lines


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
    return read_again(record), result_of(record)


def save_sheet(records, class_names, path, count, look=_USUAL):
    """Write a picture of up to ``count`` images with their detections, chosen evenly from all.

    look: the Look, for colours. Raises InputError if there are no records.
    """
    if not len(records):
        raise InputError("There is no picture for a sheet.")
    chosen = np.unique(np.linspace(0, len(records) - 1, count).round().astype(int))
    path.parent.mkdir(parents=True, exist_ok=True)
    items = [reload(records[i]) for i in chosen]
    sheet = detection_sheet(items, class_names, color_by=look.color_by)
    save_figure(sheet, path, max_bytes=SHEET_BYTES)
