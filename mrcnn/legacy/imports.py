"""Import hooks: supply modules and names at the moment a program imports them."""

import functools
import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

from mrcnn.supplied.names import say


class _Watcher(MetaPathFinder):
    """The first finder: calls back after a module is imported, or before it is searched for."""

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
    """Make a loader, which serves one module, call back with the module after executing it."""
    execute = loader.exec_module

    def exec_module(module):
        execute(module)
        callback(sys.modules.get(module.__name__, module))

    loader.exec_module = exec_module


class _Supplier(MetaPathFinder):
    """The last finder: creates supplied modules that no other finder finds."""

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
    """Call ``callback(module)`` when a module is imported, or at once if it already is."""
    _install()
    if name in sys.modules:
        callback(sys.modules[name])
    else:
        _watcher.after[name] = callback


def before_import(name, callback):
    """Call ``callback()`` the first time that a module is searched for."""
    _install()
    _watcher.before[name] = callback


def supply_module(name, fill, told):
    """Create a module if none is found under a name.

    fill: a function that takes the new module and sets its names. told: the rest of the reported sentence,
    after the module's name; an empty text reports nothing.
    """
    _install()
    _supplier.modules[name] = fill, told


def supply_alias(name, module, package):
    """Make a module importable under a name that a package has removed.

    name, module: names of the removed module and of its replacement. package: for the message.
    """
    place = "a replacement" if module.startswith("mrcnn.") else module
    supply_module(name, names_of(module), f"was removed from {package}; using {place}.")


def names_of(module):
    """Return a ``fill`` for supply_module that copies the public names of the module called ``module``."""

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
