"""Lock files: everything needed to repeat a download exactly, as JSON.

A lock file holds the choice, the sizes of the sources, each image with its size and SHA-256, each mask
with its byte range in the zip, its size and its CRC, and the boxes from which crowds and labels are written.
It depends on the choice and the sources alone, so it has the same bytes on every machine and mirror.
"""

import math
import os
import re
from pathlib import Path

from mrcnn.files import FileError, json_kind, read_json
from mrcnn.http import Facts
from pumpkin.openimages import catalog, files
from pumpkin.openimages.classes import ObjectClass
from pumpkin.openimages.errors import IntegrityError, UsageError
from pumpkin.openimages.images import MAX_IMAGE
from pumpkin.openimages.layout import IMAGE_ID, MASK_NAME
from pumpkin.openimages.plan import Boxes, Choice, ImageFile, MaskFile, Plan
from pumpkin.openimages.zipindex import MAX_MEMBER, Member

FORMAT = "pumpkin.openimages.lock"
VERSION = 1
_PATHS = frozenset(catalog.paths())
_SHA256, _CRC = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{8}")


def encode(plan, outcome):
    """Return the bytes of the lock file of a complete download.

    outcome: a fetch.Outcome. Files that are missing or of no use are named under ``missing`` and
    ``left_out``, not listed as images or masks.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "licences": catalog.LICENCES,
        "addresses": {"annotations": catalog.ANNOTATIONS_URL, "images": catalog.IMAGES_URL},
        "choice": _choice_to_json(plan.choice),
        "sources": {path: {"size": f.size} for path, f in plan.sources.items()},
        "images": [_image_to_json(image, outcome) for image in plan.images if image.key in outcome.images],
        "masks": [
            _mask_to_json(mask) for mask in plan.masks if mask.member.name in outcome.masks[mask.split]
        ],
        "boxes": [
            {"split": split, "id": image_id, "class": mid, "boxes": boxes.boxes, "masks": boxes.mask_ids}
            for (split, image_id, mid), boxes in sorted(plan.boxes.items())
            if (split, image_id) in outcome.images
        ],
        "left_out": {**plan.left_out, **plan.refused, **outcome.left_out, **outcome.damaged},
        "missing": sorted({*plan.missing, *plan.missing_sources, *outcome.missing}),
    }
    return files.to_json(content)


def read(path):
    """Read the Plan of a lock file.

    Raises UsageError if the file does not exist or is not a lock file, IntegrityError if it is damaged.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise UsageError(f"There is no lock file {path}; leave --lock off to make one.")
    try:
        content = read_json(path)
    except FileError as error:
        if isinstance(error.__cause__, OSError):
            raise UsageError(str(error)) from error
        reason = error.reason.removeprefix("is damaged: ")
        raise IntegrityError(f"{path} is damaged, or no lock file ({reason}).") from error
    if content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a lock file of this program.")
    if content.get("version") != VERSION:
        raise UsageError(
            f"{path} has version {content.get('version')!r:.40}, not {VERSION}; use the program that wrote "
            "it."
        )
    try:
        return _to_plan(content)
    except (_Damage, IntegrityError) as error:
        raise IntegrityError(f"{path} is damaged: {error}; get it again, or leave --lock off.") from error


class _Damage(Exception):
    """Raised for a value that no lock file has."""


def _choice_to_json(choice):
    return {
        "classes": {one.mid: one.name for one in choice.classes},
        "splits": list(choice.splits),
        "limit": choice.limit,
        "seed": choice.seed,
        "crowds": choice.crowds,
        "multi_classes": choice.multi_classes,
        "labels": choice.labels,
    }


def _image_to_json(image, outcome):
    facts = outcome.images[image.key]
    return {
        "split": image.split,
        "id": image.image_id,
        "address": catalog.image_path(image.split, image.image_id),
        "classes": list(image.mids),
        "size": facts.size,
        "sha256": facts.sha256,
        "licence": catalog.IMAGE_LICENCE,
    }


def _mask_to_json(mask):
    member = mask.member
    return {
        "split": mask.split,
        "class": mask.mid,
        "address": mask.shard,
        "name": member.name,
        "offset": member.offset,
        "length": member.length,
        "compressed": member.compressed,
        "size": member.size,
        "crc": f"{member.crc:08x}",
        "method": member.method,
        "licence": catalog.ANNOTATION_LICENCE,
    }


