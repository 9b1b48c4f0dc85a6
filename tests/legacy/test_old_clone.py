"""Programs and notebooks within a clone of matterport's code, which has an mrcnn folder of its own."""

import pytest

from tests.legacy.launching import launch, python, write

OLD = "raise ImportError('the old clone was imported')"


@pytest.mark.parametrize("way", ["append", "insert"])
def test_this_package_wins_over_an_old_clone(tmp_path, way):
    for name in ("__init__", "config", "utils"):
        write(tmp_path / "Mask_RCNN" / "mrcnn" / f"{name}.py", OLD)
    path = {"append": "sys.path.append(ROOT_DIR)", "insert": "sys.path.insert(0, ROOT_DIR)"}[way]
    program = write(
        tmp_path / "Mask_RCNN" / "samples" / "balloon" / "balloon.py",
        f"""
        import os, sys
        ROOT_DIR = os.path.abspath("../../")
        {path}
        from mrcnn.config import Config
        print(Config.NAME, Config.IMAGE_MAX_DIM)
        """,
    )
    done = launch("balloon.py", cwd=program.parent)
    assert done.stdout == "None 1024\n"
    folder = tmp_path / "Mask_RCNN"
    sentence = f"mrcnn.legacy: the copy of mrcnn in {folder} is ignored; this package is used.\n"
    assert done.stderr == sentence


@pytest.fixture
def clone(tmp_path):
    """The root of an old clone with a program that prints which library it imports."""
    write(tmp_path / "mrcnn" / "__init__.py", "")
    write(tmp_path / "mrcnn" / "config.py", OLD)
    program = """
    import numpy as np
    from mrcnn import config
    print(config.__name__, config.Config.IMAGE_MAX_DIM, np.int(2.5))
    """
    write(tmp_path / "train.py", program)
    return tmp_path


@pytest.mark.parametrize("words", [("-m", "pumpkin.legacy"), ("-P", "-m", "mrcnn.legacy")])
def test_in_its_root_the_launcher_has_another_name(clone, words):
    assert "No module named mrcnn.legacy" in launch("train.py", cwd=clone).stderr
    done = python(*words, "train.py", cwd=clone)
    assert (done.returncode, done.stdout) == (0, "mrcnn.config 1024 2\n"), done.stderr
    assert done.stderr.splitlines() == [
        f"mrcnn.legacy: the copy of mrcnn in {clone} is ignored; this package is used.",
        "mrcnn.legacy: np.int was removed from NumPy; using int.",
    ]


def test_a_notebook_in_it_begins_with_that_name(clone):
    """A kernel has the notebook's folder first in sys.path, as python -c has the working folder."""
    cell = (clone / "train.py").read_text()
    done = python("-c", f"import pumpkin.legacy\n{cell}", cwd=clone)
    assert (done.returncode, done.stdout) == (0, "mrcnn.config 1024 2\n"), done.stderr
    below = clone / "samples"
    below.mkdir()
    cells = f"import os, sys\nsys.path.insert(0, os.path.abspath('..'))\nimport pumpkin.legacy\n{cell}"
    assert python("-c", cells, cwd=below).stdout == done.stdout


def test_after_an_import_of_the_old_library_it_says_what_to_type(clone):
    done = python("-c", "import mrcnn\nimport pumpkin.legacy", cwd=clone)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert last.startswith(
        f"ImportError: The program imported mrcnn from {clone / 'mrcnn'}, which shadows the "
    )
    assert last.endswith("start again with `import pumpkin.legacy` before any import of mrcnn.")


def test_commands_work_in_it_too(clone):
    done = python("-m", "pumpkin", "synthetic", "--help", cwd=clone)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("usage: ")
