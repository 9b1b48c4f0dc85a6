"""Choose some of many items, evenly spread over them."""

import numpy as np


def evenly(items, count):
    """Return at most ``count`` of some items, in their order; all of them if count is None."""
    if count is None or len(items) <= count:
        return items
    return [items[int(k)] for k in (np.arange(count) + 0.5) * (len(items) / count)]
