"""The stages of a download, from class names to a folder that training can read."""

import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from mrcnn.http import Client, Retry
from mrcnn.screen import show
from pumpkin.openimages import catalog, class_lists, files, lock, oidv6_driver, records, summary, verify
from pumpkin.openimages.boxes import tables
from pumpkin.openimages.errors import (
    COMPLETE,
    PARTIAL,
    NetworkError,
    Offline,
    OpenImagesError,
    SourceChanged,
    Stopped,
    Unreachable,
    UsageError,
)
from pumpkin.openimages.fetch import Fetcher, requests_for
from pumpkin.openimages.layout import Layout
from pumpkin.openimages.plan import Choice
from pumpkin.openimages.progress import Progress, megabytes
from pumpkin.openimages.select import Selection
from pumpkin.openimages.shards import Shard

SMALL = 32_000_000  # bytes that are read without confirmation
LEAST_FREE = 64_000_000  # free bytes required to start a download
MANY = 8  # with a correct address, the server has at least one of this many images
# What to do after an error of the transfer, in the words of the command.
_ADVICE = {
    Unreachable: "run the same command again later",
    Offline: "run the same command without --offline",
    Stopped: "run the same command again to continue",
}


@dataclass
class Options:
    """The options of a download, named as on the command line.

    crowds: None uses the default of each split: no for train, yes for validation and test.
    """

    classes: list = field(default_factory=lambda: ["Pumpkin"])
    type_data: str = "all"
    dataset: str = "data/pumpkin"
    limit: int = 0
    seed: int = 0
    yes: bool = False
    no_labels: bool = False
    multi_classes: bool = False
    crowds: bool | None = None
    dry_run: bool = False
    lock: str | None = None
    lock_out: str | None = None
    verify: bool = False
    offline: bool = False
    attribution: bool = False
    engine: str = "native"
    connections: int = 16
    annotations_url: str | None = None
    images_url: str | None = None
    s3_endpoint: str | None = None
    retry: Retry = field(default_factory=Retry)

    @property
    def splits(self):
        """The names of the selected splits."""
        return catalog.SPLITS if self.type_data == "all" else (self.type_data,)


class Declined(OpenImagesError):
    """Raised when the user declines, or asks for a dry run."""

    exit_code = COMPLETE


def run(options, report=show, ask=None):
    """Download, or verify a folder; return the exit code.

    options: Options. report: a function that takes a line of text. ask: a function that takes a question and
    returns whether to continue; None asks on the terminal.
    Raises errors.ERRORS, whose messages are meant for the user; see errors.exit_code.
    """
    check(options)
    root = Path(options.dataset)
    if options.verify:
        path = options.lock or Layout(root).default_lock
        plan = lock.read(path)
        return verify.verify(plan, Layout(root, plan.choice.multi_classes), report)
    client = Client(options.retry, options.connections, options.offline)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with files.sole_use(root):
            if not options.dry_run:
                files.remove_parts(Layout(root))
            return Download(options, client, report, ask or _ask).run()
    except SourceChanged as error:
        advice = "run the same command again to choose the files again"
        if options.lock:
            advice = "make a new lock file by running the download without --lock"
        raise SourceChanged(f"{error}; {advice}.") from error
    except tuple(_ADVICE) as error:
        advice = next(advice for kind, advice in _ADVICE.items() if isinstance(error, kind))
        raise type(error)(f"{str(error).rstrip('.')}; {advice}.") from error
    except BrokenPipeError:  # the reader of the output has left
        raise
    except OSError as error:
        raise OpenImagesError(
            f"Files cannot be written ({error}); make room or choose another --dataset, and run the same "
            f"command again: complete files are kept."
        ) from error
    finally:
        client.close()


def check(options):
    """Raise UsageError for options that cannot work, before the first request to a server."""
    if options.type_data not in (*catalog.SPLITS, "all"):
        raise UsageError(f"--type_data is one of train, validation, test, all; got {options.type_data!r}.")
    if options.limit < 0:
        raise UsageError(f"--limit must be 0 (all) or more images, got {options.limit}.")
    if options.connections < 1:
        raise UsageError(f"--connections must be 1 or more, got {options.connections}.")
    if options.engine not in ("native", "oidv6"):
        raise UsageError(f"--engine is native or oidv6, got {options.engine!r}.")
    if not options.classes:
        raise UsageError("--classes needs at least one name.")
    catalog.Bases.of(options.annotations_url, options.images_url, options.s3_endpoint)
    if options.engine == "oidv6":
        oidv6_driver.check(options.dataset)
    if options.lock and not Path(options.lock).is_file():
        raise UsageError(f"There is no lock file {options.lock}; leave --lock off to make one.")
    if not options.verify:
        _check_room(_check_place(Path(options.dataset), "--dataset"), LEAST_FREE)
        if not options.lock or options.lock_out:
            path = Path(options.lock_out or Layout(options.dataset).default_lock)
            if path.is_dir():
                raise UsageError(f"{path} is a folder; --lock-out must be a file.")
            _check_place(path.parent, "--lock-out")


