"""The YAML configs that come with the package, by name: "demo" is configs/demo.yaml of a clone."""

import difflib
from pathlib import Path

from mrcnn.config import ConfigError

PACKAGE = Path(__file__).resolve().parent

CONFIG_HELP = "a YAML config: a packaged one's name, or a file"


def configs():
    """{name: path} of the packaged configs, in alphabetical order."""
    installed, clone = PACKAGE / "configs", PACKAGE.parent / "configs"
    folder = installed if installed.is_dir() else clone
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def config_path(config):
    """The file that ``--config`` means: a packaged config's name, or a path.

    A name has neither folder nor suffix; write ./demo for a file in the working folder.
    Raises ConfigError with the packaged names if there is no such file.
    """
    known = configs()
    if str(config) in known:
        return known[str(config)]
    if Path(config).is_file():
        return Path(config)
    near = difflib.get_close_matches(Path(config).stem, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ConfigError(
        f"--config {config}: there is no such file{hint} The packaged configs are {', '.join(known)}."
    )
