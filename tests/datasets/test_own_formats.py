"""LAYOUT as module:Class: a user's own Dataset, found from the working folder and used by the commands."""

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import FORMATS, Dataset, DatasetError, formats, splits
from mrcnn.datasets.errors import LoadError
from mrcnn.datasets.images import ImageError
from mrcnn.files import FileError, read_json
from pumpkin.commands import check, train
from tests.scenes import rectangles, write_dataset

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
SMALL = ["IMAGE_MIN_DIM=64", "IMAGE_MAX_DIM=64", "RPN_ANCHOR_SCALES=[8, 16, 32, 48, 64]"]
TINY = [
    "STAGES=[{layers: all, epochs: 1, learning_rate: 0.001}]", "BACKBONE=light", "IMAGES_PER_GPU=2",
    "STEPS_PER_EPOCH=1", "TOP_DOWN_PYRAMID_SIZE=16", "RPN_CHANNELS=16", "FPN_CLASSIF_FC_LAYERS_SIZE=16",
    "MASK_HEAD_CHANNELS=8", "TRAIN_ROIS_PER_IMAGE=8", "AP_EVERY=0",
]  # fmt: skip

# Photographs with one label map each: 1 and 2 are a dull instance, 3 is a bright one.
LABELS = """
    from pathlib import Path

    import numpy as np
    from PIL import Image

    from mrcnn.datasets import Dataset


    class Labels(Dataset):
        def load_split(self, root, split, classes):
            for number, name in enumerate(classes, start=1):
                self.add_class("labels", number, name)
            for path in sorted((Path(root) / split).glob("*.png")):
                self.add_image("labels", path.stem, str(path), labels=path.with_suffix(".gif"))

        def load_mask(self, image_id):
            with Image.open(self.image_info[image_id]["labels"]) as image:
                labels = np.asarray(image)
            return labels[:, :, None] == np.arange(1, 4), np.array([1, 1, 2], np.int32)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that writes a module into the working folder, which is empty otherwise."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)

    def write(name, text):
        Path(f"{name}.py").write_text(textwrap.dedent(text))

    yield write
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def write_labels(root, split, count):
    (root / split).mkdir(parents=True)
    for number in range(count):
        image, masks = rectangles(64, 64, 3, seed=number + 10 * (split == "val"))
        labels = (masks * np.arange(1, 4)).max(axis=2).astype(np.uint8)
        Image.fromarray(image).save(root / split / f"{number}.png")
        Image.fromarray(labels).save(root / split / f"{number}.gif")


@pytest.fixture
def labels(module, tmp_path):
    """Words for the commands: a data set of label maps, its class in my_labels.py, two classes."""
    module("my_labels", LABELS)
    write_labels(tmp_path / "photos", "train", 2)
    write_labels(tmp_path / "photos", "val", 1)
    return ["--dataset", "photos", "--set", "LAYOUT=my_labels:Labels", "CLASSES=[dull, bright]", *SMALL]


def test_the_check_asks_the_data_set_itself(labels, capsys):
    assert check.main(labels) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line[:30].strip(): line.split()[-2:] for line in lines}
    assert (rows["images"], rows["dull"], rows["bright"]) == (["2", "1"], ["4", "2"], ["2", "1"])
    assert lines[0] == "Read as my_labels:Labels: 3 images, classes dull, bright"
    assert lines[1].startswith("No test: photos: LAYOUT my_labels:Labels finds no image")
    assert lines[-1] == "Fine to train on."


def test_a_preview_shows_it(labels, capsys):
    assert train.main(["--preview", "preview.png", *labels]) == 0
    with Image.open("preview.png") as image:
        assert image.format == "PNG"


def test_a_run_trains_on_it_and_knows_its_code(labels, capsys, without_report):
    shutil.rmtree("photos/val")  # a validation would be another graph to trace
    words = ["--weights", "none", "--no-check", *labels, *TINY]
    assert train.main(words) == 0
    (folder,) = Path("runs").iterdir()
    facts = json.loads((folder / "run.json").read_text())
    assert facts["config"]["LAYOUT"] == "my_labels:Labels"
    assert "1 epochs are complete" in _resumed(folder, capsys)
    with open("my_labels.py", "a") as file:
        file.write("# a mask read in another way\n")
    assert "code.sources" in _resumed(folder, capsys)


def _resumed(folder, capsys):
    capsys.readouterr()
    assert train.main(["--resume", str(folder)]) == 0
    return capsys.readouterr().out


def test_the_class_in_the_documentation_runs_as_it_stands(module, tmp_path, capsys):
    blocks = [block.split("```")[0] for block in PAGE.split("```python\n")[1:]]
    module("my_nuclei", next(block for block in blocks if "class NucleiDataset" in block))
    for split in ("train", "val"):
        image, masks = rectangles(64, 64, 2, seed=len(split))
        for name in ("images", "masks"):
            (tmp_path / "cells" / split / "a" / name).mkdir(parents=True)
        Image.fromarray(image).save(tmp_path / "cells" / split / "a/images/a.png")
        for number in range(2):
            Image.fromarray(masks[:, :, number]).save(tmp_path / "cells" / split / f"a/masks/{number}.png")
    words = ["--dataset", "cells", "--set", "LAYOUT=my_nuclei:NucleiDataset", "CLASSES=[nucleus]", *SMALL]
    assert check.main(words) == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("instances"))
    assert row.split() == ["instances", "2", "2"]
    assert check.main([word for word in words if not word.startswith("CLASSES")]) == 0
    assert capsys.readouterr().out.startswith("Read as my_nuclei:NucleiDataset: 2 images, class nucleus\n")
    ours, theirs = (
        formats.open_dataset(layout, tmp_path / "cells", "val")
        for layout in ("nuclei", "my_nuclei:NucleiDataset")
    )
    np.testing.assert_array_equal(ours.load_mask(0)[0], theirs.load_mask(0)[0])


def test_a_class_that_needs_names_says_so_without_them(labels, capsys):
    words = [word for word in labels if not word.startswith("CLASSES")]
    assert check.main(words) == 1
    error = capsys.readouterr().err
    assert "my_labels:Labels: load_split of photos, split 'train', raised TypeError: 'NoneType'" in error
    assert "The setting CLASSES is not named, so the argument classes is None; name them" in error
    assert error.count("\n") == 1


# --- What a LAYOUT may not be -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (
            "nucleii",
            r"Unknown LAYOUT 'nucleii'; it is one of openimages, nuclei.*, or module:Class.* 'nuclei'\?",
        ),
        (5, "Unknown LAYOUT 5; it is one of openimages"),
        ("my_odd.py:Good", "LAYOUT 'my_odd.py:Good': it must be module:Class as Python imports it"),
        ("a/my_odd:Good", "LAYOUT 'a/my_odd:Good': it must be module:Class as Python imports it, such as"),
        ("my_odd:", "it must be module:Class"),
        ("gone:Good", "there is no module 'gone' in the working folder, .*, or among installed packages"),
        ("my_odd:God", r"my_odd\.py has no class 'God'; did you mean 'Good'\?"),
        ("my_odd:function", "it is a function, which is not a subclass of mrcnn.datasets.Dataset"),
        ("my_odd:Other", "it is the class Other, which is not a subclass"),
        ("my_odd:Old", r"needs a method load_split\(self, root, split, classes\)"),
        ("my_broken:Good", "importing my_broken raised ZeroDivisionError: division by zero"),
        ("my_needy:Good", "importing my_needy raised ModuleNotFoundError: No module named 'no_such_library'"),
    ],
)
def test_mistakes_in_layout_are_a_sentence(module, layout, message):
    module("my_broken", "1 / 0")
    module("my_needy", "import no_such_library")
    module(
        "my_odd",
        """
        from mrcnn.utils import Dataset

        class Good(Dataset):
            def load_split(self, root, split, classes):
                pass

        class Old(Dataset):
            def load_balloon(self, root, split):
                pass

        class Other:
            pass

        def function():
            pass
        """,
    )
    with pytest.raises(DatasetError, match=message) as caught:
        formats.find_format(layout)
    if "raised" in message:
        assert type(caught.value.__cause__).__name__ in message


def test_the_working_folder_is_looked_in_first_and_hides_no_package_later(module):
    module(
        "wave",
        """
        import beside_it
        from mrcnn.datasets import Dataset

        class Mine(Dataset):
            def load_split(self, root, split, classes):
                import imported_later
        """,
    )
    module("beside_it", "")
    module("imported_later", "")
    sys.modules.pop("wave", None)
    kind = formats.find_format("wave:Mine")
    kind().load_split(None, None, None)
    assert Path(sys.modules["wave"].__file__) == Path("wave.py").resolve()
    assert sys.path[-1] == str(Path.cwd()) and sys.path.count(str(Path.cwd())) == 1
    assert formats.source_files("wave:Mine") == [Path("wave.py").resolve()]
    assert formats.source_files("openimages") == []


class Faulty(Dataset):
    """A data set of one image and one class, which fails as the split's name says."""

    def load_split(self, root, split, classes):
        if split == "val":
            raise self.error
        self.add_class("faulty", 1, "thing")
        if split != "empty":
            self.add_image("faulty", 0, "a.png")


