"""The score of best F1 of a weights file, beside it as ``<name>.best_score.json``.

Detection takes it as its smallest score. The weights file itself stays as training wrote it, to the last
byte.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from mrcnn.digests import file_hash
from mrcnn.files import FileError, json_kind, read_json, write_json
from mrcnn.weights.errors import WeightsError


@dataclass(frozen=True)
class BestScore:
    """The smallest score for the best F1. split, dataset, images: those of the evaluation that found it."""

    score: float
    f1: float
    split: str
    dataset: str
    images: int


def path_of(weights):
    """Return the path of the file that belongs to a weights file."""
    weights = Path(weights)
    return weights.with_name(f"{weights.stem}.best_score.json")


def write(weights, best):
    """Write the BestScore of a weights file beside it, with the hash of the weights; return the path."""
    path = path_of(weights)
    write_json(path, {**asdict(best), "weights_sha256": file_hash(weights)})
    return path


def read(weights):
    """Return the BestScore of a weights file, None without one, or if it was found with other weights.

    Raises WeightsError if the file is damaged.
    """
    path = path_of(weights)
    if not path.is_file():
        return None
    try:
        stored = read_json(path)
    except FileError as error:
        raise WeightsError(f"{str(error).rstrip('.')}; {_ADVICE}.") from error
    for name, kind in _KINDS.items():
        value = stored.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise WeightsError(f"{path}: is damaged: its {name} is {json_kind(value)}; {_ADVICE}.")
    if not 0 <= stored["score"] <= 1:
        raise WeightsError(f"{path}: is damaged: its score is {stored['score']!r:.20}; {_ADVICE}.")
    if stored["weights_sha256"] != file_hash(weights):
        return None
    return BestScore(**{name: stored[name] for name in BestScore.__dataclass_fields__})


_KINDS = {
    "score": (int, float), "f1": (int, float), "split": str, "dataset": str, "images": int,
    "weights_sha256": str,
}  # fmt: skip
_ADVICE = "delete it, and evaluate the weights again"
