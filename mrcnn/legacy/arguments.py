"""Wrap functions that have lost arguments, so that they accept the old arguments and report their use."""

import functools
import inspect

from mrcnn.supplied.names import say


def renamed(new):
    """Return a conversion for with_arguments that passes the value on under the name ``new``."""
    return lambda value, positional: {new: value}


def with_arguments(function, conversions, alias, package):
    """Wrap ``function`` so that it also accepts old arguments; return it unchanged if it still has them all.

    conversions: maps an old argument's name to a function of (value, positional arguments) that returns
    today's keyword arguments. alias: the function's name in programs. package: name of the package that
    removed the arguments, for the message.
    """
    present = inspect.signature(function).parameters
    conversions = {old: convert for old, convert in conversions.items() if old not in present}
    if not conversions:
        return function

    @functools.wraps(function)
    def wrapper(*args, **options):
        for old in conversions.keys() & options.keys():
            new = conversions[old](options.pop(old), args)
            told = f"passed on as {', '.join(new)}" if new else "ignored"
            say(f"the argument {old} of {alias} was removed from {package}; {told}.")
            options |= new
        return function(*args, **options)

    return wrapper


def wrap_functions(module, wrappers):
    """Replace functions of a module by wrapped ones.

    wrappers: maps a function's name to a callable that takes the module's function and returns its
    replacement.
    """
    earlier = module.__dict__.get("__getattr__")

    def wrapped(name, function):
        function = wrappers[name](function)
        setattr(module, name, function)
        return function

    for name in wrappers.keys() & module.__dict__.keys():
        wrapped(name, module.__dict__[name])

    # scikit-image imports most functions only when they are first used.
    def __getattr__(name):
        value = earlier(name)
        return wrapped(name, value) if name in wrappers else value

    if earlier is not None:
        module.__getattr__ = __getattr__