@pytest.fixture
def faulty(monkeypatch):
    monkeypatch.setattr(formats, "find_format", lambda layout: Faulty)

    def opened(error, report=print, layout="my:Faulty"):
        Faulty.error = error
        return splits.open_splits(layout, Path("data"), ["thing"], report=report)

    return opened


def test_an_error_in_a_class_of_the_user_s_own_is_not_taken_for_a_missing_split(faulty):
    message = "my:Faulty: load_split of data, split 'val', raised KeyError: 'regions'"
    with pytest.raises(LoadError) as caught:
        faulty(KeyError("regions"))
    assert str(caught.value) == message
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ImageError, match="is damaged"):
        faulty(ImageError("a.png: is damaged."))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            FileNotFoundError("val.json"),
            "my:Faulty: load_split of data, split 'val', raised FileNotFoundError: val.json",
        ),
        (DatasetError("there is no val"), "there is no val"),
    ],
)
def test_a_missing_split_is_reported(faulty, error, line):
    lines = []
    assert list(faulty(error, lines.append)) == ["train"]
    assert lines == [f"No validation: {line}"]


@pytest.mark.parametrize("layout", ["my:Faulty", "nuclei"])
def test_a_missing_file_of_a_split_is_a_missing_split_and_a_damaged_one_is_not(faulty, layout, tmp_path):
    def opened(lines):
        with pytest.raises(FileError) as caught:
            read_json(tmp_path / "val.json")
        return list(faulty(caught.value, lines.append, layout))

    lines = []
    assert opened(lines) == ["train"]
    assert lines[0].startswith(f"No validation: {layout}: load_split of data, split 'val', raised FileError")
    assert lines[0].endswith("val.json: cannot be read: No such file or directory.") and len(lines) == 1
    (tmp_path / "val.json").write_text("[1")
    with pytest.raises(ValueError, match=r"val\.json, line 1: is cut short"):
        opened(lines)
    assert len(lines) == 1


