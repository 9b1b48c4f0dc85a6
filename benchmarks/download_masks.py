"""Measure bytes and seconds to fetch one class's masks from zips as large as Open Images' train split.

    python benchmarks/download_masks.py [--extra 24]

It writes 16 zips of 168,000 members each, as large as the real ones, to a temporary folder. Directories and
the class's masks are real; the data of other members are holes. A server in another process serves the zips
locally. --extra is the length of a member's extra fields: a directory has 82 to 106 bytes per entry.
"""

import argparse
import functools
import hashlib
import io
import json
import multiprocessing
import struct
import sys
import tempfile
import time
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mrcnn.http import Client
from pumpkin.openimages import catalog
from pumpkin.openimages.classes import ObjectClass
from pumpkin.openimages.download import Options, run
from pumpkin.openimages.fetch import Fetcher, ImageFacts
from pumpkin.openimages.layout import Layout
from pumpkin.openimages.plan import Choice
from pumpkin.openimages.progress import Progress
from pumpkin.openimages.select import Selection

MEMBERS = 168_000
WANTED = 125  # masks of the class per zip: 2,000 in total
MID = "/m/05zsy"
SIZE = (768, 1024)
OUTLINES = 40  # different masks
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s5HL2L2H")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", type=int, default=24, help="bytes of extra fields per entry (24)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for shard in catalog.SHARDS:
            write_zip(folder / catalog.shard_path("train", shard), shard, args.extra)
        write_lists(folder)
        print(f"masks of {sum(len(outline(k)) for k in range(OUTLINES)) / OUTLINES / 1e3:.1f} kB on average")
        measure_bytes(folder)
        measure_latency(folder)


def write_lists(folder):
    (folder / catalog.CLASS_NAMES).write_text(f"{MID},Pumpkin\n")
    (folder / catalog.CLASSES_WITH_MASKS).write_text(f"{MID}\n")


