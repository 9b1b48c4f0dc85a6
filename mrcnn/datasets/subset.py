"""Subset: some images of a data set, with the interface of a data set."""

import dataclasses
import inspect

from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.scan import look


class Subset(Dataset):
    """Some images of a prepared Dataset, under the ids 0, 1, ...

    whole: the data set. positions: the ids there of the images, in the new order. faults: those of the whole
    that belong to these images. ``image_info`` holds the same dicts, so that a run identifies its data by
    them. Everything about an image is asked of the whole under the image's id there, whatever methods the
    class of a user's own overrides.
    """

    def __init__(self, whole, positions, faults=()):
        super().__init__()
        self.faults = list(faults)
        self.whole = whole
        self.positions = [int(position) for position in positions]
        self.class_info = list(whole.class_info)
        self.image_info = [whole.image_info[position] for position in self.positions]
        self.known_classes = whole.known_classes
        self.prepare()

    def scan(self, image_id):
        """Return the facts about an image for the data check, under its id here."""
        found = look(self.whole, self.positions[image_id])
        return dataclasses.replace(found, image_id=int(image_id))

    def __getattr__(self, name):
        """Return what only the class of the whole has."""
        if name in ("whole", "positions"):  # not set yet
            raise AttributeError(name)
        return getattr(self.whole, name)


def _forwarded(name):
    """Return a method that calls the whole's with the image's id there."""

    def method(self, image_id, *args, **kwargs):
        return getattr(self.whole, name)(self.positions[image_id], *args, **kwargs)

    method.__doc__ = getattr(Dataset, name).__doc__
    return method


# Each method of Dataset that takes an image's id first.
for _name, _function in inspect.getmembers(Dataset, inspect.isfunction):
    if list(inspect.signature(_function).parameters)[1:2] == ["image_id"] and _name not in vars(Subset):
        setattr(Subset, _name, _forwarded(_name))