def _to_plan(content):
    choice = _to_choice(_take(content, "choice", dict))
    plan = Plan(choice, locked=True)
    for path, facts in _take(content, "sources", dict).items():
        _check(isinstance(facts, dict), facts)
        plan.sources[path] = Facts(facts.get("size") and _count(facts, "size"))
    plan.images = [_to_image(row, plan) for row in _rows(content, "images")]
    plan.masks = [_to_mask(row, plan) for row in _rows(content, "masks")]
    plan.left_out = {name: _text(why) for name, why in _take(content, "left_out", dict).items()}
    plan.missing = [_text(name) for name in _take(content, "missing", list)]
    for row in _rows(content, "boxes"):
        key = (_split(row, plan), _image_id(row), _mid(_take(row, "class", str), plan))
        plan.boxes[key] = _to_boxes(row)
    return plan


def _to_choice(row):
    classes = {mid: _text(name) for mid, name in _take(row, "classes", dict).items()}
    splits = tuple(_text(split) for split in _take(row, "splits", list))
    crowds = _take(row, "crowds", dict)
    _check(set(splits) <= set(catalog.SPLITS), splits)
    _check(set(crowds) <= set(splits) and all(type(wanted) is bool for wanted in crowds.values()), crowds)
    return Choice(
        tuple(ObjectClass(mid, name) for mid, name in classes.items()),
        splits, _count(row, "limit"), _take(row, "seed", int), crowds,
        _take(row, "multi_classes", bool), _take(row, "labels", bool),
    )  # fmt: skip


def _to_image(row, plan):
    mids = tuple(_mid(mid, plan) for mid in _take(row, "classes", list))
    image = ImageFile(_split(row, plan), _image_id(row), mids, _count(row, "size"), _take(row, "sha256", str))
    _check(image.mids and 0 < image.size <= MAX_IMAGE and _SHA256.fullmatch(image.sha256), row)
    return image


def _to_mask(row, plan):
    shard, mid = _take(row, "address", str), _mid(_take(row, "class", str), plan)
    name = MASK_NAME.fullmatch(_take(row, "name", str))
    _check(name and name["mid"] == plan.choice.class_of(mid).key and shard in _PATHS, row)
    numbers = [_count(row, field) for field in ("offset", "length", "compressed", "size")]
    _check(max(numbers[2:]) <= MAX_MEMBER and numbers[2] < numbers[1] <= 2 * MAX_MEMBER, row)
    crc = _take(row, "crc", str)
    _check(_CRC.fullmatch(crc), crc)
    member = Member(row["name"], *numbers, int(crc, 16), _count(row, "method"))
    return MaskFile(_split(row, plan), shard, name["image"], mid, name["box"], member)


def _to_boxes(row):
    boxes, mask_ids = _take(row, "boxes", list), _take(row, "masks", list)
    for box in boxes:
        _check(isinstance(box, list) and len(box) == 4 and all(map(_is_number, box)), box)
    for ids in mask_ids:
        _check(isinstance(ids, list) and all(isinstance(one, str) for one in ids), ids)
    _check(len(boxes) == len(mask_ids), row)
    return Boxes([tuple(box) for box in boxes], mask_ids)


# The values of a row, each of its type


def _rows(content, name):
    rows = _take(content, name, list)
    for row in rows:
        _check(isinstance(row, dict), row)
    return rows


def _take(row, name, kind):
    """Return a value of exactly one type: JSON's true is no number."""
    value = row.get(name)
    if type(value) is not kind:
        wanted = json_kind(kind())
        raise _Damage(
            f"its {name!r} is {json_kind(value)} instead of {wanted}" if name in row else f"it lacks {name!r}"
        )
    return value


def _count(row, name):
    """Return a whole number from 0 to 2^63, the largest position in a file."""
    value = _take(row, name, int)
    _check(0 <= value < 1 << 63, {name: value})
    return value


def _split(row, plan):
    split = _take(row, "split", str)
    _check(split in plan.choice.splits, split)
    return split


def _image_id(row):
    image_id = _take(row, "id", str)
    _check(IMAGE_ID.fullmatch(image_id), image_id)
    return image_id


def _mid(mid, plan):
    _check(any(mid == one.mid for one in plan.choice.classes), mid)
    return mid


def _text(value):
    _check(isinstance(value, str), value)
    return value


def _is_number(text):
    try:
        return isinstance(text, str) and math.isfinite(float(text))
    except ValueError:
        return False


def _check(right, what):
    if not right:
        raise _Damage(f"cannot use {what!r:.200}")
