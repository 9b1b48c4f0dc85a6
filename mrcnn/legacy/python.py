"""What Python's own library has lost: ``time.clock`` and the abstract classes in ``collections``."""

import collections
import collections.abc
import time

from mrcnn.supplied import from_table, supply_names

ABSTRACT = {name: f"collections.abc:{name}" for name in collections.abc.__all__}


def supply():
    """Let ``time`` and ``collections`` answer for the names."""
    supply_names(time, from_table({"clock": "time:perf_counter"}), "time", "Python")
    supply_names(collections, from_table(ABSTRACT), "collections", "Python")
