"""Ways to supply something at the moment a program imports it."""

import functools
import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

from mrcnn.supplied.names import say


class _Watcher(MetaPathFinder):
    """First of the finders: calls back after a module was imported, or before a package's first submodule."""

    def __init__(self):
        self.after = {}
        self.before = {}
        self._finding = set()

    def find_spec(self, fullname, path=None, target=None):
        if fullname in self.before:
            self.before.pop(fullname)()
        if fullname not in self.after or fullname in self._finding:
            return None
        self._finding.add(fullname)
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._finding.discard(fullname)
        if spec is not None and spec.loader is not None:
            _extend(spec.loader, self.after[fullname])
        return spec


def _extend(loader, callback):
    """Let a loader, which serves one module, call back with the module once it is executed."""
    execute = loader.exec_module

    def exec_module(module):
        execute(module)
        callback(sys.modules.get(module.__name__, module))

    loader.exec_module = exec_module


class _Supplier(MetaPathFinder):
    """Last of the finders: makes the modules that no other finds."""

    def __init__(self):
        self.modules = {}

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in self.modules:
            return None
        is_package = any(name.startswith(fullname + ".") for name in self.modules)
        return ModuleSpec(fullname, _Filler(*self.modules[fullname]), is_package=is_package)


class _Filler(Loader):
    """Loads one supplied module."""

    def __init__(self, fill, told):
        self.fill = fill
        self.told = told

    def exec_module(self, module):
        if self.told:
            say(f"{module.__name__} {self.told}")
        self.fill(module)


_watcher, _supplier = _Watcher(), _Supplier()


def after_import(name, callback):
    """Call ``callback(module)`` when a module is imported; now if it is already."""
    _install()
    if name in sys.modules:
        callback(sys.modules[name])
    else:
        _watcher.after[name] = callback


def before_import(name, callback):
    """Call ``callback()`` the first time that a module is looked for."""
    _install()
    _watcher.before[name] = callback


def supply_module(name, fill, told):
    """Make a module where none is found: ``fill(module)`` gives it its names.

    told: what the user is told of it, after its name; empty: nothing.
    """
    _install()
    _supplier.modules[name] = fill, told


def supply_alias(name, module, package):
    """Make another module importable under a name that a package has lost; both are given by name."""
    place = "" if module.startswith("mrcnn.") else f" as {module}"
    supply_module(name, names_of(module), f"is gone from {package}; supplied{place}.")


def names_of(module):
    """A ``fill`` for supply_module: the names of another module, given by name."""

    def fill(supplied):
        source = importlib.import_module(module)
        public = getattr(source, "__all__", None) or [name for name in dir(source) if name[0] != "_"]
        supplied.__dict__.update({name: getattr(source, name) for name in public})
        supplied.__getattr__ = functools.partial(getattr, source)

    return fill


def _install():
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)
        sys.meta_path.append(_supplier)
