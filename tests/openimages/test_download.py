"""Downloads from a small Open Images on the loopback, without faults."""

import io
import json
import os
from pathlib import Path

import numpy as np
import pytest

from pumpkin.dataset import PumpkinDataset
from pumpkin.openimages import download as module
from pumpkin.openimages import shards
from pumpkin.openimages.errors import IntegrityError, NetworkError, UsageError
from tests.openimages.conftest import Downloads, files_of
from tests.openimages.world import ANNOTATIONS, COUNTS, EYE, PUMPKIN, SQUASH, image_id


def masks_of(world, split, mid=PUMPKIN):
    key = f"_{mid.replace('/', '')}_"
    return {name: data for name, data in world.masks[split].items() if key in name}


@pytest.fixture
def ranged(monkeypatch):
    """Zips this small would be fetched whole."""
    monkeypatch.setattr(shards, "WHOLE_FROM", 100)
    monkeypatch.setattr("pumpkin.openimages.fetch.WHOLE_FROM", 100)


def test_all_splits_with_their_masks(download, world, server):
    assert download(type_data="all") == 0
    for split, count in COUNTS.items():
        folder = download.root / split / "pumpkin"
        assert {path.stem for path in folder.glob("*.jpg")} == set(world.ids(split))
        assert len(world.ids(split)) == count
        for path in folder.glob("*.jpg"):
            assert path.read_bytes() == world.files[world.path_of(split, path.stem)]
        found = {path.name: path.read_bytes() for path in (folder / "masks").iterdir()}
        assert found == masks_of(world, split)
    assert "21 images, 40 masks" in download.text
    assert not [*download.root.rglob("*.part"), *download.root.rglob("*.tmp")]


def test_a_second_run_asks_for_nothing(download, server):
    assert download() == 0
    before, lock = files_of(download.root), download.lock.read_bytes()
    server.forget()
    assert download() == 0
    assert server.requests == []
    assert (files_of(download.root), download.lock.read_bytes()) == (before, lock)


def test_what_is_read_is_less_than_the_zips(download, world, server, ranged):
    assert download(type_data="train") == 0
    zips = server.asked("-masks-")
    assert all(wanted for _, wanted in zips)
    assert len([1 for _, wanted in zips if wanted.startswith("bytes=-")]) == 16


def test_pumpkin_dataset_reads_what_was_written(download, world):
    download()
    dataset = PumpkinDataset()
    dataset.load_pumpkins(download.root, "val")
    dataset.prepare()
    for number in range(COUNTS["validation"]):
        name = image_id("validation", number)
        index = next(i for i in dataset.image_ids if dataset.image_info[i]["id"] == name)
        masks, class_ids = dataset.load_mask(index)
        assert sorted(class_ids) == sorted([1] * (1 + number % 3) + [-1] * (number % 4 == 0))
        if number % 4 == 0:
            ys, xs = np.nonzero(masks[..., list(class_ids).index(-1)])
            height, width = masks.shape[:2]
            edges = (xs.min() / width, (xs.max() + 1) / width, ys.min() / height, (ys.max() + 1) / height)
            assert np.allclose(edges, (0.6, 0.95, 0.05, 0.4), atol=0.01)


@pytest.mark.parametrize(("crowds", "splits"), [
    (None, {"validation", "test"}), (True, {"train", "validation", "test"}), (False, set()),
])  # fmt: skip
def test_crowds_are_read_where_tables_are_small_or_asked_for(download, server, crowds, splits):
    assert download(type_data="all", crowds=crowds) == 0
    assert {split for split in COUNTS if (download.root / split / "pumpkin" / "crowds").exists()} == splits
    assert len(server.asked("bbox.csv")) == len(splits)
    numbers = [n for split in splits for n in range(0, COUNTS[split], 4)]
    assert f"{len(numbers)} crowd regions" in download.text


def test_a_rejected_mask_leaves_a_crowd(download, world, server):
    name = image_id("validation", 1)
    empty, shape = sorted(n for n in world.masks["validation"] if n.startswith(name))[:2]
    replace_masks(server, world, "validation", {empty: "empty", shape: "shape"})
    assert download() == 0
    lines = (download.root / "validation/pumpkin/crowds" / f"{name}.csv").read_text().splitlines()
    assert lines[0] == "XMin,XMax,YMin,YMax" and len(lines) == 3
    assert "2 left out:" in download.text and "it is empty" in download.text and "shape" in download.text
    manifest = json.loads((download.root / "manifest.json").read_text())
    assert set(manifest["left_out"]) == {f"validation/{empty}", f"validation/{shape}"}


def replace_masks(server, world, split, faults):
    from tests.openimages.world import pack, png

    data = {"empty": png(240, 180), "shape": png(150, 150, (0, 1, 0, 1))}
    for name in faults:
        members = {n: d for n, d in world.masks[split].items() if n[0] == name[0]}
        members |= {n: data[kind] for n, kind in faults.items() if n[0] == name[0]}
        server.files[world.zip_of(split, name)] = pack(members)