def test_classes_of_the_data_and_of_the_settings_must_agree(faulty):
    message = r"has the classes thing, but CLASSES names Pumpkin, Squash\. Set CLASSES=\[thing\], or"
    with pytest.raises(DatasetError, match=message):
        formats.open_dataset("my:Faulty", Path("data"), "train", ("Pumpkin", "Squash"))
    with pytest.raises(DatasetError, match="data: LAYOUT my:Faulty finds no image for the split 'empty'"):
        formats.open_dataset("my:Faulty", Path("data"), "empty", ["thing"])


# --- Formats of ours ----------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", FORMATS)
def test_every_line_of_the_list_leads_to_a_format(layout):
    kind = formats.find_format(layout)
    assert issubclass(kind, Dataset) and kind.load_split is not Dataset.load_split
    assert FORMATS[layout] == f"{kind.__module__}:{kind.__name__}"


def test_formats_need_no_keras():
    code = "import sys; sys.modules['keras'] = None; from mrcnn.datasets import FORMATS, formats; "
    code += "print(*(formats.find_format(name).__name__ for name in FORMATS))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [place.partition(":")[2] for place in FORMATS.values()]


def test_a_folder_that_looks_like_another_format_is_named(tmp_path):
    for name in ("images", "masks"):
        (tmp_path / "cells/train/a" / name).mkdir(parents=True)
    (tmp_path / "cells/train/a/images/a.png").touch()
    with pytest.raises(DatasetError, match=r"it holds a\. The folder looks like LAYOUT: nuclei\."):
        formats.open_dataset("openimages", tmp_path / "cells", "train", ["Pumpkin"])
    write_dataset(tmp_path / "pumpkins")
    with pytest.raises(DatasetError, match=r"holds 3 images.*\. The folder looks like LAYOUT: openimages\."):
        formats.open_dataset("nuclei", tmp_path / "pumpkins", "train", ["Pumpkin"])
    with pytest.raises(DatasetError, match=r"no split 'test'; it holds train, val\.$"):
        formats.open_dataset("openimages", tmp_path / "pumpkins", "test", ["Pumpkin"])


def test_a_folder_an_image_has_one_class(tmp_path):
    with pytest.raises(DatasetError, match="has one class, but 2 are given: cell, dust"):
        formats.open_dataset("nuclei", tmp_path, "train", ["cell", "dust"])
