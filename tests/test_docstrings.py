"""Every module and every public class, function and method has a docstring that is a sentence."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(path for folder in ("mrcnn", "pumpkin") for path in (ROOT / folder).rglob("*.py"))

# Methods that Keras defines and documents; a class here overrides them in the same sense.
OVERRIDES = {"build", "call", "compute_output_shape", "compute_output_spec", "get_config", "from_config"}
HOOK = "on_"  # of keras.callbacks.Callback


def public_definitions(tree):
    """(dotted name, node) of the module, its public classes and functions, and the classes' methods."""
    yield "module", tree
    for node in definitions(tree):
        yield node.name, node
        for method in definitions(node) if isinstance(node, ast.ClassDef) else ():
            if method.name not in OVERRIDES and not method.name.startswith(HOOK):
                yield f"{node.name}.{method.name}", method


def definitions(node):
    found = [inner for inner in node.body if isinstance(inner, (ast.ClassDef, ast.FunctionDef))]
    return [inner for inner in found if not inner.name.startswith("_")]


def undocumented(source):
    tree = ast.parse(source)
    return [
        name
        for name, node in public_definitions(tree)
        if not (ast.get_docstring(node) or "").split("\n\n")[0].rstrip("`").endswith((".", ":"))
    ]


def test_what_lacks_a_docstring_is_named():
    source = '"""A module."""\ndef a(): ...\nclass B:\n    """A class."""\n    def c(self): ...\n'
    assert undocumented(source) == ["a", "B.c"]
    assert undocumented('"""No sentence"""\ndef a():\n    """A sentence."""\n') == ["module"]


def test_every_public_name_has_a_docstring():
    found = {path.relative_to(ROOT).as_posix(): undocumented(path.read_text("utf-8")) for path in FILES}
    assert len(found) > 150
    assert {path: names for path, names in found.items() if names} == {}
