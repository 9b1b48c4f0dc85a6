"""What the tests share: where golden numbers and real images are found."""

import signal
from pathlib import Path

import pytest

# A shell's background job ignores Ctrl-C; tests send it to themselves and to processes that inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Folders and files whose tests take longest.
LONGEST = ("programs", "training", "scripts", "test_parallel")

SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that of two workers none waits long for the other at the end."""
    items.sort(key=lambda item: not {item.path.parent.name, item.path.stem} & set(LONGEST))


@pytest.fixture(scope="session")
def parity():
    """``parity("units.npz")`` is the path of a file of golden numbers."""
    return lambda name: _path_or_skip("parity", name)


@pytest.fixture(scope="session")
def shared_data():
    """``shared_data("nuclei")`` is the folder of a set of real images."""
    return lambda name: _path_or_skip("data", name)


def _path_or_skip(*parts):
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('shared', *parts))} beside the repository")
    return path
