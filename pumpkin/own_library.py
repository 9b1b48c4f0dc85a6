"""Import the library beside this package, although the working folder may hold another of its name.

In the root of a clone of matterport's code, ``python -m`` and notebooks find the clone's folder mrcnn first.
"""

import importlib.util
import sys
from pathlib import Path

OURS = Path(__file__).resolve().parents[1] / "mrcnn" / "__init__.py"


def load():
    """Make ``import mrcnn`` find this library. Raises ImportError if another mrcnn was imported before."""
    found = importlib.util.find_spec("mrcnn")
    other = Path(found.origin).resolve() if found is not None and found.origin else None
    if other == OURS or not OURS.is_file():
        return
    if "mrcnn" in sys.modules:
        place = other.parent if other else "elsewhere"
        raise ImportError(
            f"The program imported mrcnn from {place}, which shadows the mrcnn in {OURS.parent}: start again "
            "with `import pumpkin.legacy` before any import of mrcnn."
        )
    spec = importlib.util.spec_from_file_location(
        "mrcnn", OURS, submodule_search_locations=[str(OURS.parent)]
    )
    sys.modules["mrcnn"] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
