"""Lock files: everything needed to repeat a download exactly, as JSON.

A lock file holds the choice, the sizes of the sources, each image with its size and SHA-256, each mask
with its byte range in the zip, its size and its CRC, and the boxes from which crowds and labels are written.
It depends on the choice and the sources alone, so it has the same bytes on every machine and mirror.
"""

from pathlib import Path

from mrcnn.files import FileError, read_json
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
    if not path.is_file():
        raise UsageError(f"There is no lock file {path}; leave --lock off to make one.")
    try:
        content = read_json(path)
    except FileError as error:
        raise UsageError(f"{path} is not a lock file of this program: it {error.reason}.") from error
    if content.get("format") != FORMAT:
        raise UsageError(f"{path} is not a lock file of this program.")
    if content.get("version") != VERSION:
        raise UsageError(
            f"{path} has version {content.get('version')}, not {VERSION}; use the program that wrote it."
        )
    try:
        return _to_plan(content)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise IntegrityError(f"{path} is damaged: {type(error).__name__}: {error}.") from error


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
    choice = content["choice"]
    splits = tuple(choice["splits"])
    _check(set(splits) <= set(catalog.SPLITS), splits)
    plan = Plan(
        Choice(
            tuple(ObjectClass(mid, name) for mid, name in choice["classes"].items()),
            splits, int(choice["limit"]), int(choice["seed"]), dict(choice["crowds"]),
            bool(choice["multi_classes"]), bool(choice["labels"]),
        ),
        locked=True,
    )  # fmt: skip
    plan.sources = {path: Facts(f["size"]) for path, f in content["sources"].items()}
    plan.images = [_to_image(row, plan) for row in content["images"]]
    plan.masks = [_to_mask(row, plan) for row in content["masks"]]
    plan.left_out, plan.missing = dict(content["left_out"]), list(content["missing"])
    for row in content["boxes"]:
        plan.choice.class_of(row["class"])
        key = (row["split"], row["id"], row["class"])
        _check(key[0] in splits and IMAGE_ID.fullmatch(key[1]), key)
        boxes = [tuple(box) for box in row["boxes"]]
        _check(all(len(box) == 4 and all(map(_is_number, box)) for box in boxes), boxes)
        plan.boxes[key] = Boxes(boxes, row["masks"])
    return plan


def _to_image(row, plan):
    image = ImageFile(row["split"], row["id"], tuple(row["classes"]), int(row["size"]), row["sha256"])
    _check(image.split in plan.choice.splits and IMAGE_ID.fullmatch(image.image_id), row)
    _check(0 < image.size <= MAX_IMAGE and len(image.sha256) == 64, row)
    for mid in image.mids:
        plan.choice.class_of(mid)
    return image


def _to_mask(row, plan):
    name = MASK_NAME.fullmatch(row["name"])
    _check(name and row["split"] in plan.choice.splits and row["address"] in set(catalog.paths()), row)
    _check(name["mid"] == plan.choice.class_of(row["class"]).key, row)
    numbers = [int(row[field]) for field in ("offset", "length", "compressed", "size")]
    _check(all(number >= 0 for number in numbers) and max(numbers[2:]) <= MAX_MEMBER, row)
    _check(numbers[2] < numbers[1] <= 2 * MAX_MEMBER, row)
    member = Member(row["name"], *numbers, int(row["crc"], 16), int(row["method"]))
    return MaskFile(row["split"], row["address"], name["image"], row["class"], name["box"], member)


def _is_number(text):
    return isinstance(text, str) and float(text) == float(text)


def _check(right, what):
    if not right:
        raise ValueError(f"cannot use {what}")
