"""Functions that still exist and take less than they did: wrapped, so that they take it again and tell."""

import functools
import inspect

from mrcnn.supplied.names import say


def renamed(new):
    """A conversion for with_arguments: the same value under another name."""
    return lambda value, positional: {new: value}


def with_arguments(function, conversions, alias, package):
    """``function``, which takes the old arguments of ``conversions``, too; itself where it has them all.

    conversions: old name -> function of (value, positional arguments) that gives present keyword arguments.
    alias: what programs call the function. package: who lost the arguments, as the user knows it.
    """
    present = inspect.signature(function).parameters
    conversions = {old: convert for old, convert in conversions.items() if old not in present}
    if not conversions:
        return function

    @functools.wraps(function)
    def wrapper(*args, **options):
        for old in conversions.keys() & options.keys():
            new = conversions[old](options.pop(old), args)
            told = ", ".join(new) or "nothing"
            say(f"the argument {old} of {alias} is gone from {package}; handed on as {told}.")
            options |= new
        return function(*args, **options)

    return wrapper


def wrap_functions(module, wrappers):
    """Put other functions in the place of a module's own.

    wrappers: name -> function that takes the module's function and gives what shall stand in its place.
    """
    earlier = module.__dict__.get("__getattr__")

    def wrapped(name, function):
        function = wrappers[name](function)
        setattr(module, name, function)
        return function

    for name in wrappers.keys() & module.__dict__.keys():
        wrapped(name, module.__dict__[name])

    # scikit-image imports most functions only when they are asked for.
    def __getattr__(name):
        value = earlier(name)
        return wrapped(name, value) if name in wrappers else value

    if earlier is not None:
        module.__getattr__ = __getattr__
