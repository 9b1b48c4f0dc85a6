"""The fingerprint of a run: settings, data, code, versions, machine and initial weights decide its result.

Two runs with equal ingredients end with the same bytes; ``differences`` lists unequal ones.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from mrcnn.backbones import preset_of
from mrcnn.digests import file_hash, sha256_of
from mrcnn.training.environment import PACKAGE, commit, machine, versions
from mrcnn.training.hashes import sources_hash

# If one of these differs, a resumed run would be another run.
MUST_AGREE = ("config", "data", "options", "versions.backend", "weights")
# For the reader only: a commit may change nothing but text, and the weights' hash identifies them.
_FOR_THE_READER = ("code.commit", "weights.name", "weights.file")
_INGREDIENTS = ("config", "data", "options", "code", "versions", "machine", "weights")


@dataclass(frozen=True)
class Difference:
    """One ingredient that differs between two runs, for example name "versions.keras"."""

    name: str
    old: object
    new: object

    @property
    def fatal(self):
        """Whether it forbids resuming the run, see MUST_AGREE."""
        return self.name.startswith(MUST_AGREE)

    def __str__(self):
        return f"{self.name}: {_short(self.old)} -> {_short(self.new)}"


def ingredients(config, data, packages=(PACKAGE,), weights=None, options=None):
    """Return everything that decides a run's weights, as a dict for JSON.

    data: a dict of split to data_hash. packages: folders whose code the run uses. weights: the initial
    weights, a dict of ``start_facts``. options: a dict of further command-line options.
    """
    settings = config.to_plain()
    for name in (*config.no_effect, "DATASET", "IMAGES"):  # only content matters, see data
        settings.pop(name, None)
    return {
        "config": settings,
        "data": data,
        "options": options or {},
        "code": {"sources": sources_hash(packages), "commit": commit()},
        "versions": versions(further=("keras-hub",) if preset_of(config.BACKBONE) else ()),
        "machine": machine(),
        "weights": weights or {"name": "none", "file": None, "sha256": None},
    }


def fingerprint(facts):
    """Return sixteen hexadecimal digits, equal for runs that must end with equal weights."""
    return sha256_of(json.dumps(_flat(facts), sort_keys=True).encode())[:16]


def differences(old, new):
    """Return the ingredients of run ``new`` that differ from those of ``old``: a list of Difference.

    Ingredients that ``old`` lacks, because its code was older, are not compared.
    """
    old, new = _flat(old), _flat(new)
    return [Difference(name, value, new.get(name)) for name, value in old.items() if new.get(name) != value]


def table(facts):
    """Return {ingredient: texts, one a run} of the ingredients in which runs differ, "-" where one has none.

    facts: the ingredients of each run.
    """
    flat = [_flat(one) for one in facts]
    names = dict.fromkeys(name for one in flat for name in one)
    found = {name: [_short(one.get(name, "-")) for one in flat] for name in names}
    return {name: texts for name, texts in found.items() if len(set(texts)) > 1}


def start_facts(name, path):
    """Return the name and hash of a run's initial weights. path: None for random ones."""
    sha256 = None if path is None else file_hash(path)
    return {"name": str(name), "file": None if path is None else str(Path(path).resolve()), "sha256": sha256}


def _flat(facts):
    """Flatten ingredients to {"versions.keras": "3.15.1", ...}, without those for the reader only."""
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
