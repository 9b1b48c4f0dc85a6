"""python -m mrcnn.legacy program.py ARGS...: a program runs as by python program.py ARGS..."""

import pytest

from tests.legacy.launching import launch, python, write

TELLS = """
    import helper
    import inspect, os, pickle, sys
    class Thing:
        pass
    print(sys.argv, __name__, __file__, sys.path[0], helper.NAME, os.getcwd())
    print(__doc__, __spec__, __package__, type(__builtins__).__name__, sys.modules["__main__"].Thing is Thing)
    print(type(pickle.loads(pickle.dumps(Thing()))) is Thing, inspect.getsource(Thing).split()[1])
"""


def both(folder, program, *arguments, **environment):
    """What python and the launcher make of a program: two finished processes."""
    return (
        python(program, *arguments, cwd=folder, **environment),
        launch(program, *arguments, cwd=folder, **environment),
    )


def test_a_program_finds_itself_as_by_python(tmp_path):
    write(tmp_path / "samples" / "helper.py", "NAME = 'the neighbour'")
    write(tmp_path / "samples" / "tells.py", '"""What it is."""' + TELLS.replace("\n    ", "\n"))
    (tmp_path / "link.py").symlink_to(tmp_path / "samples" / "tells.py")
    for program in ("samples/tells.py", "link.py"):
        plain, launched = both(tmp_path, program, "--weights=coco", "-h", "--", "")
        assert plain.returncode == 0, plain.stderr
        assert launched.stdout == plain.stdout and "the neighbour" in plain.stdout
        assert (launched.stderr, launched.returncode) == (plain.stderr, 0)


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    {}[0]\n\ntry:\n    f()\nexcept KeyError as error:\n    raise ValueError from error",
        "print 'Python 2'",
        "import sys\nsys.exit(7)",
        "import sys\nsys.exit('a sentence')",
        "raise SystemExit",
        "import sys\nsys.excepthook = lambda *details: print(details[0].__name__)\n1 / 0",
        "import atexit\natexit.register(print, 'the end')\nprint('π')\n1 / 0",
    ],
)
def test_the_end_is_the_programs_own(tmp_path, text):
    write(tmp_path / "ends.py", text)
    plain, launched = both(tmp_path, "ends.py", PYTHONIOENCODING="utf-8")
    assert (launched.returncode, launched.stdout) == (plain.returncode, plain.stdout)
    assert launched.stderr == plain.stderr


def test_an_interrupted_program_ends_by_the_signal(tmp_path):
    program = """
    import os, signal
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
    os.kill(os.getpid(), signal.SIGINT)
    print("after")
    """
    write(tmp_path / "interrupted.py", program)
    plain, launched = both(tmp_path, "interrupted.py")
    assert (launched.returncode, launched.stdout) == (plain.returncode, plain.stdout)
    assert launched.stderr.split()[-1] == plain.stderr.split()[-1] == "KeyboardInterrupt"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent.py", "there is no program absent.py."),
        ("folder", "folder is a folder; name a program in it."),
        (
            "book.ipynb",
            "book.ipynb is a notebook; put `import mrcnn.legacy` into its first cell instead.",
        ),
    ],
)
def test_what_is_no_program_is_told_in_a_sentence(tmp_path, name, sentence):
    (tmp_path / "folder").mkdir()
    write(tmp_path / "book.ipynb", "{}")
    done = launch(name, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"mrcnn.legacy: {sentence}\n")


def test_usage(tmp_path):
    bare, asked = launch(cwd=tmp_path), launch("--help", cwd=tmp_path)
    assert (bare.returncode, bare.stdout) == (2, "")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout == bare.stderr
    assert asked.stdout.startswith("usage: python -m mrcnn.legacy program.py ARGS...\n")


def test_a_program_that_needs_nothing_is_left_alone(tmp_path):
    write(
        tmp_path / "modern.py",
        "import numpy, scipy.ndimage, skimage.io, PIL.Image, matplotlib\nprint('done')",
    )
    done = launch("modern.py", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_notebooks_first_cell_does_the_same(tmp_path):
    write(
        tmp_path / "cells.py",
        """
        import skimage.io, skimage.color  # before the cell
        import mrcnn.legacy
        import numpy as np
        from skimage.external import tifffile
        print(np.int(2.5), skimage.color.grey2rgb(np.ones((1, 1)))[0, 0])
        """,
    )
    done = python("cells.py", cwd=tmp_path)
    assert done.stdout == "2 [1. 1. 1.]\n"
    assert len(done.stderr.splitlines()) == 3


@pytest.mark.parametrize("first", ["mrcnn.legacy", "mrcnn"])
def test_importing_the_launcher_gives_the_names_of_numpy_and_importing_mrcnn_does_not(tmp_path, first):
    write(
        tmp_path / "first.py",
        f"import {first}\nimport numpy as np\nfrom imgaug import augmenters\nprint(np.int(2.5))",
    )
    done = python("first.py", cwd=tmp_path)
    if first == "mrcnn":
        assert done.returncode == 1 and "np.sctypes" in done.stderr
    else:
        assert (done.returncode, done.stdout) == (0, "2\n")
        assert "mrcnn.legacy: np.sctypes was removed from NumPy; using a replacement." in done.stderr


def test_a_program_that_builds_a_model_needs_no_launcher_for_names_of_numpy(tmp_path):
    program = """
    from mrcnn.model import MaskRCNN
    from tests.tiny import Tiny
    model = MaskRCNN("inference", Tiny(), "logs")
    import numpy as np
    from imgaug import augmenters
    print(np.int(2.5), np.asscalar(np.ones(1)))
    """
    done = python(write(tmp_path / "builds.py", program), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "2 1.0\n"), done.stderr
    assert "mrcnn.legacy: np.int was removed from NumPy; using int." in done.stderr
