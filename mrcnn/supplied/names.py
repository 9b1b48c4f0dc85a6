"""Names that a package has lost, given back when a program asks for them; each is told in one line."""

import importlib
import sys

_said = set()


def say(sentence):
    """Tell the user on stderr what was supplied, once in a process."""
    if sentence not in _said:
        _said.add(sentence)
        print(f"mrcnn.legacy: {sentence}", file=sys.stderr, flush=True)


def from_table(table):
    """A ``find`` for supply_names from {name: "module:attribute"}, or "module:" for a module itself."""

    def find(name):
        if name not in table:
            return None
        module, _, attribute = table[name].partition(":")
        value = importlib.import_module(module)
        return (getattr(value, attribute) if attribute else value), _told(module, attribute)

    return find


def _told(module, attribute):
    """What a line says of a target; that a function is ours says nothing."""
    if module.startswith("mrcnn."):
        return "supplied"
    module = {"builtins": "", "numpy": "np"}.get(module, module)
    return "supplied as " + ".".join(part for part in (module, attribute) if part)


def supply_names(module, find, alias, package):
    """Let a module answer for names that it has no more; what it has stays as it is.

    find: name -> (value, what is told of it), or None. alias: what programs call the module, such as np.
    package: who lost the names, as the user knows it.
    """
    earlier = module.__dict__.get("__getattr__", _missing(module))

    def __getattr__(name):
        found = find(name)
        if found is None:
            return earlier(name)
        value, told = found
        say(f"{alias}.{name} is gone from {package}; {told}.")
        setattr(module, name, value)
        return value

    module.__getattr__ = __getattr__


def _missing(module):
    def __getattr__(name):
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)

    return __getattr__
