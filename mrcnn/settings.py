"""Settings: plain class attributes, each with a kind (its allowed values) and a reason.

    class Config(Settings):
        POOL_SIZE = setting(7, whole(1, 64), "cells per side of an ROI in the box head")

``Config.POOL_SIZE`` is the number 7, and a subclass overrides it with a plain ``POOL_SIZE = 5``. The kind and
the reason are in ``Config.specs()["POOL_SIZE"]``.
"""

import difflib
import numbers
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

Value = TypeVar("Value")


class ConfigError(ValueError):
    """Raised for unknown names and wrong values of settings; each of ``lines`` names one."""

    def __init__(self, *lines):
        self.lines = [str(line) for line in lines]
        super().__init__("\n".join(self.lines))


@dataclass(frozen=True)
class Kind:
    """The allowed values of a setting.

    allowed: a description in words. accepts: a function that returns whether a value is of this kind. hint: a
    function that takes a wrong value and returns advice. is_whole: the values are whole numbers. is_partial:
    the values are mappings that may omit entries.
    """

    allowed: str
    accepts: Callable
    hint: Callable = lambda value: ""
    is_whole: bool = False
    is_partial: bool = False

    def fault(self, value):
        """Return what is wrong with a value ("must be ..., got ..."), or None."""
        if self.accepts(value):
            return None
        hint = self.hint(value)
        return f"must be {self.allowed}, got {shown(value)}{'; ' + hint if hint else ''}"


@dataclass(frozen=True)
class Setting:
    """One setting: its default, its Kind, and the reason for the setting or its default."""

    default: object
    kind: Kind
    reason: str


def setting(default: Value, kind: Kind, reason: str) -> Value:
    """Declare a setting in a class body; the class attribute becomes ``default``, see Settings."""
    return Setting(default, kind, reason)  # Settings replaces it by the default


def about(*names):
    """Mark a rule about several settings: a function that takes the config and returns a sentence or None."""

    def mark(rule):
        rule.about = names
        return rule

    return mark


class Settings:
    """A class whose attributes declared by ``setting`` are plain values that also have a kind.

    rules: functions marked by ``about``. A rule runs if all settings that it is about are of their kinds.
    """

    rules = ()
    _specs = {}
    _sources = {}  # the origin of each value that ``take`` set: name to text

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        inherited = {}
        for base in reversed(cls.__mro__[1:]):
            inherited.update(vars(base).get("_specs", {}))
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Setting)}
        for name, spec in own.items():
            setattr(cls, name, spec.default)
        cls._specs = {**inherited, **own}

    @classmethod
    def specs(cls):
        """Return the Setting of each declared name."""
        return dict(cls._specs)

    @classmethod
    def names(cls):
        """List the settings of this class in alphabetical order, including a program's undeclared ones."""
        return sorted(name for name in dir(cls) if name.isupper() and not name.startswith("_"))

    def check(self, found=None):
        """Raise ConfigError with all faults, one sentence each. found: the faults that ``take`` found."""
        sentences = self.faults(found)
        if sentences:
            raise ConfigError(*sentences)

    def faults(self, found=None):
        """List a sentence for each wrong setting and for each contradiction between settings.

        found: the faults that ``take`` found, a dict of name to sentence.
        """
        self._settle()
        wrong = dict(found or {})
        for name, spec in self._specs.items():
            fault = None if name in wrong else spec.kind.fault(getattr(self, name))
            if fault:
                wrong[name] = f"{self.source_of(name)}: {name} {fault}."
        sentences = list(wrong.values())
        for rule in self.rules:
            sentence = rule(self) if wrong.keys().isdisjoint(rule.about) else None
            if sentence:
                sentences.append(f"{self.source_of(*rule.about)}: {sentence}")
        return sentences

    def _settle(self):
        """Convert floats such as 50.0 to whole numbers: programs for Python 2 divide numbers of steps."""
        for name, spec in self._specs.items():
            value = getattr(self, name)
            if spec.kind.is_whole and isinstance(value, (float, np.floating)) and float(value).is_integer():
                setattr(self, name, int(value))

    def source_of(self, *names):
        """Return the origin of the first of some settings that was changed, or the class's name."""
        return next((self._sources[name] for name in names if name in self._sources), type(self).__name__)

    def is_set(self, name):
        """Return whether ``take`` has set a name; otherwise it has its class's value."""
        return name in self._sources

    def take(self, values, source):
        """Set several names at once; a setting with a wrong value keeps its old one.

        values: a dict of name to value. source: their origin, for messages. Returns a dict of wrong names to
        sentences.
        """
        found = {}
        for name, value in values.items():
            fault = self._fault_of(name, value)
            if fault:
                found[name] = f"{source}: {fault}."
            else:
                self._put(name, value)
                self._sources = {**self._sources, name: source}
        return found

    def _put(self, name, value):
        """Set a value in the form of the old one: an array, a tuple, or a mapping with all its entries."""
        current, spec = getattr(self, name), self._specs.get(name)
        if spec and spec.kind.is_partial:
            value = {**current, **value}
        if isinstance(current, np.ndarray) and isinstance(value, (list, tuple)):
            value = np.asarray(value, current.dtype)
        if isinstance(current, tuple) and isinstance(value, list):
            value = tuple(value)
        setattr(self, name, value)

    def _fault_of(self, name, value):
        """Return what is wrong with a name and its value, or None."""
        if not isinstance(name, str):
            hint = "; YAML reads on, off, yes and no as true or false" if isinstance(name, bool) else ""
            return f"the name of a setting must be text, got {shown(name)}{hint}"
        if name not in self.names():
            close = difflib.get_close_matches(name.upper(), self.names(), n=1, cutoff=0.5)
            nearest = f"; the nearest known one is {close[0]}" if close else ""
            return f"unknown setting {shown(name)}{nearest}"
        spec = self._specs.get(name)
        fault = spec.kind.fault(value) if spec else None
        return f"{name} {fault}" if fault else None