def _check_place(folder, option):
    """Return the folder, or its nearest existing parent. Raises UsageError if it cannot be written to."""
    place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not place.is_dir():
        raise UsageError(f"{place} is a file, not a folder; choose another {option}.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"{place} is not writable; choose another {option}.")
    return place


def _check_room(folder, count):
    free = shutil.disk_usage(folder).free
    if free < count:
        raise UsageError(
            f"{folder} has {megabytes(free)} free, but {megabytes(count)} are needed; make room, or choose "
            f"another --dataset or a smaller --limit."
        )


class Download:
    """One download; each method is a stage."""

    def __init__(self, options, client, report, ask):
        self.options, self.client, self.report, self.ask = options, client, report, ask
        self.root = Path(options.dataset)
        self.bases = catalog.Bases.of(options.annotations_url, options.images_url, options.s3_endpoint)
        self.metadata = Layout(self.root).metadata
        self.started = time.monotonic()

    def run(self):
        """Run all stages and return the exit code."""
        try:
            plan, shards = self._locked_plan() if self.options.lock else self._new_plan()
            self.places = Layout(self.root, plan.choice.multi_classes)
            if not plan.images:
                names = ", ".join(one.name for one in plan.choice.classes)
                self.report(
                    f"No masks of {names} in {', '.join(plan.choice.splits)}: there is nothing to fetch."
                )
                return PARTIAL if plan.missing_sources else COMPLETE
            self._show(plan, shards)
        except Declined as declined:
            self.report(str(declined))
            return declined.exit_code
        outcome = self._fetch(plan, shards)
        return self._finish(plan, outcome)

    # choosing

    def _locked_plan(self):
        plan = lock.read(self.options.lock)
        paths = {(mask.split, mask.shard) for mask in plan.masks}
        shards = {place: self._shard(place[1]) for place in paths}
        for (_, path), shard in shards.items():
            shard.facts = plan.sources.get(path, shard.facts)
        return plan, shards

    def _shard(self, path):
        return Shard(self.client, self.bases.file(path), path, self.metadata)

    def _new_plan(self):
        choice = self._choice()
        selection = Selection(self.client, self.bases, choice, self.metadata)
        selection.probe()
        tables_bytes = self._tables_bytes(choice)
        self._show_reading(selection, tables_bytes)
        with Progress("reading", selection.directory_bytes + tables_bytes) as progress:
            selection.read(progress.bytes)
            return selection.plan(progress.bytes), selection.shards

    def _choice(self):
        table = class_lists.load(self.client, self.bases, self.metadata)
        options = self.options
        classes = tuple(sorted({table.find(name) for name in options.classes}))
        default = {"train": False, "validation": True, "test": True}
        crowds = {s: default[s] if options.crowds is None else options.crowds for s in options.splits}
        return Choice(
            classes, options.splits, options.limit, options.seed, crowds, options.multi_classes,
            not options.no_labels,
        )  # fmt: skip

    def _tables_bytes(self, choice):
        """Return the bytes of the tables that must be streamed, as listed in the catalog."""
        return sum(
            catalog.known(table.path)[0]
            for split in choice.splits
            if choice.crowds[split]
            for table in tables(self.client, self.bases, choice, split, self.metadata / "rows")
            if table.cached() is None
        )

    def _show_reading(self, selection, tables_bytes):
        """Report the bytes to read before files can be chosen. Raises Declined."""
        count = selection.directory_bytes + tables_bytes
        if count:
            self.report(
                f"To read before choosing files: directories of {len(selection.unread)} zips "
                f"({megabytes(selection.directory_bytes)}), tables of boxes ({megabytes(tables_bytes)})."
            )
        if count <= SMALL:
            return
        if self.options.dry_run:
            raise Declined(
                f"Dry run: stopped before reading {megabytes(count)}. Images (about "
                f"{megabytes(catalog.MEAN_IMAGE_BYTES)} each) and masks (about "
                f"{megabytes(catalog.MEAN_MASK_BYTES)} each) would follow."
            )
        self._confirm(f"Read {megabytes(count)} to choose the files?")

    def _show(self, plan, shards):
        """Report the files to fetch and check the free space. Raises Declined."""
        here = self._images_here(plan)
        images = [image for image in plan.images if image.key not in here]
        wanted = sum(image.size or catalog.MEAN_IMAGE_BYTES for image in images)
        about = "" if all(image.size for image in images) else "about "
        masks, requests = self._masks_to_fetch(plan, shards)
        for split in plan.choice.splits:
            self.report(
                f"{split:>10}: {sum(image.split == split for image in plan.images)} images, "
                f"{sum(mask.split == split for mask in plan.masks)} masks"
            )
        authors = self._authors_bytes(plan)
        self.report(
            f"To fetch: {len(images)} images ({about}{megabytes(wanted)}; {len(here)} exist already), masks "
            f"({megabytes(masks)} in {requests} requests)"
            + (f", tables of authors ({megabytes(authors)})." if authors else ".")
        )
        _check_room(self.root, wanted + 2 * masks + LEAST_FREE)
        if self.options.dry_run:
            raise Declined("Dry run: nothing more was fetched.")
        if wanted + masks + authors > 0:
            self._confirm(f"Fetch {about}{megabytes(wanted + masks + authors)} into {self.root}?")

    def _authors_bytes(self, plan):
        """Return the bytes of the tables of authors that must be streamed, as listed in the catalog."""
        return sum(
            catalog.known(catalog.attribution_path(split))[0]
            for split in plan.choice.splits
            if self.options.attribution
            and records.attribution_table(self.client, self.bases, plan, self.places, split).cached() is None
        )

    def _images_here(self, plan):
        return {
            image.key
            for image in plan.images
            if any(
                self.places.image(image.split, plan.choice.class_of(mid), image.image_id).is_file()
                for mid in image.mids
            )
        }

    def _masks_to_fetch(self, plan, shards):
        """Return (bytes, requests) for the masks that are not on disk."""
        by_shard, count, requests = {}, 0, 0
        for mask in plan.masks:
            if not self.places.mask(mask.split, plan.choice.class_of(mask.mid), mask.member.name).is_file():
                by_shard.setdefault((mask.split, mask.shard), []).append(mask)
        for place, masks in by_shard.items():
            groups, length, whole = requests_for(masks, shards[place])
            count, requests = count + length, requests + (1 if whole else len(groups))
        return count, requests

    def _confirm(self, question):
        if not self.options.yes and not self.options.offline and not self.ask(question):
            raise Declined("Nothing more was fetched.")

    # fetching

    def _fetch(self, plan, shards):
        here = self._images_here(plan)
        images = sum(image.size or catalog.MEAN_IMAGE_BYTES for image in plan.images if image.key not in here)
        masks, _ = self._masks_to_fetch(plan, shards)
        with Progress("fetching", images + masks, len(plan.images) + len(plan.masks)) as progress:
            fetcher = Fetcher(self.client, self.bases, plan, self.places, progress, self.options.connections)
            if self.options.engine == "oidv6" and not self.options.offline:
                self._fetch_with_oidv6(plan, fetcher)
            fetcher.images()
            self._check_some_images(plan, fetcher.outcome)
            fetcher.masks(shards)
        return fetcher.outcome

    def _check_some_images(self, plan, outcome):
        """Raise NetworkError if the server lacks all of many images: then the address must be wrong."""
        if len(plan.images) >= MANY and len(outcome.missing) == len(plan.images) and not self.options.offline:
            raise NetworkError(
                f"{self.bases.images} has none of {len(plan.images)} images, the first of which is "
                f"{min(outcome.missing)}; check the base address (--images-url)."
            )

    def _fetch_with_oidv6(self, plan, fetcher):
        """Let oidv6 fetch the images that are not on disk; the native engine fetches those that it misses."""
        here = self._images_here(plan)
        wanted = [image for image in plan.images if image.key not in here]
        if not wanted:
            return
        if oidv6_driver.aws_missing():
            self.report("oidv6 needs the command aws, which is not installed; using the native engine.")
            return
        self.report(
            f"oidv6 fetches {len(wanted)} images, about two per second; it does not report its progress."
        )
        found = oidv6_driver.fetch(wanted, plan.choice, self.root, self.bases)
        kept = sum(fetcher.adopt(image, found.get(image.key)) for image in wanted)
        oidv6_driver.clean(self.root)
        self.report(
            f"oidv6 fetched {kept} of {len(wanted)} images completely; the native engine fetches the rest."
        )

    # finishing

    def _finish(self, plan, outcome):
        annotations = records.write_annotations(plan, self.places, outcome)
        if self.options.attribution:
            with Progress("authors", self._authors_bytes(plan)) as progress:
                records.write_attribution(self.client, self.bases, plan, self.places, progress)
        records.write_manifest(plan, self.places, outcome)
        regions, seconds = records.count_regions(annotations), time.monotonic() - self.started
        for line in summary.lines(plan, self.places, outcome, regions, self.client, seconds):
            self.report(line)
        code = summary.exit_code(plan, outcome)
        self._write_lock(plan, outcome)
        others = records.strangers(plan, self.places, annotations)
        if others:
            self.report(
                f"The folder also holds {len(others)} files that are not part of this download, such as "
                f"{others[0]}; training may read them, but the lock file does not list them."
            )
        if code:
            self.report(summary.advice(code, self.options.offline))
        return code

    def _write_lock(self, plan, outcome):
        if plan.locked and not self.options.lock_out:
            return
        if outcome.failed or outcome.wrong or (self.options.offline and outcome.missing):
            self.report("No lock file was written, because the download is not complete.")
            return
        path = Path(self.options.lock_out or self.places.default_lock)
        files.write_if_other(path, lock.encode(plan, outcome), durable=True)
        self.report(f"Lock file: {path}")


def _ask(question):
    """Ask on the terminal. Raises UsageError without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError(
            "There is no terminal to ask on; add --yes to continue, or --dry-run to see the plan only."
        )
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:  # Ctrl-D
        return False
