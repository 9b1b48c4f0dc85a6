"""Supply names that a package has removed when a program uses them, and report each in one line."""

import importlib
import sys

_said = set()


def say(sentence):
    """Print a sentence on stderr, once per process."""
    if sentence not in _said:
        _said.add(sentence)
        print(f"mrcnn.legacy: {sentence}", file=sys.stderr, flush=True)


def from_table(table):
    """Return a ``find`` for supply_names that looks names up in a table.

    table: {name: "module:attribute"}, or "module:" for a module itself.
    """

    def find(name):
        if name not in table:
            return None
        module, _, attribute = table[name].partition(":")
        value = importlib.import_module(module)
        return (getattr(value, attribute) if attribute else value), _told(module, attribute)

    return find


def _told(module, attribute):
    """Return the end of the reported sentence for a target."""
    if module.startswith("mrcnn."):
        return "using a replacement"
    module = {"builtins": "", "numpy": "np"}.get(module, module)
    return "using " + ".".join(part for part in (module, attribute) if part)


def supply_names(module, find, alias, package):
    """Make a module provide removed names; the names that it has are unchanged.

    find: takes a name and returns (value, end of the reported sentence), or None for an unknown name.
    alias: the module's name in programs, such as np. package: name of the package that removed the names,
    for the message.
    """
    earlier = module.__dict__.get("__getattr__", _missing(module))

    def __getattr__(name):
        found = find(name)
        if found is None:
            return earlier(name)
        value, told = found
        say(f"{alias}.{name} was removed from {package}; {told}.")
        setattr(module, name, value)
        return value

    module.__getattr__ = __getattr__


def _missing(module):
    def __getattr__(name):
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)

    return __getattr__
