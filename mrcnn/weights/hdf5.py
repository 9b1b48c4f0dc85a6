"""Weights files on disk: HDF5 in the layouts of matterport, Keras 2 and Keras 3.

Keras 2, and so matterport: the attribute ``layer_names`` (at the root or under ``model_weights``) lists
groups, and each group's attribute ``weight_names`` lists its datasets, ``conv1/kernel:0``. A nested model
is one group. Keras 3 (``.weights.h5``, also within ``.keras``): groups are numbered by class, and the layer's
name is an attribute of its group ``vars``, whose datasets are numbered.

This module handles files only; ``mrcnn.weights.named`` matches them with models.
"""

import contextlib
import io
import lzma
import os
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np

from mrcnn.files import write_bytes
from mrcnn.weights import attributes, metadata, soundness
from mrcnn.weights.errors import Fault, WeightsError

# What Keras 2 reads to decide whether to convert kernels: none of them, whatever wrote the file. It decodes
# them from bytes, which h5py 3 returns for strings of fixed length alone.
_LAYOUT_ATTRIBUTES = {"backend": np.bytes_("tensorflow"), "keras_version": np.bytes_("2.15.0")}

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_WEIGHTS_IN_ZIP = "model.weights.h5"  # in a .keras archive
_OTHER_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: run `git lfs pull`"),
    (b"<!doctype html", "a web page, not the file itself: download it again"),
    (b"<html", "a web page, not the file itself: download it again"),
    (_ZIP.lower(), "a zip archive without Keras's weights, as PyTorch's files are, or cut short"),
)
# The exceptions that h5py and zipfile raise for damaged files; OSError is only one of them.
_DAMAGE = (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError)
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)


@contextlib.contextmanager
def open_weights(path):
    """Open the HDF5 file at ``path``, or in the ``.keras`` archive at ``path``, for reading.

    Raises WeightsError with the path if the file is missing, a folder, empty, truncated, not HDF5, or of a
    later format than metadata.FORMAT, if it has data in other files, and if reading within the ``with`` block
    fails. The message contains that of h5py, whose traceback is hidden.
    """
    path = Path(path)
    try:
        file = _open(path)
    except Fault as error:
        raise WeightsError(f"{path}: {error}.") from None
    except (OSError, *_ZIP_DAMAGE) as error:
        raise WeightsError(f"{path}: {_why_unreadable(path, error)}.") from None
    with file:
        try:
            soundness.check_links(file)
            _metadata(file)
            yield file
        except WeightsError:
            raise
        except Fault as error:
            raise WeightsError(f"{path}: {error}.") from None
        except _DAMAGE as error:
            raise WeightsError(f"{path}: is damaged ({error}); download or copy it again.") from None


def _open(path):
    if path.is_file() and _first_bytes(path).startswith(_ZIP):
        with zipfile.ZipFile(path) as archive:
            if _WEIGHTS_IN_ZIP in archive.namelist():
                return h5py.File(io.BytesIO(_read_member(archive, path.stat().st_size)), "r")
    return h5py.File(path, "r")


def _read_member(archive, size):
    """Read the weights in a .keras archive of ``size`` bytes, at most as many as the archive declares."""
    declared = archive.getinfo(_WEIGHTS_IN_ZIP).file_size
    soundness.check_expansion(size, declared)
    with archive.open(_WEIGHTS_IN_ZIP) as member:
        return member.read(declared)


def _first_bytes(path):
    with path.open("rb") as file:
        return file.read(64)


def _why_unreadable(path, error):
    """Return why h5py cannot open a file."""
    if not os.path.exists(path):  # False also for a name that the system does not take
        return "there is no such weights file"
    if path.is_dir():
        return "is a folder, not a weights file"
    try:
        start = _first_bytes(path)
    except OSError as unreadable:
        return f"cannot be read ({unreadable.strerror})"
    if not start:
        return "is empty (0 bytes)"
    if start.startswith(_SIGNATURE):
        return f"is cut short or damaged ({path.stat().st_size} bytes); download or copy it again"
    for first_bytes, kind in _OTHER_KINDS:
        if start.lstrip().lower().startswith(first_bytes):
            return f"is {kind}"
    return f"is not an HDF5 weights file ({error})"