def test_labels_are_oidv6s(download):
    download()
    name = image_id("validation", 2)
    lines = (download.root / "validation/pumpkin/labels" / f"{name}.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["pumpkin"] * 3
    assert np.allclose([float(x) for x in lines[0].split()[1:]], (0, 0.2 * 128, 0.25 * 96, 0.35 * 128))


def test_no_labels(download):
    download(no_labels=True)
    assert not list(download.root.rglob("labels"))


def test_two_classes_share_images(download, world, server):
    assert download(classes=["squash", "human_eye"], type_data="train") == 0
    squash, eye = (set(world.ids("train", mid)) for mid in (SQUASH, EYE))
    assert squash & eye
    for folder, ids, mid in (("squash", squash, SQUASH), ("human_eye", eye, EYE)):
        place = download.root / "train" / folder
        assert {path.stem for path in place.glob("*.jpg")} == ids
        assert {path.name for path in (place / "masks").iterdir()} == set(masks_of(world, "train", mid))
    assert len(server.asked("/images/")) == len(squash | eye)


def test_two_classes_whose_names_differ_in_capitals_are_kept_apart(download, world, server):
    path = f"/{ANNOTATIONS}v5/class-descriptions-boxable.csv"
    server.files[path] = server.files[path].replace(b"Squash", b"PUMPKIN")
    assert download(classes=[PUMPKIN, SQUASH]) == 0
    place = download.root / "validation"
    assert sorted(folder.name for folder in place.iterdir()) == ["pumpkin_m05zsy", "pumpkin_m0dv77"]
    for mid in (PUMPKIN, SQUASH):
        folder = place / f"pumpkin_{mid.replace('/', '')}"
        assert {path.name for path in (folder / "masks").iterdir()} == set(masks_of(world, "validation", mid))
    assert download(verify=True) == 0


def test_a_list_of_classes_with_a_byte_order_mark(download, server):
    path = f"/{ANNOTATIONS}v5/class-descriptions-boxable.csv"
    server.files[path] = "\ufeff".encode() + server.files[path]
    assert download() == 0


@pytest.mark.parametrize("name", ["class-descriptions-boxable.csv", "classes-segmentation.txt"])
def test_a_list_of_classes_that_ends_in_a_line_is_cut_short(download, server, name):
    path = f"/{ANNOTATIONS}v5/{name}"
    server.files[path] = server.files[path][:-3]
    with pytest.raises(IntegrityError, match=f"v5/{name} ends in the middle of a line"):
        download()


def test_a_list_of_classes_damaged_on_disk_is_fetched_again(download, server):
    assert download(dry_run=True) == 0
    (download.root / "metadata" / "classes-segmentation.txt").write_bytes(b"")
    assert download() == 0


def test_all_classes_in_one_folder(download, world):
    assert download(classes=["Pumpkin", "Squash"], multi_classes=True) == 0
    place = download.root / "multidata" / "validation"
    names = {f"pumpkin_{name}.jpg" for name in world.ids("validation")}
    names |= {f"squash_{name}.jpg" for name in world.ids("validation", SQUASH)}
    assert {path.name for path in place.glob("*.jpg")} == names
    assert {path.name for path in (place / "masks").iterdir()} == {
        *masks_of(world, "validation"), *masks_of(world, "validation", SQUASH),
    }  # fmt: skip
    assert all(path.stem.startswith(("pumpkin_", "squash_")) for path in (place / "labels").iterdir())
    assert download(verify=True) == 0


def test_a_limit_is_a_stable_subset(server, tmp_path, world):
    chosen = {}
    for limit, seed in ((3, 0), (6, 0), (6, 1)):
        one = Downloads(server, tmp_path / f"{limit}-{seed}")
        assert one(type_data="train", limit=limit, seed=seed) == 0
        chosen[limit, seed] = {path.stem for path in one.root.rglob("*.jpg")}
        assert len(chosen[limit, seed]) == limit
    assert chosen[3, 0] < chosen[6, 0] != chosen[6, 1]


def test_a_smaller_choice_names_what_is_too_much(download):
    download()
    assert download(limit=2) == 0
    assert "also holds" in download.text and "the lock file does not list them" in download.text
    assert download(verify=True) == 3


def test_attribution_of_each_image(download, world):
    assert download(attribution=True) == 0
    text = (download.root / "attribution.csv").read_text()
    assert all(name in text for name in world.ids("validation"))
    assert "Author 3,https://example.org/people/3,https://creativecommons.org/licenses/by/2.0/" in text


def test_tables_of_authors_stand_in_the_plan(download, server):
    questions = []
    assert download(attribution=True, yes=False, ask=lambda q: questions.append(q)) == 0
    assert "tables of authors (15.2 MB)" in download.text
    assert questions[0].startswith("Fetch about 16.7 MB into") and not server.asked("with-rotation")
    assert download(attribution=True) == 0
    server.forget()
    assert download(attribution=True) == 0
    assert server.requests == [] and "tables of authors" not in download.text


def test_the_manifest_holds_sizes_areas_and_hashes(download, world):
    download()
    manifest = json.loads((download.root / "manifest.json").read_text())
    assert len(manifest["images"]) == 5 and len(manifest["masks"]) == 9
    assert {(row["width"], row["height"]) for row in manifest["images"]} == {(96, 128), (160, 120)}
    row = next(
        row for row in manifest["masks"] if row["width"] == 144 and image_id("validation", 0) in row["file"]
    )
    assert row["area"] == round(0.25 * 144) * (round(0.35 * 192) - round(0.2 * 192))
    assert all(len(row["sha256"]) == 64 for row in manifest["images"] + manifest["masks"])


def test_a_dry_run_prints_the_plan_and_fetches_no_files(download, server, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 1 << 40)
    assert download(dry_run=True) == 0
    assert "validation: 5 images, 9 masks" in download.text and "To fetch: 5 images" in download.text
    assert not list(download.root.rglob("*.jpg")) and not server.asked("/images/")


def test_a_dry_run_stops_before_large_tables(download, server):
    assert download(dry_run=True) == 0
    assert "stopped before reading 28.0 MB" not in download.text  # 28 MB are read without asking
    server.forget()
    assert download(dry_run=True, type_data="train", crowds=True) == 0
    assert "Dry run: stopped before reading 3.07 GB" in download.text
    assert not server.asked("bbox.csv")


def test_questions_are_asked_unless_yes(download, server):
    questions = []
    assert download(yes=False, ask=lambda q: questions.append(q)) == 0
    assert len(questions) == 1 and questions[0].startswith("Fetch about 1.5 MB into")
    assert not server.asked("/images/")
    assert download(yes=False, ask=lambda q: True) == 0
    assert len(server.asked("/images/")) == 5


def test_without_a_terminal_there_is_nobody_to_ask(download, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(UsageError, match="--yes"):
        download(yes=False)
    monkeypatch.setattr("sys.stdin", Terminal())  # at its end, as after Ctrl-D
    assert download(yes=False) == 0
    assert download.lines[-1] == "Nothing more was fetched."


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("given", "message"),
    [({"type_data": "val"}, "--type_data"), ({"limit": -1}, "--limit"), ({"engine": "curl"}, "--engine"),
     ({"connections": 0}, "--connections"), ({"classes": []}, "--classes"),
     ({"lock": "no"}, "no lock file no"),
     ({"images_url": "s3://bucket"}, "http")],
)  # fmt: skip
def test_wrong_usage_is_told_before_any_traffic(download, server, given, message):
    with pytest.raises(UsageError, match=message):
        download(**given)
    assert server.requests == [] and not download.root.exists()


@pytest.mark.parametrize(("name", "message"), [("Pumpkim", "Pumpkin"), ("turtle", "boxes but no masks")])
def test_a_wrong_class_costs_two_small_lists(download, server, name, message):
    with pytest.raises(UsageError, match=message):
        download(classes=[name])
    assert len(server.requests) == 2
    with pytest.raises(UsageError, match=message):
        download(classes=[name])
    assert len(server.requests) == 2


def test_places_that_cannot_be_written_to(download, server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    for name in ("file", "file/below", "file/far/below"):
        with pytest.raises(UsageError, match=r"file is a file, not a folder; choose another --dataset"):
            download(dataset=str(tmp_path / name))
    with pytest.raises(UsageError, match=r"file is a file.*--lock-out"):
        download(lock_out=str(tmp_path / "file" / "lock.json"))
    with pytest.raises(UsageError, match=r"is a folder; --lock-out must be a file"):
        download(lock_out=str(tmp_path))
    access = os.access
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path and access(path, mode))
    (tmp_path / "own").mkdir()
    with pytest.raises(UsageError, match=r"is not writable; choose another --lock-out"):
        download(dataset=str(tmp_path / "own"))
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match="is not writable"):
        download()
    monkeypatch.undo()
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(UsageError, match=r"has 1\.0 kB free"):
        download()
    assert server.requests == []


