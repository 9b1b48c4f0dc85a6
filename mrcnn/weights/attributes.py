"""Attributes of HDF5 files: texts and lists of texts, split where one attribute cannot hold them.

An attribute has at most 64 kB with its header. Keras 2 splits a longer list over name0, name1, ...
"""

import numpy as np

ATTRIBUTE_LIMIT = 64512  # the size at which Keras 2 splits


def decode(value):
    """Return a text of HDF5, bytes in UTF-8 or str, as str."""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def write_list(group, name, texts):
    """Write a list of texts as one attribute of a group or file, or split over several."""
    array = np.array([text.encode("utf-8") for text in texts], dtype=np.bytes_)
    pieces = 1
    while any(piece.nbytes > ATTRIBUTE_LIMIT for piece in np.array_split(array, pieces)):
        pieces += 1
    if pieces == 1:
        group.attrs[name] = array
        return
    for number, piece in enumerate(np.array_split(array, pieces)):
        group.attrs[f"{name}{number}"] = piece


def read_list(group, name):
    """Read a list of texts; without it, an empty one."""
    if name in group.attrs:
        return [decode(value) for value in group.attrs[name]]
    return [decode(value) for piece in _pieces(group, name) for value in piece]


def write_text(group, name, text):
    """Write an ASCII text as one attribute of a group or file, or split over several."""
    data = text.encode("ascii")
    if len(data) <= ATTRIBUTE_LIMIT:
        group.attrs[name] = np.bytes_(data)
        return
    for number, start in enumerate(range(0, len(data), ATTRIBUTE_LIMIT)):
        group.attrs[f"{name}{number}"] = np.bytes_(data[start : start + ATTRIBUTE_LIMIT])


def read_text(group, name):
    """Read a text, or None without one."""
    if name in group.attrs:
        return decode(group.attrs[name])
    return "".join(decode(piece) for piece in _pieces(group, name)) or None


def _pieces(group, name):
    number = 0
    while f"{name}{number}" in group.attrs:
        yield group.attrs[f"{name}{number}"]
        number += 1
