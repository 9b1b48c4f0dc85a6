"""The table of a data set: images, instances and their sizes, with one column per split."""

import numpy as np

from mrcnn.datasets.findings import molded_sides

_HEAD = "(least / median / most)"


def make(scanned, class_names, config):
    """Return a dict of row to its texts, one for each split.

    scanned: a dict of split to a list of scan.Scanned. class_names: by split and class id. config: determines
    the scale of images, and the anchors.
    """
    columns = [_column(images, class_names[split], config) for split, images in scanned.items()]
    names = list(dict.fromkeys(name for column in columns for name in column))
    return {name: [column.get(name, "0") for column in columns] for name in names}


def lines(splits, table):
    """Format a table as lines of text in columns."""
    width = max(len(name) for name in (_HEAD, *table)) + 2
    columns = [max(len(x) for x in (name, *cells)) + 3 for name, *cells in zip(splits, *table.values())]
    rows = [(_HEAD, splits), *table.items()]
    return [f"{name:{width}}" + "".join(f"{x:>{w}}" for x, w in zip(cells, columns)) for name, cells in rows]


def _column(images, class_names, config):
    readable = [image for image in images if image.size]
    counts = [len(image.instances) for image in readable]
    sides = np.array([np.sqrt(h * w) for image in readable for _, h, w in image.instances])
    molded, smallest = molded_sides(images, config), min(config.RPN_ANCHOR_SCALES)
    column = {
        "images": str(len(images)),
        "  without instances": str(counts.count(0)),
        "  height, px": _spread(image.size[0] for image in readable),
        "  width, px": _spread(image.size[1] for image in readable),
        "instances": str(sum(counts)),
    }
    if len(class_names) > 2:
        class_ids = [class_id for image in readable for class_id, _, _ in image.instances]
        for class_id, name in enumerate(class_names[1:], start=1):
            column[f"  {name}"] = str(class_ids.count(class_id))
    if any(image.crowds for image in readable):
        column["  and crowds"] = str(sum(image.crowds for image in readable))
    column |= {
        "  an image": _spread(counts),
        "  side, px": _spread(sides),
        "  side when scaled, px": _spread(molded),
        f"  below {smallest} px, the smallest anchor": _share(molded < smallest),
    }
    return column


def _spread(values):
    """Return the smallest, median and largest of some numbers as text."""
    values = np.array(list(values))
    if not len(values):
        return "-"
    low, middle, high = (f"{value:.0f}" for value in (values.min(), np.median(values), values.max()))
    return low if low == high else f"{low} / {middle} / {high}"


def _share(flags):
    return f"{flags.mean():.0%}" if len(flags) else "-"
