"""The version of this package, which pyproject.toml alone states."""

import tomllib
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "mrcnn-keras3"
_ROOT = Path(__file__).resolve().parents[1]


def version(root=_ROOT):
    """The version, for example "0.1.0"; "unknown" where the files were copied without their metadata.

    root: the folder of the package. In a clone the pyproject.toml there comes first: another version may be
    installed beside it.
    """
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        if project["name"] == DISTRIBUTION:
            return project["version"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        pass
    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"
