"""Find photographs that a data set has more than once: equal files, and pictures that look alike."""

import hashlib
from collections import defaultdict
from pathlib import Path

from mrcnn.datasets import similar
from mrcnn.datasets.faults import Finding


def find_copies(scanned):
    """Yield findings on images with equal bytes, and on those of several splits that look alike.

    scanned: a dict from split to a list of Scanned. Equal bytes are fatal if train shares them.
    """
    groups = _equal_files([(split, image) for split, images in scanned.items() for image in images])
    yield from _equal(groups)
    yield from _alike(scanned, groups)


def _equal(groups):
    across, within = defaultdict(list), defaultdict(list)
    for group in groups:
        splits = tuple(dict.fromkeys(split for split, _ in group))
        (within if len(splits) == 1 else across)[splits].append(group)
    for splits, found in across.items():
        learned = "train" in splits
        why = "The model is evaluated on images that it was trained on" if learned else "They count twice"
        yield Finding(
            learned,
            f"in {' and '.join(splits)}",
            f"Images in {splits[0]} that are also in {' and '.join(splits[1:])}: {len(found)}. {why}.",
            _advice(found, splits),
            *_named(found),
        )
    for (split,), found in within.items():
        yield Finding(
            False,
            "more than once",
            f"Images that are in {split} more than once: {len(found)}. They count that many times.",
            "Delete the copies with their masks.",
            *_named(found),
        )


def _advice(groups, splits):
    if any(len({image.path for _, image in group}) > 1 for group in groups):
        return "Delete one of each, with its masks."
    aside = ", or leave that split out, so that some images are set aside" if "val" in splits[1:] else ""
    return f"The splits name the same files: name others for {splits[-1]}{aside}."


def _named(groups, sign=" = "):
    """Return the files of groups of images, one line per group, and their (split, image_id)."""
    files = tuple(sign.join(image.path for _, image in group) for group in groups)
    return files, tuple((split, image.image_id) for group in groups for split, image in group)


def _equal_files(places):
    """Return groups of (split, image) whose files have equal bytes; only files of equal length are read."""
    by_length, by_content = defaultdict(list), defaultdict(list)
    for split, image in places:
        path = Path(image.path)
        if path.is_file():
            by_length[path.stat().st_size].append((split, image))
    for length, group in by_length.items():
        if length and len(group) > 1:
            for split, image in group:
                digest = hashlib.sha256(Path(image.path).read_bytes()).digest()
                by_content[digest].append((split, image))
    return [group for group in by_content.values() if len(group) > 1]


def _alike(scanned, equal):
    """Yield a finding on images of several splits that look alike, without those that are equal.

    similar.py says which do. Frames of one scene in two splits make evaluation too good, but pictures of one
    kind may look alike, too: so it is a note.
    """
    places = [(split, image) for split, images in scanned.items() for image in images]
    known = {frozenset((split, image.image_id) for split, image in group) for group in equal}
    found = []
    for group in similar.similar_groups([image.thumbnail for _, image in places]):
        chosen = [places[number] for number in group]
        keys = frozenset((split, image.image_id) for split, image in chosen)
        if len({split for split, _ in chosen}) > 1 and not any(keys <= others for others in known):
            found.append(chosen)
    if found:
        yield Finding(
            False,
            "look alike",
            f"Groups of images that look alike and lie in several splits: {len(found)}. Evaluation is too "
            "good if they show one scene.",
            "Look at them; keep photographs of one scene in one split.",
            *_named(found, " and "),
        )