def test_the_folder_may_be_this_one(download, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert download(dataset=".", limit=1) == 0
    assert (tmp_path / "here.lock.json").is_file()
    assert download(dataset=".", verify=True) == 0


def test_one_download_at_a_time_in_a_folder(download, monkeypatch):
    from pumpkin.openimages import files

    download.root.mkdir()
    with files.sole_use(download.root), pytest.raises(UsageError, match="at work"):
        download()


def test_offline_uses_what_is_there(download, server):
    with pytest.raises(NetworkError, match="--offline"):
        download(offline=True)
    download()
    lock = download.lock.read_bytes()
    server.forget()
    assert download(offline=True) == 0
    next(download.root.rglob("*.jpg")).unlink()
    next(download.root.rglob("masks/*.png")).unlink()
    assert download(offline=True) == 2
    assert "not on disk:" in download.text and "without --offline" in download.text
    assert "server" not in download.text
    assert server.requests == [] and download.lock.read_bytes() == lock
    assert download() == 0
    assert download.lock.read_bytes() == lock


def test_a_class_without_masks_in_a_split(download):
    download.server.files[f"/{ANNOTATIONS}v5/classes-segmentation.txt"] += b"/m/09dzg\n"  # turtles
    assert download(classes=["Turtle"], type_data="test") == 0
    assert "No masks of Turtle in test: there is nothing to fetch." in download.text
    assert not download.lock.exists()
