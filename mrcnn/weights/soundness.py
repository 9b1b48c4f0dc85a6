"""Refuse what a weights file has no need of and what makes reading it unsafe.

HDF5 can place data in other files, and can declare terabytes in a file of a few kilobytes.
"""

import h5py

from mrcnn.weights.errors import Fault

# A file's tensors may take this many times its own size, the most that deflate can compress, and this many
# bytes more: HDF5 stores nothing of a tensor that was never written.
_EXPANSION, _SMALL = 1032, 1 << 26
_NUMBERS = "biuf"  # kinds of NumPy types
_OWN_LINKS = {h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT}


def check_links(file):
    """Raise Fault if a link of an open file leads out of it."""
    # visit ends at the first result that is not None; it does not follow links to other files.
    name = file.id.links.visit(lambda name, info: None if info.type in _OWN_LINKS else name, info=True)
    if name is not None:
        raise Fault(f"is damaged: {name.decode(errors='replace')!r} links to another file; save it again")


def check_tensor(path, dataset):
    """Raise Fault unless an object of a file is an array of numbers that the file itself holds."""
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise Fault(f"is damaged: {path!r} is no array")
    if dataset.external or dataset.is_virtual:
        raise Fault(f"is damaged: {path!r} lies in another file; save it again")
    if dataset.dtype.kind not in _NUMBERS:
        raise Fault(f"is damaged: {path!r} holds {dataset.dtype} instead of numbers")


def check_expansion(stored, size):
    """Raise Fault if a file declares far more data than it can hold.

    stored: bytes of the file. size: bytes of what is to be read from it.
    """
    if size > _EXPANSION * stored + _SMALL:
        raise Fault(f"is damaged: it declares {size:,} bytes of data in {stored:,} bytes")
