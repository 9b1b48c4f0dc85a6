"""Names removed from Python's own library: time.clock, fractions.gcd, classes in collections, distutils."""

import collections
import collections.abc
import fractions
import time

from mrcnn.legacy.imports import supply_alias, supply_module
from mrcnn.supplied.names import from_table, supply_names

ABSTRACT = {name: f"collections.abc:{name}" for name in collections.abc.__all__}


def supply():
    """Add the names to their modules, and supply distutils.version if it is missing (from Python 3.12 on)."""
    supply_names(time, from_table({"clock": "time:perf_counter"}), "time", "Python")
    supply_names(fractions, from_table({"gcd": "math:gcd"}), "fractions", "Python")
    supply_names(collections, from_table(ABSTRACT), "collections", "Python")
    supply_module("distutils", lambda module: None, "")
    supply_alias("distutils.version", "mrcnn.legacy.old_versions", "Python")
