"""Draw what the network does with an image; or, without one, its weights and how it learns."""

from pathlib import Path

from mrcnn import startup
from mrcnn.screen import show
from mrcnn.weights.downloads import DownloadError
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.options import Parser, add_data_options, add_set_option
from pumpkin.packaged import CONFIG_HELP

LAYERS = "fpn_p2,fpn_p3,fpn_p4,fpn_p5"


def parse(argv):
    """Parse the command line's arguments."""
    parser = Parser(prog=typed("inspect"), description=__doc__)
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="an image file")
    parser.add_argument(
        "--image",
        metavar="NAME",
        help="instead of PHOTO: an image of the data set, by its name or number from 0",
    )
    parser.add_argument(
        "--weights", default="last",
        help="last (default), coco, or the path of a weights file or of a run's folder, whose best weights "
        "are used",
    )  # fmt: skip
    parser.add_argument("--runs", default="runs", metavar="DIR", help="where --weights last searches (runs)")
    add_data_options(parser)
    parser.add_argument("--split", default="val", help="that --image is of: train, val (default) or test")
    parser.add_argument("--config", metavar="CONFIG", help=f"{CONFIG_HELP}; for weights without a config")
    add_set_option(parser, "single settings, for instance DETECTION_MIN_CONFIDENCE=0.5")
    parser.add_argument(
        "--layers", default=LAYERS, metavar="NAMES", help=f"layers whose activations are drawn ({LAYERS})"
    )
    parser.add_argument(
        "--since", metavar="FILE", help="weights to compare to (the start of a run from random weights)"
    )
    parser.add_argument(
        "--out", default="inspection", metavar="DIR", help="folder for the pictures (inspection)"
    )
    parser.add_argument("--show", action="store_true", help="open a window for each picture")
    args = parser.parse_args(argv)
    if args.photo and args.image:
        parser.error("give either PHOTO or --image, not both")
    if args.since and (args.photo or args.image):
        parser.error("--since compares weights: leave out PHOTO and --image")
    if Path(args.out).is_file():
        parser.error(f"--out must be a folder, but {args.out} is a file")
    return args


def main(argv=None):
    """Run the command and return its exit status."""
    return ending.run("inspect", lambda: inspect(parse(argv)), (DownloadError,))


def inspect(args):
    """Draw the figures, write them, and open windows if asked."""
    startup.start()
    from mrcnn.inspection.pages import show as open_window
    from pumpkin import models
    from pumpkin.inspect import Pages
    from pumpkin.show import require_display

    weights = models.find_weights(args.weights, args.runs)
    config = models.config_given(args, weights)
    model = models.open_model(weights, config)
    show(f"Weights: {weights}")
    pages = Pages(args.out)
    if args.photo or args.image:
        _image(args, pages, model, weights)
    else:
        _network(args, pages, model, weights)
    show(f"In {args.out}: {', '.join(path.name for path in pages.figures)}")
    if args.show:
        require_display()
        for figure in pages.figures.values():
            open_window(figure)


def _image(args, pages, model, weights):
    """Draw the stages of the image that the arguments name."""
    from mrcnn.datasets.images import read_image
    from mrcnn.pipeline.loading import load_image
    from pumpkin.data import open_for_evaluation
    from pumpkin.inspect import draw_image, find_image

    layers = [name.strip() for name in args.layers.split(",")]
    if args.photo:
        draw_image(pages, model, read_image(Path(args.photo), apply_exif=True), layers)
        return
    dataset = open_for_evaluation(model.config, args.split, weights, args.dataset, args.images)
    image_id = find_image(dataset, args.image)
    draw_image(pages, model, load_image(dataset, image_id), layers, (dataset, image_id))


def _network(args, pages, model, weights):
    """Draw the weights, their change, and the gradients of a batch of the data that they were trained on."""
    from mrcnn.datasets.errors import DatasetError
    from mrcnn.weights.contents import settings_and_classes
    from pumpkin.config import PumpkinConfig
    from pumpkin.data import open_for_evaluation
    from pumpkin.inspect import draw_change, draw_gradients, draw_weights, earlier_weights

    show(f"The statistics of all weights are {draw_weights(pages, model.keras_model)}")
    earlier = earlier_weights(model.config, weights, args.since)
    if earlier is None:
        show("No change of the weights: give earlier ones with --since FILE.")
    else:
        draw_change(pages, model.keras_model, *earlier)
    try:
        dataset = open_for_evaluation(model.config, "train", weights, args.dataset, args.images)
    except DatasetError as error:
        show(f"No gradients, which need the data that the weights are trained on (--dataset): {error}")
        return
    stored, _ = settings_and_classes(weights, PumpkinConfig.names())
    draw_gradients(pages, model, dataset, stored.get("IMAGES_PER_GPU", 1))
