"""Write a data set of any format as COCO, YOLO, labelme or mask images, with every mask kept to the pixel.

  coco     annotations/instances_<split>.json: polygons where they give exactly the mask, else run lengths
  yolo     data.yaml, images/ and labels/: one polygon an instance. Bridges that enclose nothing join its
           parts and holes. Crowds are lost. The worst IoU of a polygon with its mask is printed
  labelme  a JSON file beside each image: polygons as they were drawn, else mask shapes
  masks    <split>/<class>/masks/*.png, one an instance, in Open Images' layout. Crowds become their boxes

All splits are converted. Images are copied as they are; those that EXIF turns are written upright as PNG.
DST must be new or empty, and appears only when all of it is written.

Exit code 0: written; 1: the data cannot be read or written; 130: stopped.
"""

import argparse
import warnings
from pathlib import Path

from mrcnn.datasets.writers import WRITERS
from mrcnn.screen import show
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.interrupts import STOPPED, end_in_order
from pumpkin.options import Parser, add_set_option
from pumpkin.packaged import CONFIG_HELP


def parse(argv):
    """Parse the command line's arguments."""
    parser = Parser(
        prog=typed("convert"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", metavar="SRC", help="the data set, a folder or a file")
    parser.add_argument("target", metavar="DST", help="the new folder")
    parser.add_argument("--to", required=True, choices=tuple(WRITERS), help="the format to write")
    parser.add_argument(
        "--images", metavar="DIR", help="folder of the images, if annotation files do not lead to it"
    )
    parser.add_argument(
        "--class-attribute", metavar="NAME",
        help="the attribute that holds the class, where annotations have several (VIA)",
    )  # fmt: skip
    parser.add_argument("--config", metavar="CONFIG", help=CONFIG_HELP)
    add_set_option(parser, "single settings: LAYOUT forces a format, CLASSES selects and orders classes")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command and return its exit status."""
    stopped = (STOPPED, "stopped; nothing is written.")
    return ending.run("convert", lambda: convert_data(parse(argv)), stopped=stopped)


def convert_data(args):
    """Convert the data, print what was written and what is not as it was, and return the exit code."""
    from mrcnn.datasets.convert import convert, require_new
    from mrcnn.datasets.errors import DatasetError, DatasetWarning
    from mrcnn.datasets.faults import summaries

    source, target = Path(args.source), Path(args.target)
    if source.resolve() in (target.resolve(), *target.resolve().parents) and source.is_dir():
        raise DatasetError(f"{target}: lies in the data set itself; name a folder elsewhere.")
    require_new(target)  # before a large data set is read
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DatasetWarning)
        datasets = open_all(args)
        end_in_order()
        result = convert(datasets, args.to, target)
    left_out = summaries(dict.fromkeys(fault for dataset in datasets.values() for fault in dataset.faults))
    for line in [*left_out, *(str(warning.message) for warning in caught), *result.notes]:
        show(f"note   {line}")
    show(describe(result, target))
    return 0


def open_all(args):
    """Return {split: Dataset} of all splits, {None: Dataset} without splits. Raises DatasetError."""
    from mrcnn.datasets import folders, splits
    from mrcnn.datasets.formats import find_format, open_dataset
    from pumpkin.config import load_config
    from pumpkin.data import find_layout, options_of

    given = {"DATASET": args.source, "IMAGES": args.images, "CLASS_ATTRIBUTE": args.class_attribute}
    config = load_config(args.config, args.set, **given)
    layout, lines = find_layout(config)
    classes = list(config.CLASSES) if config.is_set("CLASSES") else None
    root, options = Path(args.source), options_of(config)
    present = find_format(layout).splits(root, options)
    if present is None:  # only its load_split knows
        datasets = splits.open_splits(layout, root, classes, folders.SPLITS, lines.append, options)
    else:
        datasets = {
            split: open_dataset(layout, root, split, classes, options, strict=place == 0)
            for place, split in enumerate(present or [None])
        }
    for line in [splits.read_as(layout, list(datasets.values())), *lines]:
        show(line)
    return datasets


def describe(result, target):
    """Return what was written as a sentence."""
    names = ", ".join(f"{count:,} {name}" for name, count in result.instances.items())
    listed = f" ({names})" if names else ""
    crowds = f", crowds {result.crowds:,}" if result.crowds else ""
    return (
        f"Written as {result.title} to {target}: images {result.images:,}, instances "
        f"{result.instances.total():,}{listed}{crowds}"
    )
