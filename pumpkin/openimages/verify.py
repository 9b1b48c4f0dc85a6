"""Check a folder against its lock file."""

import zlib

from pumpkin.openimages import files, records
from pumpkin.openimages.errors import COMPLETE, INTEGRITY, PARTIAL, IntegrityError
from pumpkin.openimages.images import BadImage, read_size

_SHOWN = 10


def verify(plan, places, report):
    """Compare all files with the Plan of a lock file; return the program's exit code.

    places: a Layout. report: a function that takes a line of text. Exit code 0: the folder matches. 2: files
    are missing. 3: files differ, or the folder holds further files. Raises IntegrityError if the lock file
    names something as an image that is none.
    """
    missing, different, sizes = [], [], {}
    for image in plan.images:
        for mid in image.mids:
            path = places.image(image.split, plan.choice.class_of(mid), image.image_id)
            data = _read(path, missing)
            if data is None:
                continue
            if files.sha256(data) == image.sha256:
                sizes[image.key] = _size_of(data, path)
            else:
                different.append(path)
    for mask in plan.masks:
        path = places.mask(mask.split, plan.choice.class_of(mask.mid), mask.member.name)
        data = _read(path, missing)
        if data is not None and (len(data), zlib.crc32(data)) != (mask.member.size, mask.member.crc):
            different.append(path)
    masks = {split: {m.member.name for m in plan.masks if m.split == split} for split in plan.choice.splits}
    texts = records.annotation_files(plan, places, sizes, masks)
    unknown = dict.fromkeys((image.key for image in plan.images), (1, 1))  # labels are in pixels of the image
    annotations = records.annotation_files(plan, places, unknown | sizes, masks)
    for path in annotations:
        data = _read(path, missing)
        if data is not None and data != texts.get(path, data):
            different.append(path)
    return _report(missing, different, records.strangers(plan, places, annotations), report)


def _size_of(data, path):
    """Return (width, height) of an image that is as the lock file says."""
    try:
        return read_size(data)
    except BadImage as error:
        raise IntegrityError(
            f"The lock file is damaged: {path} is the file that it names as an image, but {error}; get the "
            "lock file again."
        ) from error


def _read(path, missing):
    if path.is_file():
        return path.read_bytes()
    missing.append(path)
    return None


def _report(missing, different, others, report):
    for title, paths in (("missing", missing), ("different", different), ("not in the lock file", others)):
        if paths:
            report(f"{len(paths)} {title}:")
            for path in sorted(paths)[:_SHOWN]:
                report(f"  {path}")
            if len(paths) > _SHOWN:
                report(f"  and {len(paths) - _SHOWN} more")
    if different or others:
        report("Integrity: repeat the download with --lock, and move files away that the lock file lacks.")
        return INTEGRITY
    if missing:
        report("Partial: repeat the download with --lock.")
        return PARTIAL
    report("The folder holds exactly the files of its lock file.")
    return COMPLETE
