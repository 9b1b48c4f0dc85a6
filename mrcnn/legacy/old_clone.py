"""Report copies of matterport's ``mrcnn`` on the program's path. They are ignored: this package is loaded."""

import sys
from pathlib import Path

import mrcnn
from mrcnn.legacy.imports import before_import
from mrcnn.supplied.names import say


def supply():
    """Report other copies when the program imports its first module of mrcnn."""
    for module in ("config", "model", "utils", "visualize"):
        before_import(f"mrcnn.{module}", tell_of_copies)


def tell_of_copies():
    """Report the folders of sys.path that hold another mrcnn than this one."""
    ours = Path(mrcnn.__file__).resolve().parent
    for entry in sys.path:
        copy = (Path(entry or ".") / "mrcnn").resolve()
        if copy != ours and (copy / "__init__.py").is_file():
            say(f"the copy of mrcnn in {copy.parent} is ignored; this package is used.")
