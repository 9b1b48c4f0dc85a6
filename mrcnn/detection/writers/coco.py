"""Write detections as a data set in COCO's JSON, and as COCO's list of results."""

import json
import os
from pathlib import Path

from mrcnn.detection.addresses import is_address
from mrcnn.detection.results import coco_results
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import replacing

VERSION = "1"  # of the format


class CocoWriter(Writer):
    """``coco.json``, images, annotations and categories, and ``coco_results.json``, the detections alone.

    Both number images from 1, and classes as the network does. Masks are run lengths.
    """

    def write(self, photograph, image, found):
        """Return the photograph, its size, its rows of COCO's results, and the masks' areas."""
        return photograph, found.size, coco_results(0, found), found.areas().tolist()

    def finish(self, records):
        """Write both files."""
        root = _common_folder([photograph.path for photograph, *_ in records if photograph.path])
        info = {"description": "detections", "version": VERSION}
        categories = [{"id": k, "name": name} for k, name in enumerate(self.class_names) if k]
        with replacing(self.folder / "coco.json") as file:
            file.write(b'{"info": ' + _json(info) + b', "licenses": [], "images": [')
            _write_all(file, _images(records, root))
            file.write(b'], "annotations": [')
            _write_all(file, _annotations(records))
            file.write(b'], "categories": ' + _json(categories) + b"}\n")
        with replacing(self.folder / "coco_results.json") as file:
            file.write(b"[")
            _write_all(file, (row for row, _ in _results(records)))
            file.write(b"]\n")
        return []


def _images(records, root):
    for image_id, (photograph, (height, width), *_) in enumerate(records, start=1):
        yield {"id": image_id, **_place(photograph, root), "height": int(height), "width": int(width)}


def _results(records):
    """Yield each row of COCO's results, and the area of its mask."""
    for image_id, (_, _, rows, areas) in enumerate(records, start=1):
        for row, area in zip(rows, areas):
            yield {**row, "image_id": image_id}, area


def _annotations(records):
    for number, (row, area) in enumerate(_results(records), start=1):
        yield {"id": number, **row, "area": area, "iscrowd": 0}


def _common_folder(paths):
    """Return the folder in or below which all files are, or None if there is none."""
    try:
        return os.path.commonpath([path.absolute().parent for path in paths])
    except ValueError:  # no file, or files on several drives
        return None


def _place(photograph, root):
    """Return the keys that say where a photograph is; file_name is relative to the folder of all.

    A frame has that of the PNG file which data sets, such as labelme's, get of it.
    """
    if photograph.frame is not None:
        return {"file_name": f"{photograph.stem}.png", **photograph.frame.keys()}
    if is_address(photograph.name):
        return {"file_name": photograph.title, "coco_url": photograph.name}
    if photograph.path is None:
        return {"file_name": photograph.title}
    path = photograph.path.absolute()
    return {"file_name": (path if root is None else Path(os.path.relpath(path, root))).as_posix()}


def _write_all(file, values):
    """Write values as JSON with commas between them, one after another: there may be millions."""
    comma = b""
    for value in values:
        file.write(comma + _json(value))
        comma = b", "


def _json(value):
    return json.dumps(value, ensure_ascii=False).encode()
