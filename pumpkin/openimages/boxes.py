"""Find the boxes of a class that have no mask. They become crowds, regions that training ignores.

The table of boxes has no box ids, and the masks' names have no coordinates. The table of mask rows has both,
so a box and a mask belong together if image, class and all four coordinates agree.
"""

import math
from collections import defaultdict

from pumpkin.openimages import catalog
from pumpkin.openimages.errors import Absent, IntegrityError
from pumpkin.openimages.plan import Boxes
from pumpkin.openimages.tables import Table

_BOX_COLUMNS = ("LabelName", "ImageID", "XMin", "XMax", "YMin", "YMax")
_MASK_COLUMNS = ("LabelName", "ImageID", "BoxID", "BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax")


class NoRow(IntegrityError):
    """A table lacks the row of a mask or an image; either is wrong."""


def tables(client, bases, choice, split, folder):
    """Return the Tables of boxes and of mask rows of a split, reduced to the classes of a choice.

    client: an http.Client. bases: catalog.Bases. choice: a plan.Choice. folder: where kept rows are stored.
    """
    mids = [one.mid for one in choice.classes]
    return [
        Table(client, bases.file(path), path, folder, name, columns, mids)
        for path, name, columns in (
            (catalog.boxes_path(split), f"{split}-boxes.csv", _BOX_COLUMNS),
            (catalog.mask_rows_path(split), f"{split}-masks.csv", _MASK_COLUMNS),
        )
    ]


def load_boxes(client, bases, plan, folder, on_bytes):
    """Fill ``plan.boxes`` for the splits that need crowds; record absent tables as missing sources.

    folder: where the kept rows are stored. on_bytes: called with the number of bytes that have arrived.
    Raises IntegrityError if a table is damaged, NoRow if a mask or an image has no row; such tables are not
    kept.
    """
    for split in plan.choice.splits:
        if plan.choice.crowds.get(split):
            masks, read = [mask for mask in plan.masks if mask.split == split], []
            for table in tables(client, bases, plan.choice, split, folder):
                try:
                    rows, plan.sources[table.path] = table.fetch(on_bytes)
                except Absent:
                    plan.missing_sources.append(table.path)
                    break
                read.append([[value.strip().lower() for value in row] for row in rows])
                _check(table, read[-1], masks)
            else:
                plan.boxes.update(_join(split, *read, {image.key for image in plan.images}))


def _check(table, rows, masks):
    """Raise an error, and keep nothing of the table, if it contradicts itself or the chosen masks.

    In Open Images, each box has coordinates, each mask a row of its own, and each image with masks a box.
    """
    count = len(table.columns) - 4  # class and image; in the table of masks also the box's id
    known = {tuple(row[:count]) for row in rows}
    lost = [mask.member.name for mask in masks if (mask.mid, mask.image_id, mask.box_id)[:count] not in known]
    wrong = [row[1] for row in rows if _floats(row[-4:]) is None]
    if wrong or lost:
        table.forget()
    if wrong:
        raise IntegrityError(f"{table.path}: the coordinates of a box of {wrong[0]} are not numbers.")
    if lost:
        raise NoRow(
            f"{table.path} has no row for {lost[0]} ({len(lost)} of {len(masks)} masks), which cannot be; "
            f"run the same command again, or give another --annotations-url."
        )


def _join(split, boxes, mask_rows, chosen):
    """Join boxes with masks: {(split, image id, mid): Boxes} for the chosen images."""
    masks = defaultdict(list)
    for mid, image_id, box_id, *box in mask_rows:
        masks[image_id, mid].append((_floats(box), box_id))
    found = defaultdict(set)
    for mid, image_id, *box in boxes:
        if (split, image_id) in chosen:
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
    return all(abs(a - b) <= 1e-6 + 1e-12 for a, b in zip(box, other))
