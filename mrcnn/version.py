"""The version of this package, which only pyproject.toml defines."""

import tomllib
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "mrcnn-keras3"
_ROOT = Path(__file__).resolve().parents[1]


def version(root=_ROOT):
    """Return the version, for example "0.1.0", or "unknown" if files were copied without their metadata.

    root: the folder that contains the package. In a clone its pyproject.toml takes precedence, because
    another version may be installed too.
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
