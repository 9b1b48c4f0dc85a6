"""The order in which the callbacks of a run act: each class declares its place."""

import enum


class Order(enum.IntEnum):
    """The places of callbacks; at every event, lower values act first.

    A callback declares its place as the attribute ``order``; without it, the place is ADDED.
    Any whole number between two of these is also a place.
    """

    COUNT = 10  # counts epoch and step, which others read
    SWAP = 20  # swaps in the averaged weights for validation
    GUARD = 30  # stops at numbers that are not finite, before they are written
    MEASURE = 40  # adds speed and memory to the logs
    EVALUATE = 50  # adds AP to the logs; after MEASURE, which excludes its time and memory
    RECORD = 60  # prints or writes the complete logs
    DRAW = 70  # reads the written files
    KEEP = 80  # writes weights and finds the best epoch
    STOP = 90  # ends the run; needs the best epoch
    ADDED = 100  # the user's callbacks
    SAVE = 110  # saves the state of all callbacks above; of later ones it saves nothing


def in_order(callbacks):
    """Sort callbacks by their places; those of one place keep the order of the list.

    Raises TypeError for a callback whose ``order`` is not a whole number.
    """
    return sorted(callbacks, key=_place)


def _place(callback):
    place = getattr(callback, "order", Order.ADDED)
    if isinstance(place, bool) or not isinstance(place, int):
        raise TypeError(
            f"The callback {type(callback).__name__} has order {place!r}; expected a member of "
            "mrcnn.training.order.Order or a whole number."
        )
    return place
