"""What the tests share: their order, where golden numbers and real images are found, what they leave out."""

import gc
import os
import signal
from pathlib import Path

import pytest

# A shell's background job ignores Ctrl-C; tests send it to themselves and to processes that inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tracing makes millions of objects that stay, and each full collection visits all of them.
gc.set_threshold(50_000, 20, 10)

# Tests do not remember hashes in the user's own cache; the tests of that memory have a folder for it.
os.environ["MRCNN_HASH_CACHE"] = "0"

# What takes longest, the longest first: a file or its folder.
LONGEST = (
    "test_programs", "test_train", "test_network", "test_backbones", "test_progress", "test_model_training",
    "test_readme", "test_resume", "test_resume_averages", "test_layouts", "test_imagenet", "test_driver",
    "golden", "test_parity", "test_edges", "test_end_to_end", "test_roi_align", "test_nms", "test_targets",
    "test_detections", "test_detect", "test_model", "test_synthetic",
)  # fmt: skip

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that of two workers none waits long for the other at the end."""
    rank = {name: place for place, name in enumerate(LONGEST)}

    def place(item):
        names = (item.path.stem, item.path.parent.name)
        return min(rank.get(name, len(rank)) for name in names)

    items.sort(key=place)


@pytest.fixture(scope="module")
def without_curves():
    """sooner.without_curves for a file of tests."""
    from tests import sooner

    with sooner.without_curves():
        yield


@pytest.fixture(scope="module")
def without_report():
    """sooner.without_report for a file of tests."""
    from tests import sooner

    with sooner.without_report():
        yield


@pytest.fixture(scope="module")
def eagerly():
    """sooner.eagerly for a file of tests."""
    from tests import sooner  # imports the backend, which tests of imports must not find imported

    with sooner.eagerly():
        yield


@pytest.fixture(scope="session")
def parity():
    """``parity("units.npz")`` is the path of a file of golden numbers."""
    return lambda name: _path_or_skip("parity", name)


@pytest.fixture(scope="session")
def shared_data():
    """``shared_data("nuclei")`` is the folder of a set of real images."""
    return lambda name: _path_or_skip("data", name)


@pytest.fixture(scope="session")
def shared_cases():
    """``shared_cases("data/exif_90")`` is a file or folder of inputs that once failed."""
    return lambda name: _path_or_skip("cases", name)


def _path_or_skip(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('shared', *parts))} beside the repository")
    return path
