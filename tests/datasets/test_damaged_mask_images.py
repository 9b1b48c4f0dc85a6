"""Damaged files of data sets of mask images end in a sentence with the path, never in a trace."""

import shutil

import numpy as np
import pytest

from mrcnn.datasets import FORMATS, check
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.formats import find_format
from mrcnn.datasets.images import ImageError
from mrcnn.pipeline.loading import load_example
from pumpkin.config import PumpkinConfig
from tests.datasets import test_mask_image_formats as forms

MUTATIONS = 200


def write_download(root):
    forms.write_class_folders(root)
    for path in root.rglob("masks/*.png"):
        name, number = path.stem.rsplit("_", 1)
        path.rename(path.with_name(f"{name}_m0{path.parent.parent.name}_{number}.png"))
    for split, kind, name in (("train", "date", "a"), ("val", "fig", "f")):
        (root / split / kind / "crowds").mkdir()
        (root / split / kind / f"crowds/{name}.csv").write_text("XMin,XMax,YMin,YMax\n0.1,0.5,0,1\n")


def write_named_voc(root):
    forms.write_voc(root, numbers={"date": 1, "fig": 2})
    (root / "class_names.txt").write_text("_background_\ndate\nfig\n")


WRITERS = {
    "openimages": write_download,
    "nuclei": forms.write_image_folders,
    "voc": write_named_voc,
    "label_maps": lambda root: forms.write_label_maps(root, np.uint16, ".tif"),
    "masks": forms.write_class_folders,
}


def damage(data, rng):
    """Cut a file short, change, insert or exchange bytes of it, or empty it."""
    data = bytearray(data)
    place = int(rng.integers(len(data))) if data else 0
    kind = int(rng.integers(6))
    if kind == 0:
        return bytes(data[:place])
    if kind == 1:
        return b""
    if kind == 2:
        return bytes(data[:place] + bytearray(rng.bytes(9)) + data[place:])
    if kind == 3:
        return rng.bytes(200)
    for _ in range(int(rng.integers(1, 9))):
        data[int(rng.integers(len(data)))] = int(rng.integers(256))
    return bytes(data)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of TIFF files that it reads all the same
@pytest.mark.parametrize("layout", WRITERS)
def test_damage_is_a_sentence(tmp_path, layout):
    sound = tmp_path / "sound"
    WRITERS[layout](sound)
    files = sorted(path.relative_to(sound) for path in sound.rglob("*") if path.is_file())
    refused = 0
    root = tmp_path / "damaged"
    shutil.copytree(sound, root)
    for seed in range(MUTATIONS):
        rng = np.random.default_rng([seed, len(layout)])
        name = files[int(rng.integers(len(files)))]
        before = (sound / name).read_bytes()
        (root / name).write_bytes(damage(before, rng))
        for look in (read_all, lambda path, name: read_all(path, name, scan=True)):
            try:
                look(root, layout)
            except (DatasetError, ImageError) as error:
                assert str(root) in str(error) and str(error).endswith((".", "!")), error
                refused += 1
        (root / name).write_bytes(before)
    assert refused > MUTATIONS / 4


def read_all(root, layout, scan=False):
    """Read all images and masks of a data set, or check it."""
    assert layout in FORMATS
    for split in ("train", "val"):
        dataset = find_format(layout)()
        dataset.load_split(root, split)
        dataset.prepare()
        if scan:
            check.check({split: dataset}, PumpkinConfig(), progress=False)
        else:
            for image_id in dataset.image_ids:
                load_example(dataset, image_id, 3)
