"""Join what was found in the tiles of a photograph: each object once, with its whole mask.

Two tiles see a strip in common, and an object within it twice. Detections of one class agree if their masks
do so there. Of two that agree, the one whose tile sees all of the other is the more complete and stands for
both; if each goes on where the other's tile ends, both are pieces of one object, and their masks are united.
"""

import numpy as np

from mrcnn.detection.detections import Detections
from mrcnn.detection.pieces import Piece, intersection, meet, pieces_of, shared_pixels

AGREE = 0.5  # IoU of two masks in the strip that both tiles see, from which they are of one object


def join(plan, found):
    """Return the Detections of a photograph. plan: its Plan. found: the Detections of each of its parts.

    The score of an object in pieces is that of its best one: NMS, too, keeps the best of several.
    """
    if not plan.tiles:
        return found[0]
    parts = [pieces_of(one, place, plan.size) for one, place in zip(found, plan.parts)]
    pieces = [piece for part in parts[: len(plan.tiles)] for piece in part]
    partners = _partners(plan, parts, pieces)
    joined = [_united(group) for group in _groups(pieces, _kept(plan, pieces, partners), partners)]
    if plan.whole:
        joined = _with_larger(joined, parts[-1], plan.fits)
    joined.sort(key=lambda piece: -piece.score)
    return Detections(
        plan.size,
        np.array([piece.box for piece in joined], np.int32).reshape(-1, 4),
        np.array([piece.class_id for piece in joined], np.int32),
        np.array([piece.score for piece in joined], np.float32),
        [piece.crop for piece in joined],
    )


def _partners(plan, parts, pieces):
    """Return, for each of the pieces of all tiles, the indices of those of other tiles that agree with it."""
    starts = np.cumsum([0, *map(len, parts)])
    tiles = np.array(plan.tiles)
    boxes = np.array([piece.box for piece in pieces]).reshape(-1, 4)
    classes = np.array([piece.class_id for piece in pieces])
    partners = [[] for _ in pieces]
    for i, tile in enumerate(tiles):
        for j in i + 1 + np.flatnonzero(meet(tile, tiles[i + 1 :])):
            ours, theirs = slice(starts[i], starts[i + 1]), slice(starts[j], starts[j + 1])
            candidates = meet(boxes[ours, None], boxes[None, theirs])
            candidates &= classes[ours, None] == classes[None, theirs]
            for a, b in np.argwhere(candidates) + starts[[i, j]]:
                if _agree(pieces[a], pieces[b]):
                    partners[a].append(b)
                    partners[b].append(a)
    return partners


def _agree(one, other):
    """Return whether two detections in different tiles are of one object, by what both tiles see.

    A ring that is cut is two arcs in one tile and may be one in the next. So a piece that goes on in the
    other's tile need only lie within the other one.
    """
    shared = shared_pixels(one, other)
    if not shared:
        return False
    common = intersection(one.place, other.place)
    areas = [np.count_nonzero(piece.within(common)) for piece in (one, other)]
    if shared >= AGREE * (sum(areas) - shared):
        return True
    lies_in = [shared >= AGREE * area for area in areas]
    goes_on = one.goes_on_in(other.place).any(), other.goes_on_in(one.place).any()
    return (lies_in[0] and goes_on[0]) or (lies_in[1] and goes_on[1])


def _kept(plan, pieces, partners):
    """Return the set of the indices of pieces that have no partner whose tile sees all of them.

    Of two whose tiles both see all of both, the one that no border cuts is kept, then that of the higher
    score, or of the larger area if both are cut. Doubtful pieces are not kept.
    """
    tiles = np.array(plan.tiles)
    ranks = [(piece.cut.any(), -piece.area if piece.cut.any() else -piece.score) for piece in pieces]
    kept = set()
    for i in sorted(range(len(pieces)), key=ranks.__getitem__):
        piece, others = pieces[i], [pieces[j] for j in partners[i]]
        is_less = any(j in kept and piece.lies_in(pieces[j].place) for j in partners[i])
        if not (is_less or _is_doubtful(piece, others, tiles)):
            kept.add(i)
    return kept


def _is_doubtful(piece, partners, tiles):
    """Return whether a tile sees all of a piece, and beyond the borders that cut it, but finds none like it.

    partners: the pieces that agree with it.
    """
    sees_on = (piece.goes_on_in(tiles) == piece.cut).all(axis=-1)
    better = tiles[piece.lies_in(tiles) & sees_on] if piece.cut.any() else ()
    return any(not any((partner.place == tile).all() for partner in partners) for tile in better)


def _groups(pieces, kept, partners):
    """Yield lists of the kept pieces that agree with each other, directly or through others."""
    left = set(kept)
    for first in sorted(kept):
        if first in left:
            left.remove(first)
            group = [first]
            for i in group:  # which grows meanwhile
                found = [j for j in partners[i] if j in left]
                left.difference_update(found)
                group += found
            yield [pieces[i] for i in group]


def _united(group):
    """Return the piece of the union of several pieces' masks."""
    if len(group) == 1:
        return group[0]
    boxes = np.array([piece.box for piece in group])
    outermost = [*boxes[:, :2].argmin(axis=0), *boxes[:, 2:].argmax(axis=0)]
    box = boxes[outermost, range(4)]
    crop = np.zeros(box[2:] - box[:2], bool)
    for piece in group:
        y1, x1, y2, x2 = piece.box - np.tile(box[:2], 2)
        crop[y1:y2, x1:x2] |= piece.crop
    cut = np.array([group[i].cut[side] for side, i in enumerate(outermost)])
    best = max(group, key=lambda piece: piece.score)
    return Piece(best.place, box, crop, best.class_id, best.score, cut)


def _with_larger(joined, whole, fits):
    """Return the joined pieces with those found in the whole photograph that may lie whole in no tile.

    fits: (height, width) up to which the tiles see any object whole: finer than the whole photograph does.
    """
    for large in whole:
        if (large.box[2:] - large.box[:2] > fits).any():
            joined = _with(large, joined)
    return joined


def _with(large, joined):
    """Return the pieces and a large one, less those that are pieces of it.

    It is left out if objects that no border cuts fill half of it: they are what it was taken for.
    """
    boxes = np.array([piece.box for piece in joined]).reshape(-1, 4)
    classes = np.array([piece.class_id for piece in joined])
    near = np.flatnonzero(meet(large.box, boxes) & (classes == large.class_id))
    shared = {i: shared_pixels(joined[i], large) for i in near}
    inside = [i for i in near if shared[i] >= AGREE * max(joined[i].area, 1)]
    if sum(shared[i] for i in inside if not joined[i].cut.any()) >= AGREE * large.area:
        return joined
    pieces = {i for i in inside if joined[i].cut.any()}
    return [*(piece for i, piece in enumerate(joined) if i not in pieces), large]
