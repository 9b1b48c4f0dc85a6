"""The notebooks run from their first cell to their last, and are stored without outputs."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("own_data", "inspect", "compare")


def cells_of(name):
    return json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def sources_of(name):
    return ["".join(cell["source"]) for cell in cells_of(name) if cell["cell_type"] == "code"]


def execute(source, names, cell):
    """Run a cell as a notebook does: the value of a last expression is shown, as a picture if it can be."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, cell, "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), cell, "eval"), names)
        return value if value is None else (repr(value), getattr(value, "_repr_png_", lambda: b"")())
    return None


def test_all_notebooks_are_tested():
    assert {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_stored_without_outputs(name):
    page = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert (page["nbformat"], page["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in page["cells"]}) == len(page["cells"])
    assert page["cells"][0]["cell_type"] == "markdown"
    for cell in page["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"], cell["execution_count"]) == ([], None)
    for source in sources_of(name):
        compile(source, name, "exec")  # plain Python, without a notebook's commands


@pytest.mark.parametrize("name", NAMES)
def test_links_of_the_notebooks_exist(name):
    for cell in cells_of(name):
        for link in re.findall(r"\]\(([\w./-]+)\)", "".join(cell["source"])):
            assert (ROOT / "notebooks" / link).exists(), link


@pytest.mark.slow
def test_the_notebooks_run(tmp_path, monkeypatch):
    """One after another in one folder: the second inspects the training of the first."""
    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *sys.path])
    shown = []
    monkeypatch.setattr("matplotlib.pyplot.show", lambda: shown.append(True))
    outputs = {}
    for name in NAMES:
        names = {"__name__": "__main__"}
        found = [execute(source, names, f"{name}, cell {i}") for i, source in enumerate(sources_of(name))]
        outputs[name] = [value for value in found if value is not None]
    pictures = [png for _, png in outputs["own_data"] if png]
    assert len(pictures) == 5 and all(png[:4] == b"\x89PNG" for png in pictures)
    assert len(shown) == 9
    assert "AP" in outputs["compare"][-1][0]
    assert (tmp_path / "work" / "evaluation.json").exists()
