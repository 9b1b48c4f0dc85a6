"""Fetch the files of a Plan: first the images, then the masks that fit them."""

import threading
import zlib
from collections import defaultdict
from dataclasses import dataclass, field

from pumpkin.openimages import catalog, files, zipindex
from pumpkin.openimages.errors import Absent, IntegrityError, NetworkError, SourceChanged, Unreachable
from pumpkin.openimages.images import MAX_IMAGE, BadImage, UselessMask, check_image, check_mask
from pumpkin.openimages.shards import WHOLE_FROM

GAP = 1 << 16  # bytes between masks; reading up to this many is cheaper than another request
LONGEST = 1 << 22  # largest request for masks, in bytes
TRIES = 3  # attempts at a file that arrives damaged
GIVE_UP = 8  # consecutive files that fail, after all their attempts, before the download stops


@dataclass(frozen=True)
class ImageFacts:
    """Facts about an image that is complete on disk: size in bytes, width and height in pixels."""

    size: int
    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class MaskFacts:
    """Facts about a mask that is on disk and fits its image; area: number of pixels above zero."""

    size: int
    sha256: str
    width: int
    height: int
    area: int


@dataclass
class Outcome:
    """The results for a Plan's files.

    images: {(split, id): ImageFacts}. masks: {split: {name: MaskFacts}}. left_out: {name: reason} of files
    that are of no use. missing: names that the server does not have. damaged: {name: reason} of files that
    are damaged on the server. wrong: {name: reason} of files that differ from the lock file or a directory.
    failed: {name: reason} of files to try again. fetched: number of files fetched in this run.
    """

    images: dict = field(default_factory=dict)
    masks: dict = field(default_factory=lambda: defaultdict(dict))
    left_out: dict = field(default_factory=dict)
    missing: list = field(default_factory=list)
    damaged: dict = field(default_factory=dict)
    wrong: dict = field(default_factory=dict)
    failed: dict = field(default_factory=dict)
    fetched: int = 0


