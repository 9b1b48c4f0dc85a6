"""Files of the commands: results, hashes, manifests and lock files."""

import json
import os


def write_manifest(root):
    from pumpkin.synthetic.folder import generate

    generate(root / "scenes", {"train": 1, "val": 0, "test": 0}, 0, 64, "normal", 1, False)
    return [root / "scenes" / "synthetic.json"]


def read_manifest(root):
    from pumpkin.synthetic.folder import generate

    generate(root / "scenes", {"train": 1, "val": 0, "test": 0}, 0, 64, "normal", 1, False)


def write_result(root):
    (root / "evaluation_val.json").write_text(json.dumps({"weights": "a.h5", "dataset": "data", "AP": 0.5}))
    return [root / "evaluation_val.json"]


def read_result(root):
    from pumpkin.commands.evaluate import _result_file

    _result_file(root / "a.h5", "data", "val")


def write_hashes(root):
    (root / "a.png").write_bytes(b"abc")
    hashes_in(root)
    return [root / "hashes.sqlite"]


def hashes_in(root):
    from mrcnn.training import hash_cache

    os.environ.update(MRCNN_CACHE=str(root), MRCNN_HASH_CACHE="1")
    hash_cache._RECENT = -(10**12)
    found = hash_cache.hashes_of([root / "a.png"], lambda paths: ["abc" for _ in paths])
    assert found == {root / "a.png": "abc"}


def write_lock(root):
    from pumpkin.openimages import catalog
    from pumpkin.openimages.lock import FORMAT, VERSION

    shard = next(path for path in catalog.paths() if "validation-masks" in path)
    image = {"split": "validation", "id": "0123456789abcdef", "address": "a", "classes": ["/m/05zsy"],
             "size": 900, "sha256": "0" * 64, "licence": ""}  # fmt: skip
    mask = {"split": "validation", "class": "/m/05zsy", "address": shard, "offset": 30, "length": 200,
            "name": "0123456789abcdef_m05zsy_0a1b2c3d.png", "compressed": 90, "size": 100, "crc": "0" * 8,
            "method": 8, "licence": ""}  # fmt: skip
    boxes = {"split": "validation", "id": "0123456789abcdef", "class": "/m/05zsy",
             "boxes": [["0.1", "0.4", "0.2", "0.6"]], "masks": [["0a1b2c3d"]]}  # fmt: skip
    choice = {"classes": {"/m/05zsy": "Pumpkin"}, "splits": ["validation"], "limit": 0, "seed": 0,
              "crowds": {"validation": True}, "multi_classes": False, "labels": True}  # fmt: skip
    content = {"format": FORMAT, "version": VERSION, "choice": choice, "sources": {shard: {"size": 999}},
               "images": [image], "masks": [mask], "boxes": [boxes], "left_out": {},
               "missing": ["a"]}  # fmt: skip
    (root / "a.lock.json").write_text(json.dumps(content))
    return [root / "a.lock.json"]


def read_lock(root):
    from pumpkin.openimages import lock

    plan = lock.read(root / "a.lock.json")
    for mask in plan.masks:
        plan.choice.class_of(mask.mid)
    for boxes in plan.boxes.values():
        boxes.crowds({"0a1b2c3d"})
