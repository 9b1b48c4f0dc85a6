"""The options on data that several commands have."""


def add_data_options(parser):
    """Add --dataset, --images and --class-attribute to an argument parser."""
    parser.add_argument(
        "--dataset", metavar="PATH", help="the data set, a folder or a file (the config's DATASET)"
    )
    parser.add_argument(
        "--images", metavar="DIR", help="folder of the images, if annotation files do not lead to it"
    )
    parser.add_argument(
        "--class-attribute", metavar="NAME",
        help="the attribute that holds the class, where annotations have several (VIA)",
    )  # fmt: skip


def data_settings(args):
    """Return the settings that these options set; None for unused ones."""
    return {"DATASET": args.dataset, "IMAGES": args.images, "CLASS_ATTRIBUTE": args.class_attribute}
