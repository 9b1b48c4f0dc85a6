"""Write detections as a data set in COCO's JSON, and as COCO's list of results."""

import json
import os
from pathlib import Path

from mrcnn.detection.addresses import is_address
from mrcnn.detection.results import coco_results
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import write_text

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
        images, annotations, results = [], [], []
        root = _common_folder([photograph.path for photograph, *_ in records if photograph.path])
        for image_id, (photograph, (height, width), rows, areas) in enumerate(records, start=1):
            place = _place(photograph, root)
            images.append({"id": image_id, **place, "height": int(height), "width": int(width)})
            for row, area in zip(rows, areas):
                row = {**row, "image_id": image_id}
                results.append(row)
                annotations.append({"id": len(results), **row, "area": area, "iscrowd": 0})
        content = {
            "info": {"description": "detections", "version": VERSION},
            "licenses": [],
            "images": images,
            "annotations": annotations,
            "categories": [{"id": k, "name": name} for k, name in enumerate(self.class_names) if k],
        }
        _write(self.folder / "coco.json", content)
        _write(self.folder / "coco_results.json", results)
        return []


def _common_folder(paths):
    """Return the folder in or below which all files are, or None if there is none."""
    try:
        return os.path.commonpath([path.absolute().parent for path in paths])
    except ValueError:  # no file, or files on several drives
        return None


def _place(photograph, root):
    """Return the keys that say where a photograph is; file_name is relative to the folder of all."""
    if is_address(photograph.name):
        return {"file_name": photograph.title, "coco_url": photograph.name}
    if photograph.path is None:
        return {"file_name": photograph.title}
    path = photograph.path.absolute()
    return {"file_name": (path if root is None else Path(os.path.relpath(path, root))).as_posix()}


def _write(path, value):
    write_text(path, json.dumps(value, ensure_ascii=False) + "\n")
