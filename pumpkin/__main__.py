"""``mrcnn COMMAND``, or ``python -m pumpkin COMMAND``: the commands under one name.

A command's module is imported when it is called, so that the list of them appears at once.
"""

import difflib
import importlib
import sys

from pumpkin import interrupts

# Each command with its line in --help. Its module pumpkin.commands.<name> has parse() and main().
COMMANDS = {
    "demo": "render scenes, train on them, and outline the pumpkins",
    "download": "download images and masks of Open Images classes",
    "synthetic": "render pumpkin scenes with exact masks",
    "check": "find faults in a data set before training",
    "convert": "write a data set as COCO, YOLO, labelme or mask images",
    "train": "train on a data set, resume a run, or reproduce one",
    "evaluate": "measure COCO AP on a data set",
    "compare": "compare runs on the same images, or list them",
    "detect": "outline the instances in images",
    "inspect": "draw the network's stages, its weights, and how it learns",
}

USAGE = """\
usage: {program} COMMAND ...

Instance segmentation with Mask R-CNN on Keras 3.

commands:
{commands}

options:
  -h, --help  show this text; {program} COMMAND --help shows the options of a command
  --version   show the version
"""


def main(arguments=None):
    """Run the command that the first argument names; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    interrupts.end_at_once(arguments[0] if arguments and arguments[0] in COMMANDS else "mrcnn")
    from pumpkin import ending

    try:
        return ending.run("mrcnn", lambda: _run(*arguments))
    finally:
        interrupts.end_in_order()


def _run(name=None, *words):
    from mrcnn.screen import show
    from mrcnn.version import version

    if name is None:
        show(*usage(), file=sys.stderr)
        return 2
    if name in ("-h", "--help"):
        show(*usage())
        return 0
    if name == "--version":
        show(f"mrcnn {version()}")
        return 0
    if name not in COMMANDS:
        show(f"mrcnn: {_unknown(name)}", file=sys.stderr)
        return 2
    return importlib.import_module(f"pumpkin.commands.{name}").main(words)


def usage():
    """Return the lines of --help."""
    from pumpkin.calls import program

    commands = "\n".join(f"  {name:10}  {text}" for name, text in COMMANDS.items())
    return USAGE.format(program=program(), commands=commands).splitlines()


def _unknown(name):
    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"there is no command {name!r}{hint} The commands are {', '.join(COMMANDS)}."


if __name__ == "__main__":
    sys.exit(main())
