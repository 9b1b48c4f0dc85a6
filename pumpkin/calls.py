"""How the commands are started: what a user types, and what a program runs to do the same.

One command has three forms: ``mrcnn train`` where the package is installed, ``python scripts/train.py`` in a
clone, and ``python -m pumpkin train`` in either. Messages and help use the form that started this process.
"""

import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SCRIPTS = PACKAGE.parent / "scripts"
_SCRIPT_OF = {"check": "check_data"}  # where a script's name is not that of its command


def typed(command):
    """The words that begin a command line, for example "mrcnn train"."""
    form = _form()
    return f"python scripts/{_script(command).name}" if form == "scripts" else f"{form} {command}"


def words(command):
    """The same words as a list for ``subprocess``, independent of the working folder and of PATH."""
    form = _form()
    if form == "scripts":
        return [sys.executable, str(_script(command))]
    if form == "mrcnn" and _started_by_mrcnn():
        return [sys.argv[0], command]
    return [sys.executable, "-m", "pumpkin", command]


def program():
    """The program that has all commands: "mrcnn", or "python -m pumpkin" if this process was started so."""
    form = _form()
    return "mrcnn" if form == "scripts" else form


def _script(command):
    return SCRIPTS / f"{_SCRIPT_OF.get(command, command)}.py"


def _form():
    """ "mrcnn", "python -m pumpkin" or "scripts"; a clone's own programs speak of scripts."""
    if _started_by_mrcnn():
        return "mrcnn"
    if Path(sys.argv[0]).resolve() == PACKAGE / "__main__.py":
        return "python -m pumpkin"
    return "scripts" if SCRIPTS.is_dir() and (SCRIPTS.parent / "pyproject.toml").is_file() else "mrcnn"


def _started_by_mrcnn():
    return Path(sys.argv[0]).stem == "mrcnn"  # Windows adds .exe
