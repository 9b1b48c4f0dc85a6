"""A process that reads seeded mutations of files of some kinds, see kinds.

    python -m tests.damaged.process FIRST LAST FOLDER KIND ...

Each mutation ends in one of two ways: it works, or a documented exception of ours says in one sentence what
is wrong with the file. The process prints how many ended in each way, and the memory that they took. It ends
with an error at the first that ends otherwise: another exception, a hang, or too much memory.
"""

import json
import os
import random
import shutil
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path

from mrcnn.screen import printable
from tests.damaged import kinds
from tests.damaged.mutations import damage, time_limit

SECONDS = 20  # for one mutation, on a busy machine
FREE = 1 << 26  # bytes that any mutation may take
TIMES = 10  # or this many times the size of the honest files
LONGEST = 1500  # letters of a message


def run(name, seeds, folder):
    """Read mutations of a kind; return {"works": n, "refused": n, "memory": bytes}."""
    kind, ends = kinds.KINDS[name], Counter()
    folder.mkdir()
    names = [path.relative_to(folder) for path in kind.write(folder)]
    whole = folder.with_name(f"{folder.name} whole")
    shutil.copytree(folder, whole)
    size = sum((whole / name).stat().st_size for name in names)
    kind.use(folder)
    before = peak()
    for seed in seeds:
        chance = random.Random(f"{name} {seed}")
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        path = folder / chance.choice(names)
        (kind.change or change_bytes)(path, chance)
        try:
            ends[read(kind, folder)] += 1
        except BaseException as error:
            error.add_note(f"{name}, seed {seed}; {path.name} is {path.read_bytes()[:2000]!r}")
            raise
    memory = peak() - before
    assert memory <= max(FREE, TIMES * size), f"{name} takes {memory:,} bytes for files of {size:,}"
    return {"works": ends["works"], "refused": ends["refused"], "memory": memory}


def change_bytes(path, chance):
    path.write_bytes(damage(path.read_bytes(), path.suffix, chance))


def read(kind, folder):
    """Read a damaged file; return how it ends."""
    try:
        with time_limit(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            kind.use(folder)
    except kind.errors as error:
        for line in getattr(error, "lines", [str(error)]):
            assert names_a_file(line, folder), f"names no file: {line!r}"
            assert "\n" not in line and len(line) < LONGEST, line
            assert printable(line) == line or not kind.shows, repr(line)
        return "refused"
    return "works"


def names_a_file(line, folder):
    """Return whether a line of a message names a file: of the folder, or where a damaged path leads."""
    return str(folder) in line or os.path.exists(line.split(":")[0].split(", line ")[0])


def peak():
    """Return the largest resident memory of this process so far in bytes, 0 where no system says it."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    first, last, place, *chosen = sys.argv[1:]
    try:
        seeds = range(int(first), int(last))
        print(json.dumps({name: run(name, seeds, Path(place) / name) for name in chosen}))
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
