"""The order in which the callbacks of a run act: each class declares its place, whoever lists it first."""

import enum


class Order(enum.IntEnum):
    """Places of callbacks, the first to act at every event first.

    A callback declares its place as the attribute ``order``; one that declares none has the place ADDED.
    A whole number between two of these is a place, too.
    """

    COUNT = 10  # knows epoch and step, which others ask for
    SWAP = 20  # puts the averaged weights in place for validation
    GUARD = 30  # stops at numbers that are not finite, before anything is written of them
    MEASURE = 40  # adds numbers on the training to the logs
    EVALUATE = 50  # adds AP to the logs; its time and memory are not the training's
    RECORD = 60  # prints or writes the logs, which are complete by now
    DRAW = 70  # reads what was written
    KEEP = 80  # writes weights and finds the best epoch
    STOP = 90  # ends the run, knowing the best epoch
    ADDED = 100  # the user's callbacks
    SAVE = 110  # saves the state of all callbacks above; what acts later is not in it


def in_order(callbacks):
    """Callbacks by their places; those of one place stay in the order of the list.

    Raises TypeError for a callback whose ``order`` is no whole number.
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
