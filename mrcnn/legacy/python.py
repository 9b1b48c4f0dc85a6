"""What Python's own library has removed: time.clock, fractions.gcd, distutils, seeds of any type, more."""

import collections
import collections.abc
import fractions
import functools
import inspect
import random
import time

from mrcnn.legacy.imports import supply_alias, supply_module
from mrcnn.supplied.names import from_table, say, supply_names

ABSTRACT = {name: f"collections.abc:{name}" for name in collections.abc.__all__}


def supply():
    """Add the names to their modules, and supply distutils.version if it is missing (from Python 3.12 on).

    ``random.seed`` takes seeds of any type again, such as a datetime.
    """
    supply_names(time, from_table({"clock": "time:perf_counter"}), "time", "Python")
    supply_names(fractions, from_table({"gcd": "math:gcd"}), "fractions", "Python")
    supply_names(collections, from_table(ABSTRACT), "collections", "Python")
    supply_names(inspect, from_table({"getargspec": "mrcnn.legacy.python:getargspec"}), "inspect", "Python")
    random.seed = _taking_any(random.seed)
    supply_module("distutils", lambda module: None, "")
    supply_alias("distutils.version", "mrcnn.legacy.old_versions", "Python")


ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def getargspec(func):
    """Return the names and the defaults of a function's arguments."""
    return ArgSpec(*inspect.getfullargspec(func)[:4])


def _taking_any(seed):
    """Wrap random.seed to take the hash of what it no longer accepts."""

    @functools.wraps(seed)
    def wrapper(a=None, version=2):
        if not isinstance(a, (type(None), int, float, str, bytes, bytearray)):
            say(f"random.seed no longer accepts a {type(a).__name__}; using its hash.")
            a = hash(a)
        return seed(a, version)

    return wrapper