def read_groups(file):
    """List the groups of a weights file: [(group name, [(path, dataset), ...]), ...].

    file: from ``open_weights``; within its block, faults of the file become WeightsErrors. A path ends in
    the weight's name, ``rpn_conv_shared/kernel``, or in Keras 3's layout in its number,
    ``rpn_model/rpn_conv_shared/0``. Groups without datasets are omitted. The datasets hold numbers, and
    together not much more than the file.
    """
    root = file.get("model_weights", file)
    if "layer_names" in root.attrs or "layer_names0" in root.attrs:
        groups = [
            (name, _read_keras2_group(root, name)) for name in attributes.read_list(root, "layer_names")
        ]
    else:
        groups = _read_keras3_groups(file)
    for path, dataset in (tensor for _, tensors in groups for tensor in tensors):
        soundness.check_tensor(path, dataset)
    declared = sum(dataset.nbytes for _, tensors in groups for _, dataset in tensors)
    soundness.check_expansion(file.id.get_filesize(), declared)
    return [(name, tensors) for name, tensors in groups if tensors]


def _read_keras2_group(root, name):
    try:
        group = root[name]
        paths = attributes.read_list(group, "weight_names")
        return [(path.removesuffix(":0"), group[path]) for path in paths]
    except KeyError as error:
        raise Fault(f"is damaged: layer {name!r} lacks its data") from error


def _read_keras3_groups(file):
    found = list(_named_variables(file))
    if not found:
        raise Fault(f"is HDF5 but holds no weights of Keras (it holds {', '.join(file) or 'nothing'})")
    if not any(names for names, _ in found):
        raise Fault(
            "holds no layer names, so its weights cannot be told apart. If an early Keras 3 wrote it, load "
            "it there into the model it came from and save that again"
        )
    return [
        (names[-1], [("/".join([*names, number]), own[number]) for number in sorted(own, key=_number)])
        for names, own in found
        if names
    ]


def _named_variables(group, names=(), seen=None):
    """Yield the groups ``vars`` below a group with the names of their layers and of the enclosing layers.

    seen: the addresses of groups already visited, since links may make a group its own child.
    """
    seen = set() if seen is None else seen
    address = h5py.h5o.get_info(group.id).addr
    if address in seen:
        return
    seen.add(address)
    own = group.get("vars")
    if isinstance(own, h5py.Group):
        names = (*names, attributes.decode(own.attrs["name"])) if "name" in own.attrs else names
        yield names, own
    for key, child in group.items():
        # The optimizer's slots and the states of random generators are not weights of the model.
        foreign = key == "optimizer" or "seed_generator" in key
        if isinstance(child, h5py.Group) and key != "vars" and not foreign:
            yield from _named_variables(child, names, seen)


def _number(text):
    return (0, int(text)) if text.isdigit() else (1, text)


def write_groups(path, groups, facts=None):
    """Write a file in matterport's layout, which Keras 2's ``load_weights(by_name=True)`` reads.

    groups: [(group name, [(path, array), ...])], path like ``conv1/kernel``. facts: for metadata.encode.
    Equal input gives equal bytes. The file appears under its name only when it is complete.
    """
    image = _image(groups, metadata.encode(facts))
    try:
        write_bytes(path, image)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written: {error.strerror}.") from error


def _image(groups, text):
    """Return the bytes of a file. HDF5 itself ends in disorder on a full disk, so it never writes to one."""
    # The oldest HDF5 format suits old readers; without timestamps, equal input gives equal bytes.
    with h5py.File(
        "image", "w", driver="core", backing_store=False, libver=("earliest", "v108"), track_order=False
    ) as file:
        file.attrs.update(_LAYOUT_ATTRIBUTES)
        attributes.write_list(file, "layer_names", [name for name, _ in groups])
        attributes.write_text(file, metadata.KEY, text)
        for name, tensors in groups:
            group = file.create_group(name)
            attributes.write_list(group, "weight_names", [f"{key}:0" for key, _ in tensors])
            for key, array in tensors:
                group.create_dataset(f"{key}:0", data=array, track_times=False)
        file.flush()
        return file.id.get_file_image()


def read_metadata(path):
    """Read the dict that was saved with the weights, with ``format``; {} for files of other programs.

    Raises WeightsError like ``open_weights``.
    """
    with open_weights(path) as file:
        return _metadata(file)


def _metadata(file):
    return metadata.decode(attributes.read_text(file, metadata.KEY))