# --- Kinds --------------------------------------------------------------------------------------


def flag():
    """Accept true or false."""
    return Kind("true or false", lambda value: isinstance(value, (bool, np.bool_)))


def whole(least, most):
    """Accept a whole number in a range."""
    return Kind(
        f"a whole number from {least:,} to {most:,}",
        lambda value: _is_number(value, numbers.Integral) and least <= value <= most,
        _number_hint,
        is_whole=True,
    )


def number(least=None, most=None, above=None, below=None):
    """Accept a number from ``least`` or above ``above``, to ``most`` or below ``below``, not NaN."""
    if above is None and below is None:
        bounds = f"from {least:,} to {most:,}"
    else:
        low = f"of at least {least:,}" if above is None else f"above {above:,}"
        bounds = f"{low} and {f'at most {most:,}' if below is None else f'below {below:,}'}"

    def accepts(value):
        if not _is_number(value, numbers.Real):
            return False
        over = value > above if above is not None else value >= least
        return bool(over and (value < below if below is not None else value <= most))

    return Kind(f"a number {bounds}", accepts, _number_hint)


def word(*choices):
    """Accept one of some words."""

    def hint(value):
        close = difflib.get_close_matches(value, choices, n=1) if isinstance(value, str) else []
        return f"the nearest is {close[0]}" if close else ""

    return Kind(
        f"one of {', '.join(choices)}", lambda value: isinstance(value, str) and value in choices, hint
    )


def text(allowed="text", accepts=lambda value: True):
    """Accept text for which ``accepts`` returns true. allowed: its form in words."""
    return Kind(allowed, lambda value: isinstance(value, str) and bool(accepts(value)))


def or_none(kind, meaning=""):
    """Accept the values of a kind, or None. meaning: of None, in words."""
    none = f"None ({meaning})" if meaning else "None"

    def hint(value):
        return "YAML writes None as null" if value == "None" else kind.hint(value)

    return Kind(
        f"{kind.allowed} or {none}",
        lambda value: value is None or kind.accepts(value),
        hint,
        kind.is_whole,
    )


def several(kind, count=None, example=""):
    """Accept a list of values of one kind. count: their number; None: one or more. example: of a list."""
    size = "one or more" if count is None else str(count)

    def accepts(value):
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if not isinstance(value, (list, tuple)) or not (len(value) if count is None else len(value) == count):
            return False
        return all(kind.accepts(item) for item in value)

    def hint(value):
        return f"a list is written {example}" if example and not isinstance(value, (list, tuple)) else ""

    return Kind(f"a list of {size}, each {kind.allowed}", accepts, hint)


def entries(kinds, further=None):
    """A mapping of known names to values of their kinds, some or all.

    kinds: a dict of name to Kind. further: the Kind of a name that is not among them, by the name, or None.
    """

    def kind_of(name):
        return kinds.get(name) or (further(name) if further else None)

    def accepts(value):
        known = isinstance(value, Mapping) and all(isinstance(name, str) and kind_of(name) for name in value)
        return known and all(kind_of(name).accepts(item) for name, item in value.items())

    def hint(value):
        if not isinstance(value, Mapping):
            return ""
        unknown = [name for name in value if not isinstance(name, str) or not kind_of(name)]
        if unknown:
            return f"it has no entry {shown(unknown[0])}"
        return "; ".join(
            f"{name} {fault}" for name, item in value.items() if (fault := kind_of(name).fault(item))
        )

    allowed = sorted({kind.allowed for kind in kinds.values()})
    words = f"a mapping of {', '.join(kinds)}, each {' or '.join(allowed)}"
    return Kind(words, accepts, hint, is_partial=True)


def either(allowed, *accepting):
    """Accept a value that one of some functions accepts. allowed: a description in words."""
    return Kind(allowed, lambda value: any(accepts(value) for accepts in accepting))


def _is_number(value, of):
    return isinstance(value, of) and not isinstance(value, (bool, np.bool_))


def _number_hint(value):
    """Return advice for a number given as text."""
    try:
        float(value if isinstance(value, str) else "")
    except ValueError:
        return ""
    exponent = "e" in value.lower() and "." not in value
    return "YAML wants a dot, as in 1.0e-3" if exponent else "write the number without quotes"


def shown(value):
    """Format a value for a message, on one short line."""
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if _is_number(value, numbers.Integral) and abs(value) >= 10**30:
        return f"a whole number of {int(value).bit_length()} bits"
    try:
        line = " ".join(_SHORT.repr(value).split())
    except Exception:  # a program's own class, whose repr fails
        line = f"a {type(value).__name__}"
    return line if len(line) <= 160 else f"{line[:157]}..."


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 4, 8, 8, 8
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100
