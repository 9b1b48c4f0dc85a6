"""What the tests of mrcnn.legacy share: programs run by the launcher."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python(*words, cwd, **environment):
    """A finished process of Python that finds this package: returncode, stdout, stderr."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True,
    )  # fmt: skip


def launch(*words, cwd, **environment):
    """``python -m mrcnn.legacy`` with the given words."""
    return python("-m", "mrcnn.legacy", *words, cwd=cwd, **environment)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def hiding(name):
    """The beginning of a program that cannot import a module or what is below it."""
    return f"""
    import sys
    from importlib.machinery import PathFinder
    class Finder(PathFinder):
        @classmethod
        def find_spec(cls, name, *details):
            return None if (name + ".").startswith("{name}.") else PathFinder.find_spec(name, *details)
    sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
    """


def evaluate(folder, prelude, expressions, **environment):
    """The values of expressions in a program that begins with ``prelude``, by JSON, and its lines on stderr.

    An expression that raises has the error's text as its value.
    """
    program = write(
        folder / "program.py",
        "import json\n"
        + textwrap.dedent(prelude)
        + textwrap.dedent(f"""
        values = []
        for expression in {list(expressions)!r}:
            try:
                values.append(eval(expression))
            except Exception as error:
                values.append(repr(error))
        print("VALUES " + json.dumps(values, default=lambda value: value.tolist()))
        """),
    )
    done = launch(program, cwd=folder, **environment)
    assert done.returncode == 0, done.stderr[-4000:]
    values = json.loads(done.stdout.rsplit("VALUES ", 1)[1])
    told = [line.split(": ", 1)[1] for line in done.stderr.splitlines() if line.startswith("mrcnn.legacy: ")]
    return dict(zip(expressions, values)), told
