"""Find the boxes of a class that have no mask. They become crowds, regions that training ignores.

The table of boxes has no box ids, and the masks' names have no coordinates. The table of mask rows has both,
so a box and a mask belong together if image, class and all four coordinates agree.
"""

import math
from collections import defaultdict
from functools import partial

from pumpkin.openimages import catalog
from pumpkin.openimages.csvfilter import NeedleFilter, parse
from pumpkin.openimages.errors import Absent
from pumpkin.openimages.plan import Boxes
from pumpkin.openimages.tables import Table

_BOX_COLUMNS = ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")
_MASK_COLUMNS = ("ImageID", "LabelName", "BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax", "BoxID")


def tables(client, bases, choice, split, folder):
    """Return the Tables of boxes and of mask rows of a split, reduced to the classes of a choice.

    client: an http.Client. bases: catalog.Bases. choice: a plan.Choice. folder: where kept rows are stored.
    """
    mids = sorted(one.mid for one in choice.classes)
    needles = [f",{mid},".encode() for mid in mids]
    make = partial(NeedleFilter, needles)
    paths = (catalog.boxes_path(split), catalog.mask_rows_path(split))
    names = (f"{split}-boxes.csv", f"{split}-masks.csv")
    return [
        Table(client, bases.file(path), path, folder, name, mids, make) for path, name in zip(paths, names)
    ]


def load_boxes(client, bases, plan, folder, on_bytes):
    """Fill ``plan.boxes`` for the splits that need crowds; record absent tables as missing sources.

    folder: where the kept rows are stored. on_bytes: called with the number of bytes that have arrived.
    """
    chosen = {image.key for image in plan.images}
    for split in plan.choice.splits:
        if not plan.choice.crowds.get(split):
            continue
        read = []
        for table in tables(client, bases, plan.choice, split, folder):
            try:
                rows, facts = table.fetch(on_bytes)
            except Absent:
                plan.missing_sources.append(table.path)
                break
            plan.sources[table.path] = facts
            read.append((rows, table.path))
        else:
            boxes, mask_rows = read
            plan.boxes.update(_join(split, parse(boxes[0], _BOX_COLUMNS, boxes[1]),
                                    parse(mask_rows[0], _MASK_COLUMNS, mask_rows[1]), chosen))  # fmt: skip


def _join(split, boxes, mask_rows, chosen):
    """Join boxes with masks: {(split, image id, mid): Boxes} for the chosen images."""
    masks = defaultdict(list)
    for image_id, mid, *box, box_id in mask_rows:
        masks[image_id, mid].append((_floats(box), box_id.lower()))
    found = defaultdict(set)
    for image_id, mid, *box in boxes:
        if (split, image_id) in chosen and _floats(box):
            found[split, image_id, mid].add(tuple(box))  # a set, because the table lists some boxes twice
    joined = {}
    for key, texts in found.items():
        texts = sorted(texts, key=_floats)
        ids = [sorted({i for box, i in masks[key[1:]] if _same(box, _floats(text))}) for text in texts]
        joined[key] = Boxes(texts, ids)
    return joined


def _floats(texts):
    """Parse four coordinates; None if one is not a finite number."""
    try:
        numbers = tuple(map(float, texts))
    except ValueError:
        return None
    return numbers if all(map(math.isfinite, numbers)) else None


def _same(box, other):
    return box is not None and all(abs(a - b) <= 1e-6 + 1e-12 for a, b in zip(box, other))
