"""What decides the weights of a run: settings, data, code, versions, machine, first weights.

Two runs whose ingredients agree end with the same bytes; where they do not, ``differences`` says in what.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from mrcnn.training.environment import PACKAGE, commit, machine, versions
from mrcnn.training.hashes import file_hash, sha256_of, sources_hash

# Where these differ, a resumed run would be another run.
MUST_AGREE = ("config", "data", "options", "versions.backend", "weights")
# Names for the reader: a commit may change a text alone, and weights are known by their content.
_FOR_THE_READER = ("code.commit", "weights.name", "weights.file")
_INGREDIENTS = ("config", "data", "options", "code", "versions", "machine", "weights")


@dataclass(frozen=True)
class Difference:
    """One ingredient of two runs, for example name "versions.keras"."""

    name: str
    old: object
    new: object

    @property
    def fatal(self):
        """Whether a run must not be resumed, see MUST_AGREE."""
        return self.name.startswith(MUST_AGREE)

    def __str__(self):
        return f"{self.name}: {_short(self.old)} -> {_short(self.new)}"


def ingredients(config, data, packages=(PACKAGE,), weights=None, options=None):
    """All that decides a run's weights, as a dict for JSON.

    data: a dict of split to data_hash. packages: folders whose code takes part. weights: the initial
    weights, a dict of ``start_facts``. options: a dict of what else the run was asked for.
    """
    settings = config.to_plain()
    for name in (*config.no_effect, "DATASET"):  # where data stand is no matter, what they are is in ``data``
        settings.pop(name, None)
    return {
        "config": settings,
        "data": data,
        "options": options or {},
        "code": {"sources": sources_hash(packages), "commit": commit()},
        "versions": versions(),
        "machine": machine(),
        "weights": weights or {"name": "none", "file": None, "sha256": None},
    }


def fingerprint(facts):
    """Sixteen hexadecimal digits of the ingredients: equal for runs that must end with equal weights."""
    return sha256_of(json.dumps(_flat(facts), sort_keys=True).encode())[:16]


def differences(old, new):
    """The ingredients of run ``new`` that differ from those of ``old``: a list of Difference.

    What ``old`` does not know, since its code was older, is not compared.
    """
    old, new = _flat(old), _flat(new)
    return [Difference(name, value, new.get(name)) for name, value in old.items() if new.get(name) != value]


def start_facts(name, path):
    """What is known of the weights that a run begins with. path: None for random ones."""
    sha256 = None if path is None else file_hash(path)
    return {"name": str(name), "file": None if path is None else str(Path(path).resolve()), "sha256": sha256}


def _flat(facts):
    """Ingredients as {"versions.keras": "3.15.1", ...}, without what is for the reader alone."""
    found = {}

    def add(name, value):
        if isinstance(value, dict) and value:
            for key, item in value.items():
                add(f"{name}.{key}", item)
        elif name not in _FOR_THE_READER:
            found[name] = value

    for name in _INGREDIENTS:
        if name in facts:
            add(name, facts[name])
    return found


def _short(value):
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
