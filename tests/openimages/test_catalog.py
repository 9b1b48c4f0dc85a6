import csv
from pathlib import Path

import pytest

from pumpkin.openimages import catalog
from pumpkin.openimages.catalog import Bases
from pumpkin.openimages.errors import UsageError

LISTING = Path(__file__).resolve().parents[3] / "shared" / "openimages_files.tsv"


def test_names_and_sizes_are_those_of_the_listing():
    if not LISTING.exists():
        pytest.skip("needs shared/openimages_files.tsv beside the repository")
    with LISTING.open() as file:
        listed = {
            row["path"]: (int(row["bytes"]), row["md5"]) for row in csv.DictReader(file, delimiter="\t")
        }
    paths = list(catalog.paths())
    assert {path.split("/", 1)[1] for path in paths} == set(listed)
    assert {path.split("/", 1)[1]: catalog.known(path) for path in paths} == listed


def test_every_path_is_known_once():
    paths = list(catalog.paths())
    assert len(paths) == len(set(paths)) == 2 + 3 * (3 + 16)
    assert all(catalog.known(path)[0] > 0 for path in paths)


def test_addresses_of_open_images():
    bases = Bases.of()
    assert bases.file(catalog.shard_path("train", "a")) == (
        "https://storage.googleapis.com/openimages/v5/train-masks/train-masks-a.zip"
    )
    assert bases.file(catalog.boxes_path("train")).endswith("/v6/oidv6-train-annotations-bbox.csv")
    assert bases.file(catalog.boxes_path("test")).endswith("/v5/test-annotations-bbox.csv")
    assert bases.image("train", "0123456789abcdef") == (
        "https://open-images-dataset.s3.amazonaws.com/train/0123456789abcdef.jpg"
    )


def test_bases_from_arguments_go_before_those_from_the_environment(monkeypatch):
    monkeypatch.setenv(catalog.ANNOTATIONS_VARIABLE, "http://mirror/annotations")
    monkeypatch.setenv(catalog.IMAGES_VARIABLE, "http://mirror/images/")
    monkeypatch.setenv(catalog.S3_VARIABLE, "http://mirror:9000")
    assert Bases.of(images="http://here") == Bases(
        "http://mirror/annotations/", "http://here/", "http://mirror:9000"
    )


@pytest.mark.parametrize("address", ["ftp://mirror/", "mirror", "file:///data", "http://"])
def test_a_base_is_http(address):
    with pytest.raises(UsageError, match="http"):
        Bases.of(address)