def write_zip(path, shard, extra):
    """Write a zip of the real one's size. The two masks of an image are adjacent, as in the real one."""
    rng = np.random.default_rng(int(shard, 16))
    path.parent.mkdir(parents=True, exist_ok=True)
    size = catalog.known(f"v5/train-masks/{path.name}")[0]
    mean = (size - MEMBERS * (2 * 83 + 2 * extra)) // MEMBERS  # bytes of data per member
    wanted = set((rng.choice(MEMBERS // 2, WANTED // 2 + 1, replace=False) * 2).tolist())
    entries, offset = [], 0
    with path.open("wb") as file:
        for k in range(MEMBERS):
            own = k & ~1 in wanted
            name, data, whole = make_member(shard, k, own)
            packed = len(data) if own else mean
            crc = zlib.crc32(whole) if own else 0
            if own:
                head = (b"PK\3\4", 20, 0, 8, 0, 0, crc, packed, len(whole), len(name), extra)
                file.seek(offset)
                file.write(_LOCAL.pack(*head) + name + bytes(extra) + data)
            sizes = (crc, packed, len(whole) or mean, len(name), extra)
            entries.append(_ENTRY.pack(b"PK\1\2", 20, 0, 20, 0, 0, 8, 0, 0, *sizes, 0, 0, 0, 0, offset))
            entries.append(name + bytes(extra))
            offset += _LOCAL.size + len(name) + extra + packed
        file.seek(offset)
        length = file.write(b"".join(entries))
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, MEMBERS, MEMBERS, length, offset))
        file.write(struct.pack("<4sLQL", b"PK\6\7", 0, offset + length, 1))
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def make_member(shard, k, own):
    """Return (name, deflated data, data) of a member: a mask of about 3 kB if it is ``own``, else no data."""
    image = shard + hashlib.sha256(f"{shard} {k // 2}".encode()).hexdigest()[:15]
    name = f"{image}_{'m05zsy' if own else 'm04yx4'}_{k:08x}.png".encode()
    if not own:
        return name, b"", b""
    data = outline(k % OUTLINES)
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return name, deflate.compress(data) + deflate.flush(), data


@functools.cache
def outline(seed):
    """Return a PNG of a mask with an uneven edge; like most masks it is larger than its image."""
    height, width = SIZE[1] * 3 // 2, SIZE[0] * 3 // 2
    y, x = np.mgrid[:height, :width].astype(np.float32)
    angle = np.arctan2(y - height / 2, x - width / 2)
    waves = np.random.default_rng(seed).normal(size=(3, 2)) / 60
    edge = 0.2 + sum(a * np.sin((k + 1) * angle + 9 * b) for k, (a, b) in enumerate(waves))
    file = io.BytesIO()
    Image.fromarray(np.hypot(y / height * 2 - 1, x / width * 2 - 1) < edge).save(file, "PNG")
    return file.getvalue()


@contextmanager
def served(folder, latency=0.0, extra_files=None):
    """Serve a folder's files in another process; yield (its address, a function for its counts)."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(folder, latency, extra_files or {}, there), daemon=True
    )
    process.start()
    address = here.recv()

    def counts():
        here.send("counts")
        return here.recv()

    yield address, counts
    process.terminate()
    process.join()


def serve(folder, latency, extra_files, pipe):
    import mmap

    from tests.openimages.server import FileServer

    files = dict(extra_files)
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            files["/" + path.relative_to(folder).as_posix()] = memoryview(mapped)
    server = FileServer(files, latency)
    pipe.send(server.url)
    while pipe.recv():
        pipe.send((len(server.requests), server.sent))
        server.forget()


def measure_bytes(folder):
    """Fetch all masks of the class from all zips, then again with the lock file."""
    file = io.BytesIO()
    Image.new("L", SIZE).save(file, "JPEG")
    images = {f"/{catalog.image_path('train', name)}": file.getvalue() for name in wanted_images(folder)}
    zips = sum(catalog.known(catalog.shard_path("train", shard))[0] for shard in catalog.SHARDS)
    with tempfile.TemporaryDirectory() as out, served(folder, extra_files=images) as (url, counts):
        common = {"yes": True, "type_data": "train", "annotations_url": url, "images_url": url}
        for title, more in (("first time", {}), ("from the lock file", {"lock": f"{out}/a.lock.json"})):
            name = "b" if more else "a"
            counts()
            started = time.monotonic()
            code = run(Options(dataset=f"{out}/{name}", **common, **more), report=lambda line: None)
            seconds = time.monotonic() - started
            requests, sent = counts()
            sent -= sum(map(len, images.values()))
            masks = len(list(Path(out, name).rglob("masks/*.png")))
            print(
                f"{title}: {masks} masks, {sent / 1e6:.1f} MB beside the images "
                f"({100 * sent / zips:.2f} % of the zips), {requests - len(images)} requests, "
                f"{seconds:.1f} s with {len(images)} small images, exit code {code}"
            )


def wanted_images(folder):
    """Return the ids of the images with masks of the class, from the zips' member names."""
    from zipfile import ZipFile

    names = set()
    for path in sorted(folder.rglob("*.zip")):
        with ZipFile(path) as archive:
            names |= {name[:16] for name in archive.namelist() if "_m05zsy_" in name}
    return sorted(names)


def measure_latency(folder, count=122):
    """Fetch some masks of one zip at 50 ms per request: with its directory, then with a lock file."""
    choice = Choice((ObjectClass(MID, "Pumpkin"),), ("train",), 0, 0, {}, False, False)
    with served(folder, latency=0.05) as (url, counts), tempfile.TemporaryDirectory() as out:
        client, bases = Client(), catalog.Bases(url, url)
        layout = Layout(out)
        selection = Selection(client, bases, choice, layout.metadata)
        selection.shards = dict(list(selection.shards.items())[:1])
        counts()
        started = time.monotonic()
        selection.probe()
        selection.read()
        plan = selection.plan()
        plan.masks = plan.masks[:count]
        middle = time.monotonic()
        with Progress("masks", 0) as progress:
            fetcher = Fetcher(client, bases, plan, layout, progress, 16)
            for image in plan.images:
                fetcher.outcome.images[image.key] = ImageFacts(0, "", *SIZE)
            fetcher.masks(selection.shards)
        ended = time.monotonic()
        result = {
            "masks": len(fetcher.outcome.masks["train"]), "requests": counts()[0],
            "seconds in all": round(ended - started, 2), "of these for the masks": round(ended - middle, 2),
        }  # fmt: skip
        print(f"one zip at 50 ms per request: {json.dumps(result)}")


if __name__ == "__main__":
    main()
