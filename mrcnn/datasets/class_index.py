"""Find images and their mask files in folders of classes, whoever made the folders.

The folder of a class holds its images, or has a folder ``images`` for them, and masks in ``masks`` or
``segmentations``. A data set of one class may have no folder for it: then images and masks stand in the
folder of the split, in the root, or in folders of the splits below ``images`` and ``masks``.
"""

import difflib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.folders import (
    SPLIT_NAMES,
    files_in,
    folder_names,
    folders_in,
    images_in,
    is_image,
    split_folder,
)  # fmt: skip
from mrcnn.datasets.mask_files import DOWNLOADED, name_of, owner, spellings

MASK_FOLDERS = ("masks", "segmentations")
ONE_CLASS = "object"  # the class of data without a folder for it, if nobody names it
_JPEG = (".jpg", ".jpeg", ".jfif")
_NO_CLASS = {"images", "crowds", "labels", "metadata", *MASK_FOLDERS}


@dataclass(frozen=True)
class Place:
    """Where the files of a class are. name: of its folder, None for data of one class without one."""

    name: str | None
    images: tuple
    masks: tuple
    crowds: Path | None = None


@dataclass
class Found:
    """The files of one split: images by id; masks and crowds as (class id, path) by image id.

    faults: (kind, path, detail), the kinds are keys of faults.FAULTS.
    """

    images: dict = field(default_factory=dict)
    masks: dict = field(default_factory=lambda: defaultdict(list))
    crowds: dict = field(default_factory=lambda: defaultdict(list))
    faults: list = field(default_factory=list)


def places_of(root, split):
    """Return the Places of a split by their names in lower case, in alphabetical order.

    The one Place of data without folders of classes has the name None. Raises DatasetError without a split.
    """
    below = split_below(root, split) if split else None
    if below:
        return {None: Place(None, (below[0],), below[1])}
    folder = split_folder(root, split)
    own = _place(folder, None)
    classes = [path for path in folders_in(folder) if path.name.lower() not in _NO_CLASS]
    if any(path.is_dir() for path in own.masks) and not any(_is_class(path) for path in classes):
        return {None: own}
    return {path.name.lower(): _place(path, path.name) for path in classes}


def split_below(root, split):
    """Return the folders images/<split> and (masks/<split>, ...), or None unless both exist."""
    for name in SPLIT_NAMES.get(split, (split,)):
        masks = tuple(root / kind / name for kind in MASK_FOLDERS if (root / kind / name).is_dir())
        if masks and (root / "images" / name).is_dir():
            return root / "images" / name, masks
    return None


def _place(folder, name):
    masks = tuple(folder / kind for kind in MASK_FOLDERS)
    return Place(name, (folder, folder / "images"), masks, folder / "crowds")


def _is_class(folder):
    return bool(images_in(folder)) or any((folder / kind).is_dir() for kind in ("images", *MASK_FOLDERS))


def place_named(places, name, folder, strict):
    """Return the Place of a class; if there is none, None or with ``strict`` a DatasetError."""
    for spelling in (name.lower(), name.lower().replace(" ", "_"), None):  # a download has human_eye
        if spelling in places:
            return places[spelling]
    if not strict:
        return None
    close = difflib.get_close_matches(name.lower(), places, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise DatasetError(f"{folder}: no class {name!r}; it holds {folder_names(folder)}{hint}")


def collect(places, numbers):
    """Return the Found of some Places. numbers: the class id of each."""
    found = Found()
    pictures = [pictures_of(place, found.faults) for place in places]
    ids = [_merge(images, place, found) for images, place in zip(pictures, places)]
    mids = []  # (class id, MID, path) of each mask whose name has one
    for place, number, own in zip(places, numbers, ids):
        known = spellings(own)
        for path in mask_files_of(place):
            stem, mid = _owner(path, place, known)
            if stem is not None:
                found.masks[own[stem]].append((number, path))
                mids += [(number, mid, path)] if mid else []
            elif is_image(path) and name_of(path):
                found.faults.append(("no_image", str(path), "a mask"))
            else:
                found.faults.append(("stray", str(path), ""))
        for path in files_in(place.crowds) if place.crowds else ():
            if path.suffix == ".csv" and path.stem in own:
                found.crowds[own[path.stem]].append((number, path))
            elif path.suffix == ".csv":
                found.faults.append(("no_image", str(path), "crowds"))
    found.faults += _contradictions(mids, dict(zip(numbers, places)))
    return found


def pictures_of(place, faults=None):
    """Return the images of a Place by their stems. Of two with one stem, a JPEG is the photograph.

    faults: a list to which those that are left out are added.
    """
    chosen, faults = {}, [] if faults is None else faults
    for path in (path for folder in place.images for path in images_in(folder)):
        other = chosen.get(path.stem)
        if other is not None:
            loser = path if _is_jpeg(other) and not _is_jpeg(path) else other
            winner = other if loser is path else path
            faults.append(("same_name", str(loser), f"{winner.name} is the photograph"))
            path = winner
        chosen[path.stem] = path
    return chosen


def _is_jpeg(path):
    return path.suffix.lower() in _JPEG


def _merge(pictures, place, found):
    """Add the images of a Place to a Found; return the id there of each of its stems.

    Classes may share a photograph. Other photographs with its name have the class in their ids.
    """
    ids = {}
    for stem, path in pictures.items():
        known = found.images.setdefault(stem, path)
        ids[stem] = stem
        if known != path and not DOWNLOADED.fullmatch(stem) and not _are_equal(known, path):
            ids[stem] = f"{place.name}/{stem}"
            found.images[ids[stem]] = path
    return ids


def _are_equal(first, second):
    return first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()


def mask_files_of(place):
    """Yield the files of masks, those in a folder for each image too."""
    folders = (folder for kind in place.masks for folder in (kind, *folders_in(kind)))
    yield from (path for folder in folders for path in files_in(folder))


def _owner(path, place, known):
    """Return (stem of the image, MID or "") of a mask file; its folder may be named as its image."""
    if not is_image(path):
        return None, ""
    stem, mid = owner(path, known)
    if stem is None and path.parent not in place.masks:
        stem = known.get(path.parent.name, known.get(path.parent.name.lower()))
    return stem, mid


def _contradictions(mids, place_of):
    """Yield a fault for each mask whose MID is not that of most masks of its class."""
    counts = Counter((number, mid) for number, mid, _ in mids)
    own = {number: _most(counts, number, 0) for number, _ in counts}
    homes = {mid: _most(counts, mid, 1) for _, mid in counts}
    for number, mid, path in mids:
        home = homes[mid]
        if mid != own[number]:
            yield "mid", str(path), f"MID {mid}, but most masks of {place_of[number].name} have {own[number]}"
        elif home != number:
            yield "mid", str(path), f"MID {mid}, which is that of {place_of[home].name}"


def _most(counts, key, side):
    """Return the MID of a class that most of its masks have, or the class that has most masks of a MID."""
    mine = {pair[1 - side]: count for pair, count in counts.items() if pair[side] == key}
    return max(mine, key=mine.get)
