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
_MASK_COLUMNS = ("LabelName", "ImageID", "BoxXMin", "BoxXMax", "BoxYMin", "BoxYMax", "BoxID")


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
            pair, read = tables(client, bases, plan.choice, split, folder), []
            for table in pair:
                try:
                    rows, plan.sources[table.path] = table.fetch(on_bytes)
                except Absent:
                    plan.missing_sources.append(table.path)
                    break
                read.append([_plain(row) for row in rows])
            else:
                _check(plan, split, pair, *read)
                plan.boxes.update(_join(split, *read, {image.key for image in plan.images}))


def _plain(row):
    """A row without spaces around its values; ids and coordinates have no capitals."""
    return [value.strip().lower() for value in row]


def _check(plan, split, pair, boxes, mask_rows):
    """Raise NoRow if a chosen mask or image has no row, which cannot be in Open Images."""
    shown = {(image_id, mid) for mid, image_id, *_ in boxes}
    known = {(image_id, mid, row[-1]) for mid, image_id, *row in mask_rows}
    masks = [mask for mask in plan.masks if mask.split == split]
    unknown = [mask.member.name for mask in masks if (mask.image_id, mask.mid, mask.box_id) not in known]
    unseen = [mask.image_id for mask in masks if (mask.image_id, mask.mid) not in shown]
    for table, lost in ((pair[1], unknown), (pair[0], unseen)):
        if lost:
            for one in pair:
                one.forget()
            raise NoRow(
                f"{table.path} has no row for {lost[0]} ({len(lost)} of {len(masks)} masks), which cannot "
                f"be; run the same command again, or give another --annotations-url."
            )


def _join(split, boxes, mask_rows, chosen):
    """Join boxes with masks: {(split, image id, mid): Boxes} for the chosen images."""
    masks = defaultdict(list)
    for mid, image_id, *box, box_id in mask_rows:
        masks[image_id, mid].append((_floats(box), box_id))
    found = defaultdict(set)
    for mid, image_id, *box in boxes:
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
