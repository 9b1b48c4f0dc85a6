"""Hashes of data, weights and code see what matters and nothing else; differences have names."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mrcnn.config import Config
from mrcnn.training import environment, fingerprint, hashes
from mrcnn.training.fingerprint import differences
from mrcnn.training.hashes import data_hash, sources_hash, weights_hash
from mrcnn.weights.hdf5 import write_groups
from pumpkin.dataset import NucleiDataset, PumpkinDataset
from tests.scenes import Rectangles, rectangles, write_dataset, write_image


def pumpkins(root):
    dataset = PumpkinDataset()
    dataset.load_pumpkins(root, "train", ("Pumpkin",))
    dataset.prepare()
    return data_hash(dataset)


def test_data_are_known_by_their_content_wherever_they_are(tmp_path):
    write_dataset(tmp_path / "a")
    before = pumpkins(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b/c")
    assert pumpkins(tmp_path / "b/c") == before


@pytest.mark.parametrize("pattern", ["*.png", "masks/*.png"])
def test_one_byte_of_an_image_or_a_mask_is_seen(tmp_path, pattern):
    write_dataset(tmp_path)
    before = pumpkins(tmp_path)
    path = sorted((tmp_path / "train/pumpkin").glob(pattern))[1]
    data = bytearray(path.read_bytes())
    data[-5] ^= 1  # within the check sum of the last chunk: the size stays
    path.write_bytes(data)
    assert pumpkins(tmp_path) != before


def test_a_mask_more_and_another_order_are_seen(tmp_path):
    write_dataset(tmp_path)
    before = pumpkins(tmp_path)
    image, masks = rectangles(64, 64, 3)
    write_image(tmp_path / "train/pumpkin", "train00", image, masks)
    assert pumpkins(tmp_path) != before
    first, second = Rectangles((1, 2)), Rectangles((1, 2))
    second.image_info.reverse()
    assert data_hash(first) == data_hash(Rectangles((1, 2)))
    assert data_hash(first) != data_hash(second)


def test_folders_of_masks_count_with_all_their_files(tmp_path):
    image = rectangles(32, 32, 2)[0]

    def nuclei():
        dataset = NucleiDataset()
        dataset.load_nuclei(tmp_path, "train")
        dataset.prepare()
        return data_hash(dataset)

    for name in ("images", "masks"):
        (tmp_path / "train/a" / name).mkdir(parents=True)
    write_image(tmp_path / "train/a/images", "a", image)
    (tmp_path / "train/a/masks/1.png").write_bytes(b"first")
    before = nuclei()
    (tmp_path / "train/a/masks/2.png").write_bytes(b"second")
    assert nuclei() != before


def test_a_folder_that_all_images_name_is_read_once(tmp_path, monkeypatch):
    read = []

    def file_hash(path):
        read.append(path.relative_to(tmp_path).as_posix())
        return path.read_text()

    def hashed():
        dataset = Rectangles((1, 1, 1))
        for info in dataset.image_info:
            info.update(path=str(tmp_path / "a"), notes=tmp_path / "c")
        return data_hash(dataset)

    monkeypatch.setattr(hashes, "file_hash", file_hash)
    for name in ("a/b/1", "a/2", "c/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    before = hashed()
    assert sorted(read) == ["a/2", "a/b/1", "c/3"]
    (tmp_path / "a/b/1").rename(tmp_path / "a/b/4")
    assert hashed() != before


@pytest.mark.parametrize("where", [".", "./", "photos", ".."])
@pytest.mark.parametrize("path", ["photos/a.jpg", None])
def test_the_folder_that_the_data_stand_in_is_not_read(tmp_path, monkeypatch, where, path):
    """Programs note their root with each image; logs and weights may lie in it."""
    read = []
    monkeypatch.setattr(hashes, "file_hash", lambda path: read.append(path.name) or "")
    (tmp_path / "work/photos").mkdir(parents=True)
    (tmp_path / "work/photos/a.jpg").write_text("an image")
    (tmp_path / "work/train.log").write_text("a log")
    monkeypatch.chdir(tmp_path / "work")
    dataset = Rectangles((1,))
    dataset.image_info[0].update(path=path, root=Path(where), folder=f"{where}/")
    data_hash(dataset)
    assert read == (["a.jpg"] if path or where == "photos" else [])


class Annotated(Rectangles):
    """A data set that knows better than image_info what it reads."""

    def data_files(self, image_id):
        return [Path(self.image_info[image_id]["folder"]) / "labels.json"]


def test_a_data_set_says_itself_what_it_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def hashed():
        dataset = Annotated((1, 1))
        for info in dataset.image_info:
            info.update(folder=f"{tmp_path}/", path="photo.jpg")
        return data_hash(dataset)

    (tmp_path / "labels.json").write_text("{}")
    before = hashed()
    (tmp_path / "photo.jpg").write_text("not named by data_files")
    assert hashed() == before
    (tmp_path / "labels.json").write_text("[]")
    assert hashed() != before


def test_the_hashes_of_runs_before_this_version_hold(tmp_path):
    """--resume refuses data of another hash."""
    for name, text in {"a.jpg": "image", "masks/a_m1_0.png": "mask", "crowds/a.csv": "crowd"}.items():
        (tmp_path / "train/pumpkin" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train/pumpkin" / name).write_text(text)
    for name, text in {"images/b.png": "image", "masks/1.png": "one", "masks/2.png": "two"}.items():
        (tmp_path / "train/b" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train/b" / name).write_text(text)
    assert pumpkins(tmp_path) == "95d4e5b672ba40dd4f03d07d9fd12f89f5535f0523afc649aed8b625b6afa5ac"
    dataset = NucleiDataset()
    dataset.load_nuclei(tmp_path, "train")
    dataset.prepare()
    assert data_hash(dataset) == "6d5c9183c1a2b3975054191dd86d9df1dc911a8b1a61fca21596561fd5452be4"


@pytest.mark.parametrize("path", ["", "nowhere/at/all"])
def test_what_is_no_path_is_read_nowhere(tmp_path, monkeypatch, path):
    """pathlib takes "" for the current folder."""
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hashes, "file_hash", lambda path: pytest.fail(f"read {path}"))
    dataset = Rectangles((1,))
    dataset.image_info[0].update(path=path)
    assert len(data_hash(dataset)) == 64


def test_classes_and_what_is_in_no_file_count_too():
    def made(instances=(1,), **info):
        dataset = Rectangles(instances)
        dataset.image_info[0].update(info)
        return data_hash(dataset)

    plain = made()
    polygon = {"x": np.arange(4), "y": [1, 2, 3]}
    assert made(path=None) != plain
    assert made(regions=polygon) == made(regions={"y": (1, 2, 3), "x": np.arange(4)})
    assert made(regions=polygon) != made(regions={**polygon, "x": np.arange(4) + 1})
    assert made(anything=object()) == made(anything=object())
    more = Rectangles((1,))
    more.add_class("shapes", 3, "more")
    more.prepare()
    assert data_hash(more) != plain


def test_weights_are_known_by_their_tensors_alone(tmp_path):
    def written(value, name="kernel", **metadata):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.h5"
        array = np.array([1.0, value], "float32")
        write_groups(path, [("conv", [(f"conv/{name}", array)])], metadata)
        return weights_hash(path)

    assert written(2.0, classes=["a"]) == written(2.0, classes=["b"])
    assert written(np.nextafter(np.float32(2), np.float32(3))) != written(2.0)
    assert written(2.0, name="bias") != written(2.0)


def test_code_is_known_by_its_files(tmp_path):
    (tmp_path / "one/sub").mkdir(parents=True)
    (tmp_path / "one/a.py").write_text("a = 1\n")
    (tmp_path / "one/sub/b.py").write_text("b = 1\n")
    before = sources_hash([tmp_path / "one"])
    (tmp_path / "one/note.txt").write_text("no code")
    (tmp_path / "one/configs").mkdir()
    (tmp_path / "one/configs/demo.yaml").write_text("NAME: demo\n")  # as in a wheel
    assert sources_hash([tmp_path / "one"]) == before
    (tmp_path / "one/sub/b.py").write_text("b = 2\n")
    assert sources_hash([tmp_path / "one"]) != before


def test_code_outside_a_clone_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.commit() == "unknown"


@pytest.fixture(scope="module")
def facts():
    return fingerprint.ingredients(Config(), {"train": "aa", "val": None}, options={"skip_bad": False})


def test_ingredients_are_complete_and_survive_json(facts):
    assert json.loads(json.dumps(facts)) == facts
    assert {"keras", "backend", "numpy", "opencv-python", "scikit-image", "python"} <= set(facts["versions"])
    assert facts["versions"][facts["versions"]["backend"]]  # the backend's own
    assert facts["machine"]["cpu"] and facts["machine"]["cores"] >= 1 and facts["machine"]["devices"]
    assert not {"WORKERS", "CHECKPOINT_MINUTES"} & set(facts["config"])
    assert differences(facts, json.loads(json.dumps(facts))) == []


def test_the_environment_that_changes_sums_is_noted(facts, monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    changed = {**facts, "machine": environment.machine()}
    (found,) = differences(facts, changed)
    assert (found.name, found.new) == ("machine.environment.TF_ENABLE_ONEDNN_OPTS", "0")
    assert fingerprint.fingerprint(changed) != fingerprint.fingerprint(facts)


def test_differences_have_names_and_values(facts):
    new = json.loads(json.dumps(facts))
    new["config"]["LEARNING_MOMENTUM"] = 0.8
    new["versions"]["numpy"] = "9"
    new["data"]["val"] = "bb"
    new["weights"]["sha256"] = "cc"
    new["machine"]["cores"] = 99
    found = {difference.name: difference for difference in differences(facts, new)}
    assert set(found) == {
        "config.LEARNING_MOMENTUM", "versions.numpy", "data.val", "weights.sha256", "machine.cores",
    }  # fmt: skip
    assert str(found["config.LEARNING_MOMENTUM"]) == "config.LEARNING_MOMENTUM: 0.9 -> 0.8"
    assert {name for name, difference in found.items() if difference.fatal} == {
        "config.LEARNING_MOMENTUM", "data.val", "weights.sha256",
    }  # fmt: skip


def test_what_is_for_the_reader_and_what_is_new_to_an_old_run_do_not_differ(facts):
    new = json.loads(json.dumps(facts))
    new["code"]["commit"], new["weights"]["name"], new["weights"]["file"] = "another", "last", "b.h5"
    new["config"]["A_NEW_SETTING"] = 1
    assert differences(facts, new) == []


def test_a_table_of_what_differs():
    facts = [
        {"config": {"SEED": 7, "A": 1}, "data": {"train": "x"}, "code": {"commit": "one"}},
        {"config": {"SEED": 7, "A": 2}, "data": {"train": "x"}, "code": {"commit": "two"}},
        {"config": {"SEED": 8}, "data": {"train": "x"}},
    ]
    assert fingerprint.table(facts) == {"config.SEED": ["7", "7", "8"], "config.A": ["1", "2", "-"]}
    assert fingerprint.table(facts[:1]) == {}