class Fetcher:
    """Fetches the files of a Plan into a Layout.

    client: an http.Client. bases: catalog.Bases. progress: a Progress. connections: number of simultaneous
    requests.
    """

    def __init__(self, client, bases, plan, layout, progress, connections):
        self.client, self.bases, self.plan, self.layout = client, bases, plan, layout
        self.progress, self.connections = progress, connections
        self.outcome = Outcome()
        self._failures_in_a_row = 0
        self._mistaken = set()  # shards whose directory is wrong about a mask
        self._lock = threading.Lock()

    def images(self):
        """Fetch every image that is not complete on disk."""
        self._all(self._image, self.plan.images)

    def masks(self, shards):
        """Fetch every mask of the images that are on disk. shards: {(split, path): Shard}."""
        wanted = [mask for mask in self.plan.masks if mask.key in self.outcome.images]
        self._all(self._present_mask, wanted)
        rest = defaultdict(list)
        for mask in wanted:
            if mask.member.name not in self.outcome.masks[mask.split]:
                rest[mask.split, mask.shard].append(mask)
        jobs = []
        for place, masks in sorted(rest.items()):
            groups, _, whole = requests_for(masks, shards[place])
            shards[place].ranges &= not whole
            jobs += [(shards[place], group) for group in groups]
        self._all(self._group, jobs)
        for shard in shards.values():
            shard.discard()
        for shard in self._mistaken:
            shard.forget()

    def _all(self, work, items):
        """Run ``work`` on all items; an error that concerns more than one item ends it."""
        self.client.each(work, items, self.connections)

    def _note(self, kind, name, reason=None):
        """Record the result for a file. kind: an attribute of Outcome."""
        with self._lock:
            place = getattr(self.outcome, kind)
            if reason is None:
                place.append(name)
            else:
                place[name] = reason
            self._failures_in_a_row = self._failures_in_a_row + 1 if kind == "failed" else 0
            if self._failures_in_a_row >= GIVE_UP:
                raise Unreachable(
                    f"{GIVE_UP} files in a row could not be fetched; the reason for the last: {reason}"
                )

    def _arrived(self, where, name, facts, fetched):
        with self._lock:
            where[name] = facts
            self.outcome.fetched += fetched
            if fetched:
                self._failures_in_a_row = 0
        self.progress.file()

    # images

    def _image(self, image):
        paths = [
            self.layout.image(image.split, self.plan.choice.class_of(mid), image.image_id)
            for mid in image.mids
        ]
        data, facts = self._image_on_disk(image, paths)
        fetched = facts is None
        if fetched:
            data, facts = self._fetch_image(image)
            if facts is None:
                return
        for path in paths:
            files.write_if_other(path, data)
        self._arrived(self.outcome.images, image.key, facts, fetched)

    def adopt(self, image, path):
        """Move a file of another program into place if it is complete; return whether it is.

        image: a plan.ImageFile. path: the file, or None.
        """
        if path is None or path.stat().st_size > MAX_IMAGE:
            return False
        data = path.read_bytes()
        try:
            _image_facts(data, image)
        except (BadImage, IntegrityError):
            return False
        one = self.plan.choice.class_of(image.mids[0])
        files.write(self.layout.image(image.split, one, image.image_id), data)
        path.unlink()  # otherwise the images would need twice the space
        self.outcome.fetched += 1
        return True

    def _image_on_disk(self, image, paths):
        """Return (bytes, ImageFacts) of the first complete copy, or (None, None)."""
        for path in paths:
            if path.is_file() and path.stat().st_size <= MAX_IMAGE:
                data = path.read_bytes()
                try:
                    return data, _image_facts(data, image)
                except (BadImage, IntegrityError):
                    continue
        return None, None

    def _fetch_image(self, image):
        """Return (bytes, ImageFacts); on failure record the reason and return (None, None)."""
        url, name = self.bases.image(image.split, image.image_id), f"{image.split}/{image.image_id}.jpg"
        last = None
        for _ in range(TRIES):
            try:
                data = self.client.read(url, MAX_IMAGE)
                self.progress.bytes(len(data))
                return data, _image_facts(data, image)
            except Absent:
                self._note("missing", name)
                return None, None
            except NetworkError as error:
                self._note("failed", name, str(error))
                return None, None
            except (BadImage, IntegrityError) as error:
                last = error
        self._note("damaged" if isinstance(last, BadImage) else "wrong", name, str(last))
        return None, None

    # masks

    def _mask_path(self, mask):
        return self.layout.mask(mask.split, self.plan.choice.class_of(mask.mid), mask.member.name)

    def _present_mask(self, mask):
        """Keep a mask that is complete on disk."""
        path, member = self._mask_path(mask), mask.member
        if path.is_file() and path.stat().st_size == member.size:
            data = path.read_bytes()
            if zlib.crc32(data) == member.crc:
                self._keep_mask(mask, data, fetched=False)

    def _group(self, job):
        """Fetch the masks of one request, and fetch damaged ones again."""
        shard, masks = job
        for attempt in range(TRIES):
            try:
                end = max(mask.member.end for mask in masks)
                data = shard.read(masks[0].member.offset, end, self.progress.bytes)
            except SourceChanged:
                shard.forget()
                raise
            except Absent:
                for mask in masks:
                    self._note("missing", f"{mask.split}/{mask.member.name}")
                return
            except NetworkError as error:
                for mask in masks:
                    self._note("failed", f"{mask.split}/{mask.member.name}", str(error))
                return
            masks = self._unpack(shard, masks, data, last=attempt == TRIES - 1)
            if not masks:
                return
        self._mistaken.add(shard)

    def _unpack(self, shard, masks, data, last):
        """Keep the intact masks in a group's bytes and return the damaged ones."""
        start, damaged = masks[0].member.offset, []
        for mask in masks:
            member = mask.member
            try:
                part = data[member.offset - start : member.end - start]
                self._keep_mask(mask, zipindex.extract(member, part, shard.path), fetched=True)
            except IntegrityError as error:
                damaged.append(mask)
                if last:
                    self._note("wrong", f"{mask.split}/{member.name}", str(error))
        return damaged

    def _keep_mask(self, mask, data, fetched):
        """Write an intact mask if it is usable; otherwise record why it is not."""
        image, name = self.outcome.images[mask.key], mask.member.name
        try:
            width, height, area = check_mask(data, (image.width, image.height))
        except (UselessMask, BadImage) as error:
            self._note("left_out", f"{mask.split}/{name}", str(error))
            self._mask_path(mask).unlink(missing_ok=True)
            return
        if fetched:
            files.write(self._mask_path(mask), data)
        facts = MaskFacts(len(data), files.sha256(data), width, height, area)
        self._arrived(self.outcome.masks[mask.split], name, facts, fetched)


def requests_for(masks, shard):
    """Plan the requests for masks of one zip.

    Returns (groups of masks, one request each; total bytes; whether to fetch the whole zip instead).
    """
    by_member = {mask.member: mask for mask in masks}
    groups = zipindex.join(by_member, GAP, LONGEST)
    count = sum(group[-1].end - group[0].offset for group in groups)
    size = shard.facts.size or catalog.known(shard.path)[0]
    whole = not shard.ranges or (size is not None and count > WHOLE_FROM * size)
    groups = [[by_member[member] for member in group] for group in groups]
    return groups, size if whole and size else count, whole


def _image_facts(data, image):
    """Return the ImageFacts of bytes. Raises BadImage, or IntegrityError if the lock file says otherwise."""
    digest = files.sha256(data)
    if image.sha256 is not None and digest != image.sha256:
        raise IntegrityError(
            f"it has SHA-256 {digest[:12]}... and {len(data)} bytes, but the lock file says "
            f"{image.sha256[:12]}... and {image.size}"
        )
    return ImageFacts(len(data), digest, *check_image(data))
