"""Gather rows of a table or entries along an axis, with gradients that scatter no row twice.

S: gathered rows, C: channels.
The gradient of a gather adds the gradients of all copies of a row. XLA makes the scatter that adds them
repeatable on a GPU by sorting every channel of every copy, which took more than half of a training step. Here
the numbers of the rows are sorted once for all channels and all gathers, and neighbours in that order are
added in a fixed tree.
"""

from keras import ops

from mrcnn import backend


def weighted_rows(table, parts):
    """Return the sum of weight * table[index] over the pairs (index, weight) of ``parts``.

    table: [rows, C]. index: [...] int, in [0, rows). weight: [...]; all parts have one shape.
    Returns [..., C] float32. Gradients flow to the table alone.
    """
    if backend.scatters_by_sorting():
        return _with_sorted_gradient(table, parts)
    return _add_rows(table, parts)


def take_rows(table, index):
    """Return table[index]: [rows, C] and [...] int to [..., C] in the table's dtype."""
    if backend.scatters_by_sorting():
        weight = ops.ones_like(index, dtype="float32")
        return ops.cast(_with_sorted_gradient(table, [(index, weight)]), table.dtype)
    return ops.take(table, index, axis=0)


def pick(values, index, axis):
    """Return one entry of ``values`` along ``axis`` for each place on its other axes.

    index: int, of the values' shape, with 1 at ``axis`` and at axes along which it does not change; 0 is
    returned where it is outside the axis. The gradient is a selection, not a scatter.
    """
    number = ops.arange(values.shape[axis], dtype=index.dtype)
    number = ops.reshape(number, [-1 if i == axis else 1 for i in range(len(values.shape))])
    return ops.sum(ops.where(ops.equal(number, index), values, ops.zeros_like(values)), axis=axis)


def sum_rows(rows, index, count):
    """Add the rows with equal index: [S, C] and [S] int in [0, count) to [count, C].

    The order of additions depends on ``index`` alone, so the result has the same bits on every run. A tree
    adds them, so rounding grows with the logarithm of the number of equal indices.
    """
    order = ops.argsort(index, axis=0)
    index, rows = ops.take(index, order, axis=0), ops.take(rows, order, axis=0)
    # Each row's sum with the rows before it that have its index; the last one of an index is the whole sum.
    _, sums = ops.associative_scan(_join, (index[:, None], rows))
    number = ops.arange(count, dtype=index.dtype)
    last = ops.cast(ops.searchsorted(index, number, side="right"), "int32") - 1
    place = ops.maximum(last, 0)
    found = ops.logical_and(last >= 0, ops.equal(ops.take(index, place, axis=0), number))
    return ops.where(found[:, None], ops.take(sums, place, axis=0), ops.zeros_like(sums[:1]))


def _join(before, after):
    """Join two neighbouring stretches of sorted rows: (last index, sum of the last rows that have it).

    If both end with one index, the second stretch has no other.
    """
    (index_before, sum_before), (index, total) = before, after
    return index, ops.where(ops.equal(index_before, index), sum_before + total, total)


def _add_rows(table, parts):
    total = 0.0
    for index, weight in parts:
        row = ops.cast(ops.take(table, index, axis=0), "float32")
        total = total + row * ops.expand_dims(weight, axis=-1)
    return total


def _with_sorted_gradient(table, parts):
    """As _add_rows, with the gradient of the table by sum_rows."""
    count, channels = table.shape
    parts = [(index, ops.stop_gradient(weight)) for index, weight in parts]

    @ops.custom_gradient
    def add(table):
        def gradient(*upstream_of_all, upstream=None):
            (upstream,) = upstream_of_all or (upstream,)
            rows = ops.stack([upstream * ops.expand_dims(weight, axis=-1) for _, weight in parts])
            index = ops.reshape(ops.stack([index for index, _ in parts]), (-1,))
            return ops.cast(sum_rows(ops.reshape(rows, (-1, channels)), index, count), table.dtype)

        return _add_rows(table, parts), gradient

    return add(table)
