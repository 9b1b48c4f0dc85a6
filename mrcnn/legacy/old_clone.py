"""A copy of matterport's ``mrcnn`` on the program's path is passed over, since ours is loaded already."""

import sys
from pathlib import Path

import mrcnn
from mrcnn.legacy.imports import before_import
from mrcnn.supplied.names import say


def supply():
    """Tell of other copies when the program imports the first module of mrcnn."""
    for module in ("config", "model", "utils", "visualize"):
        before_import(f"mrcnn.{module}", tell_of_copies)


def tell_of_copies():
    """Say which folders of sys.path hold another mrcnn than this one."""
    ours = Path(mrcnn.__file__).resolve().parent
    for entry in sys.path:
        copy = (Path(entry or ".") / "mrcnn").resolve()
        if copy != ours and (copy / "__init__.py").is_file():
            say(f"the copy of mrcnn in {copy.parent} is passed over; this package's is used.")
