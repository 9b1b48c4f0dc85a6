"""What a weights file says about its network, as JSON in one attribute: config, class names, epoch."""

import json

from mrcnn.files import FileError, json_kind, parse_json
from mrcnn.weights.errors import Fault, WeightsError

KEY = "mrcnn_metadata"  # the attribute's name
FORMAT = 1  # increase it when an older reader would misread the file; readers refuse higher numbers

_KINDS = {"format": int, "class_names": list, "config": dict, "epoch": int}


def encode(metadata):
    """Encode metadata as ASCII JSON with the format's number; equal dicts give equal text."""
    try:
        return json.dumps({"format": FORMAT, **(metadata or {})}, sort_keys=True)
    except TypeError as error:
        raise WeightsError(f"Metadata must be numbers, text, lists and dicts: {error}.") from error


def decode(text):
    """Decode metadata; None gives {}. Raises Fault if they are damaged, or of a later format than FORMAT."""
    if text is None:
        return {}
    try:
        metadata = parse_json(text, KEY)
    except FileError as error:
        raise _damaged(error.reason.removeprefix("is damaged: ")) from error
    if metadata.get("format") is None:
        raise _damaged("it names no format")
    for name, kind in _KINDS.items():
        value = metadata.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise _damaged(f"its {name} is {json_kind(value)} instead of {json_kind(kind())}")
    if not all(isinstance(name, str) for name in metadata.get("class_names") or ()):
        raise _damaged("one of its class_names is no text")
    if metadata["format"] > FORMAT:
        raise Fault(
            f"is written in format {metadata['format']!r:.20} of a later version of this package; this one "
            f"reads up to format {FORMAT}: update it"
        )
    return metadata


def _damaged(what):
    return Fault(f"its metadata is damaged ({what})")
