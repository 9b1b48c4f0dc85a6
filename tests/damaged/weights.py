"""Weights files of ours, of matterport's code and of Keras, and how to damage HDF5."""

import json
from functools import cache

import h5py
import numpy as np

from tests.damaged.mutations import change_bytes, change_tree


@cache
def network():
    """A network for all mutations: Keras keeps memory of each that is built."""
    import keras

    layers = [keras.layers.Dense(8, name="fpn_c5p5"), keras.layers.Dense(3, name="mrcnn_class_logits")]
    return keras.Sequential([keras.Input((3,)), *layers])


def write_ours(root):
    from mrcnn.weights import named
    from pumpkin.config import PumpkinConfig

    config = PumpkinConfig.of(({"CLASSES": ["date", "fig"], "TOP_DOWN_PYRAMID_SIZE": 8}, "test"))
    metadata = {"class_names": ["BG", "date", "fig"], "config": config.to_plain(), "epoch": 3}
    named.save(network(), root / "a.h5", metadata)
    return [root / "a.h5"]


def write_matterports(root):
    from tests.stored import keras2_file

    kernels = {"fpn_c5p5": (3, 8), "mrcnn_class_logits": (8, 3)}
    groups = {
        name: {f"{name}/kernel:0": np.ones(shape, "float32"), f"{name}/bias:0": np.ones(shape[1], "float32")}
        for name, shape in kernels.items()
    }
    return [keras2_file(root / "a.h5", groups)]


def write_keras(root):
    network().save_weights(root / "a.weights.h5")
    return [root / "a.weights.h5"]


def write_archive(root):
    network().save(root / "a.keras")
    return [root / "a.keras"]


def read_weights(root):
    from mrcnn.training.hashes import weights_hash
    from mrcnn.weights import imagenet, named
    from pumpkin.models import config_of

    path = next(root.iterdir())
    model = network()
    assert named.read_metadata(path).get("format", 1) == 1
    config_of(path)
    weights_hash(path)
    imagenet.load_classifier(model, path)
    named.load_backbone(model, path)
    named.load(model, path, by_name=True)


def change_hdf5(path, chance):
    """Change bytes; or an attribute or an object of the file, whose checksums stay right."""
    if chance.random() < 0.6:
        return path.write_bytes(change_bytes(path.read_bytes(), chance))
    with h5py.File(path, "r+") as file:
        found = [file]
        file.visititems(lambda _, item: found.append(item))
        for _ in range(chance.randint(1, 2)):
            item = chance.choice(found)
            if isinstance(item, h5py.Dataset) or chance.random() < 0.5:
                change_object(file, chance.choice(found[1:]).name, chance)
                break
            change_attribute(item, chance)


def change_attribute(item, chance):
    names = [*item.attrs, "layer_names", "weight_names", "mrcnn_metadata", "name"]
    name = chance.choice(names)
    if name == "mrcnn_metadata" and name in item.attrs:
        tree = json.loads(item.attrs[name])
        for _ in range(chance.randint(1, 3)):
            tree = change_tree(tree, chance)
        text = json.dumps(tree).encode()
        item.attrs[name] = np.bytes_(text[:60_000]) if text else 5
        return
    values = (5, 1.5, b"", b"abc", "\x1b[2J", b"\xff", [1, 2], [b"a", b"b"], ["fpn_c5p5"] * 3,
              h5py.Empty("f"), np.zeros((2, 2)), np.bytes_(b"{}"), [b"."], [b".."], [b"/"])  # fmt: skip
    item.attrs[name] = chance.choice(values)


def change_object(file, name, chance):
    del file[name]
    kind = chance.randrange(8)
    if kind == 0:
        file[name] = h5py.ExternalLink("/etc/passwd", "/")
    elif kind == 1:
        file[name] = h5py.SoftLink(chance.choice(("/", name, "/nowhere")))
    elif kind == 2:
        file[name] = file["/"]
    elif kind == 3:
        file.create_group(name)
    elif kind == 4:
        file.create_dataset(name, shape=(10**6, 10**6), dtype="f4", chunks=(100, 100))
    elif kind == 5:
        file.create_dataset(name, shape=(12,), dtype="f4", external=[("/etc/passwd", 0, 48)])
    elif kind == 6:
        file[name] = chance.choice((np.zeros((3, 8), "f8"), np.zeros(8, "i4"), "text", h5py.Empty("f"), b"a"))
