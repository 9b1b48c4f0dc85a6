"""Weights files that lead elsewhere or declare more than they hold are refused before anything is read."""

import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mrcnn.weights import hdf5, named
from mrcnn.weights.hdf5 import WeightsError


def mini():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, name="conv1"), layers.Dense(4, name="conv2")])


def link_out(group, path):
    with h5py.File(path.with_name("other.h5"), "w") as file:
        file["a"] = np.zeros(4, "float32")
    group["conv1/kernel:0"] = h5py.ExternalLink(str(path.with_name("other.h5")), "a")


def link_group_out(group, path):
    group.file["elsewhere"] = h5py.ExternalLink("missing.h5", "/")
    group["conv1/kernel:0"] = np.zeros(4)


def store_outside(group, path):
    path.with_name("raw").write_bytes(bytes(48))
    group.create_dataset("conv1/kernel:0", (12,), "float32", external=[(str(path.with_name("raw")), 0, 48)])


def map_outside(group, path):
    layout = h5py.VirtualLayout((12,), "float32")
    layout[:] = h5py.VirtualSource(str(path.with_name("other.h5")), "a", (12,))
    group.create_virtual_dataset("conv1/kernel:0", layout)


def declare_much(group, path):
    group.create_dataset("conv1/kernel:0", (10**6, 10**6), "float32", chunks=(100, 100))


def write_text(group, path):
    group["conv1/kernel:0"] = [b"a"]


def write_nothing(group, path):
    group.create_dataset("conv1/kernel:0", data=h5py.Empty("float32"))


def write_group(group, path):
    group.create_group("conv1/kernel:0")


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (link_out, "'conv1/conv1/kernel:0' links to another file; save it again."),
        (link_group_out, "'elsewhere' links to another file; save it again."),
        (store_outside, "'conv1/kernel' lies in another file; save it again."),
        (map_outside, "'conv1/kernel' lies in another file; save it again."),
        (declare_much, "it declares 4,000,000,000,000 bytes of data in {size:,} bytes."),
        (write_text, "'conv1/kernel' holds object instead of numbers."),
        (write_nothing, "'conv1/kernel' is no array."),
        (write_group, "'conv1/kernel' is no array."),
    ],
)
def test_files_that_lie(tmp_path, write, told):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        file.create_group("conv1").attrs["weight_names"] = [b"conv1/kernel:0"]
        write(file["conv1"], path)
    with pytest.raises(WeightsError) as caught:
        named.load(mini(), path)
    assert str(caught.value) == f"{path}: is damaged: {told.format(size=path.stat().st_size)}"


def test_a_tensor_of_another_shape_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "model.h5"
    wide = keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, name="conv1"), layers.Dense(9, name="conv2"), layers.Dense(2)]
    )
    named.save(wide, path)
    read, plain = [], h5py.Dataset.__getitem__

    def noting(dataset, key):
        read.append(dataset.name)
        return plain(dataset, key)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", noting)
    report = named.load(mini(), path)
    assert read == ["/conv1/conv1/kernel:0", "/conv1/conv1/bias:0"]
    assert report.loaded == ["conv1/kernel", "conv1/bias"]
    assert report.shape_differs == {"conv2/kernel": ((4, 9), (4, 4)), "conv2/bias": ((9,), (4,))}


def test_groups_within_themselves_are_visited_once(tmp_path):
    """Thirty groups with two links each to the next would be visited a thousand million times."""
    path = tmp_path / "model.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers")
        for _ in range(30):
            group["a"] = group["b"] = group.file.create_group(None)
            group = group["a"]
        group["back"] = file["layers"]
        group.create_group("vars").attrs["name"] = "conv1"
        group["vars/0"], group["vars/1"] = np.full((3, 4), 2.0), np.full(4, 3.0)
    with hdf5.open_weights(path) as file:
        [(name, tensors)] = hdf5.read_groups(file)
        assert (name, [key for key, _ in tensors]) == ("conv1", ["conv1/0", "conv1/1"])


def test_an_archive_that_expands_without_end(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n" + bytes(1 << 20))
    data = bytearray(path.read_bytes())
    place = data.rindex(b"PK\x01\x02") + 24  # the size in the directory
    data[place : place + 4] = (4_000_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        named.load(mini(), path)
    told = f"is damaged: it declares 4,000,000,000 bytes of data in {len(data):,} bytes."
    assert str(caught.value) == f"{path}: {told}"


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ('{"format": 1, "config": []}', "its config is a list instead of an object"),
        ('{"format": 1, "class_names": 5}', "its class_names is a number instead of a list"),
        ('{"format": 1, "class_names": ["BG", 5]}', "one of its class_names is no text"),
        ('{"format": 1, "epoch": "3"}', "its epoch is text instead of a number"),
        ('{"format": true}', "its format is true or false instead of a number"),
    ],
)
def test_metadata_of_other_types(tmp_path, metadata, told):
    path = tmp_path / "model.h5"
    named.save(mini(), path)
    with h5py.File(path, "a") as file:
        file.attrs["mrcnn_metadata"] = np.bytes_(metadata)
    for read in (lambda: named.load(mini(), path), lambda: named.read_metadata(path)):
        with pytest.raises(WeightsError) as caught:
            read()
        assert str(caught.value) == f"{path}: its metadata is damaged ({told})."
