"""python -m mrcnn.legacy program.py ARGS...: run an old program in today's environment."""

import os
import sys
import types
from importlib.machinery import SourceFileLoader

USAGE = """\
usage: python -m mrcnn.legacy program.py ARGS...

Runs a program written for matterport's Mask R-CNN as "python program.py ARGS..." would, and supplies what
NumPy, SciPy, scikit-image, Keras and TensorFlow have removed since. Each replacement is reported in one line
on stderr when the program first uses it.

In the root of an old clone, whose own mrcnn folder shadows this one, use: python -m pumpkin.legacy ...
"""


def main(arguments):
    """Run the program that the command line names.

    arguments: the program's path and its arguments. Returns the exit status: 0 after the program ends, 1
    after an uncaught exception, 2 if there is no such program.
    """
    if not arguments:
        print(USAGE, end="", file=sys.stderr)
        return 2
    if arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    problem = _problem(arguments[0])
    if problem:
        print(f"mrcnn.legacy: {problem}", file=sys.stderr)
        return 2
    return _run(arguments)


def _problem(program):
    """Return why a program cannot be run, or None if it can."""
    if os.path.isdir(program):
        return f"{program} is a folder; name a program in it."
    if not os.path.exists(program):
        return f"there is no program {program}."
    if program.endswith(".ipynb"):
        return f"{program} is a notebook; put `import mrcnn.legacy` into its first cell instead."
    return None


def _run(arguments):
    """Execute a program as __main__, with its own arguments and folder."""
    path = os.path.abspath(arguments[0])
    main_module = types.ModuleType("__main__")
    main_module.__dict__.update(
        __file__=path, __builtins__=__builtins__, __loader__=SourceFileLoader("__main__", path)
    )
    sys.modules["__main__"] = main_module
    sys.argv = list(arguments)
    # sys.path starts with the working folder after python -m, but with the program's folder after
    # python program.py; -P adds neither.
    sys.path[: 0 if sys.flags.safe_path else 1] = [os.path.dirname(os.path.realpath(path))]
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, main_module.__dict__)
    except Exception as error:
        # Start the traceback in the program, not in the launcher.
        traceback = error.__traceback__.tb_next
        sys.excepthook(type(error), error.with_traceback(traceback), traceback)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
