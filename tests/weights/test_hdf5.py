"""Weights files on disk: long lists, files that are none, damage."""

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from mrcnn.weights import hdf5, named
from mrcnn.weights.named import WeightsError


def mini():
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, name="conv1"), layers.Dense(4, name="conv2")])


def test_long_lists_and_texts_are_split(tmp_path):
    """One attribute of HDF5 holds 64 kB."""
    names = [f"a_layer_with_a_rather_long_name_{number}" for number in range(3000)]
    metadata = {"class_names": [f"class number {number}, größer" for number in range(5000)]}
    groups = [(name, [(f"{name}/kernel", np.float32([len(name)]))]) for name in names]
    nested = ("nested", [(f"{name}/bias", np.float32([number])) for number, name in enumerate(names)])
    path = tmp_path / "model.h5"
    hdf5.write_groups(path, [*groups, nested], metadata)
    assert named.read_metadata(path) == {"format": 1, **metadata}
    with hdf5.open_weights(path) as file:
        read = dict(hdf5.read_groups(file))
        assert list(read) == [*names, "nested"]
        assert [(key, float(data[0])) for key, data in read["nested"]] == [
            (f"{name}/bias", number) for number, name in enumerate(names)
        ]


# --- Files that are none -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"some text", "is not an HDF5 weights file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"PK\x03\x04....", "is a zip archive without Keras's weights"),
        (b"\x89HDF\r\n\x1a\n and no more", "is cut short or damaged"),
    ],
)
def test_files_that_are_no_weights(tmp_path, content, sentence):
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    for read in (lambda: named.load(mini(), path), lambda: named.read_metadata(path)):
        with pytest.raises(WeightsError) as error:
            read()
        assert str(error.value).startswith(f"{path}: ")
        assert sentence in str(error.value)
        assert "\n" not in str(error.value)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(WeightsError, match="there is no such weights file"):
        named.load(mini(), tmp_path / "none.h5")
    with pytest.raises(WeightsError, match="is a folder"):
        named.load(mini(), tmp_path)


def test_a_truncated_file_changes_nothing(tmp_path):
    path = tmp_path / "model.h5"
    named.save(mini(), path)
    data = path.read_bytes()
    model = mini()
    before = [tensor.numpy() for tensor in named.tensors_of(model)]
    for size in (len(data) // 3, len(data) - 100):
        path.write_bytes(data[:size])
        with pytest.raises(WeightsError, match="is cut short or damaged"):
            named.load(model, path)
    after = [tensor.numpy() for tensor in named.tensors_of(model)]
    assert all((old == new).all() for old, new in zip(before, after, strict=True))


def test_damage_inside_a_file_is_told(tmp_path):
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        group = file.create_group("conv1")
        group.attrs["weight_names"] = [b"conv1/kernel:0"]
        group.create_dataset("conv1/kernel:0", data=np.arange(12.0).reshape(3, 4), compression="gzip")
        start = group["conv1/kernel:0"].id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[start : start + 20] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(WeightsError, match=r"model\.h5: is damaged"):
        named.load(mini(), path)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"conv1"]
        file.create_group("conv1").attrs["weight_names"] = [b"conv1/kernel:0"]
    with pytest.raises(WeightsError, match="layer 'conv1' lacks its data"):
        named.load(mini(), path)


@pytest.mark.parametrize("start", range(0, 13000, 1300))
def test_whatever_byte_is_wrong_is_told_or_harmless(tmp_path, start):
    """h5py meets damage with errors of many kinds; none of them gets through."""
    path = tmp_path / "model.h5"
    named.save(mini(), path, {"class_names": ["BG", "pumpkin"]})
    model, data = mini(), path.read_bytes()
    rng = np.random.default_rng(start)
    for place in rng.integers(start, start + 1300, 40):
        damaged = bytearray(data)
        damaged[place % len(data)] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        for read in (lambda: named.load(model, path), lambda: named.read_metadata(path)):
            try:
                read()
            except WeightsError as error:
                assert str(error).startswith(f"{path}: ")


def test_hdf5_without_weights_is_told(tmp_path):
    with h5py.File(tmp_path / "table.h5", "w") as file:
        file["temperatures"] = np.arange(3)
        file["places/names"] = [b"a", b"b"]
    with pytest.raises(
        WeightsError,
        match=r"table\.h5: is HDF5 but holds no weights of Keras \(it holds places, temperatures\)",
    ):
        named.load(mini(), tmp_path / "table.h5")


# --- Versions ------------------------------------------------------------------------------------


def with_metadata(path, text):
    named.save(mini(), path)
    with h5py.File(path, "a") as file:
        file.attrs["mrcnn_metadata"] = np.bytes_(text)
    return path


def test_a_file_of_a_later_format_is_refused(tmp_path):
    path = with_metadata(tmp_path / "model.h5", '{"format": 2, "class_names": ["BG"]}')
    for read in (lambda: named.load(mini(), path), lambda: named.read_metadata(path)):
        with pytest.raises(WeightsError, match=r"model\.h5: is written in format 2 of a later version"):
            read()


@pytest.mark.parametrize("text", ["{", "[1]", "{}", '{"format": "1"}'])
def test_damaged_metadata_is_told_before_anything_is_loaded(tmp_path, text):
    path = with_metadata(tmp_path / "model.h5", text)
    for read in (lambda: named.load(mini(), path), lambda: named.read_metadata(path)):
        with pytest.raises(WeightsError, match=r"model\.h5: its metadata is damaged"):
            read()
