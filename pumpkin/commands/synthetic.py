"""Write a data set of rendered pumpkin scenes."""

from mrcnn.screen import show
from pumpkin import ending
from pumpkin.calls import typed
from pumpkin.interrupts import STOPPED, end_in_order
from pumpkin.options import Parser
from pumpkin.synthetic.folder import SPLITS, SyntheticError, generate
from pumpkin.synthetic.layout import STYLES
from pumpkin.synthetic.scene import OVERLAPPED
from pumpkin.synthetic.sheet import contact_sheet


def parse(argv):
    """Parse the command line's arguments."""
    parser = Parser(
        prog=typed("synthetic"),
        description="Render pumpkin scenes with exact instance masks, in the same folder layout as a "
        "download. The same arguments give the same bytes on every run.",
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="folder to write the data set to")
    parser.add_argument("--train", type=int, default=0, metavar="N", help="number of training scenes")
    parser.add_argument("--val", type=int, default=0, metavar="N", help="number of validation scenes")
    parser.add_argument("--test", type=int, default=0, metavar="N", help="number of test scenes")
    parser.add_argument("--seed", type=int, default=0, help="seed of all randomness (default 0)")
    parser.add_argument(
        "--size", type=int, default=320, help="longer side of an image in pixels (default 320)"
    )
    parser.add_argument(
        "--clumps", choices=tuple(STYLES), default="normal", help="how densely pumpkins are placed"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (default: one per CPU core)")
    parser.add_argument("--overwrite", action="store_true", help="replace scenes of an earlier run in DIR")
    parser.add_argument("--sheet", metavar="FILE", help="also write a contact sheet (PNG) of the first split")
    parser.add_argument("--sheet-count", type=int, default=24, metavar="N", help="images on it (default 24)")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command and return its exit status."""
    stopped = (STOPPED, "stopped; the folder is incomplete: run again with --overwrite.")
    return ending.run(
        "synthetic", lambda: render(parse(argv)), (SyntheticError,), status=lambda _: 2, stopped=stopped
    )


def render(args):
    """Render the scenes, and print what they hold."""
    counts = {split: getattr(args, split) for split in SPLITS}
    end_in_order()
    manifest = generate(
        args.out, counts, args.seed, args.size, args.clumps, args.workers, args.overwrite, progress=True
    )
    show(describe(args.out, manifest))
    if args.sheet:
        split = next(name for name in SPLITS if counts[name])
        contact_sheet(args.out, split, args.sheet_count, args.sheet)
        show(f"Contact sheet: {args.sheet}")


def describe(out, manifest):
    """Return the manifest's summary as a sentence. out: the folder, for the text."""
    s = manifest["summary"]
    return (
        f"{out}: {s['images']} images ({s['without_pumpkins']} without a pumpkin), {s['pumpkins']} pumpkins, "
        f"at most {s['most_in_an_image']} per image; {100 * s['overlapped']:.0f} % are overlapped (at least "
        f"{100 * OVERLAPPED:.0f} % of the silhouette in the frame is hidden), "
        f"{100 * s['touching']:.0f} % touch another mask."
    )
