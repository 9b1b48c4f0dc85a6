"""Seeded mutations of files: bytes are cut, lost, doubled or replaced, or values of a tree are changed."""

import contextlib
import copy
import json
import math
import signal

import yaml

STRANGE = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    7,
    10**6,
    10**30,
    10**400,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
    "",
    "abc",
    "1",
    "nan",
    "\ud800",
    "\0",
    "\x1b[2J",
    "x" * 5000,
    "../..",
    "/",
    ".",
    [],
    {},
    [[]],
    [{}],
    [1, 2],
    [[1, 2]],
    [[1, 2, 3, 4]],
    ["abc"],
    {"a": 1},
    [[1, 2], [3, 4], [5, "6"]],
    [None] * 6,
    [1e9, 0, 0, 1e9, -1e9, -1e9],
)


def damage(data, suffix, chance):
    """Return the bytes of a file with one to three faults."""
    parse, dump = {
        ".json": (json.loads, json.dumps),
        ".yaml": (yaml.safe_load, yaml.safe_dump),
    }.get(suffix, (None, None))
    if parse and chance.random() < 0.7:
        tree = parse(data)
        for _ in range(chance.randint(1, 3)):
            tree = change_tree(tree, chance)
        with contextlib.suppress(UnicodeEncodeError, ValueError):  # PyYAML writes no lone surrogates
            return dump(tree).encode()
    for _ in range(chance.randint(1, 3)):
        data = change_bytes(data, chance)
    return data


def change_tree(tree, chance):
    places = list(places_in(tree))
    if not places:
        return copy.deepcopy(chance.choice(STRANGE))
    parent, key = chance.choice(places)
    kind = chance.randrange(6)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif kind == 2:
        other, other_key = chance.choice(places)
        parent[key] = copy.deepcopy(other[other_key])
    elif kind == 3:
        parent[key] = [parent[key]]
    else:
        parent[key] = copy.deepcopy(chance.choice(STRANGE))
    return tree


def places_in(tree):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield tree, key
        yield from places_in(value)


def change_bytes(data, chance):
    if data and chance.random() < 0.3:
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(changed)
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    end = min(end, start + chance.choice((1, 3, 20, len(data))))
    replaced = chance.choice(
        (
            b"",
            data[start:end] * 2,
            chance.randbytes(3),
            b"NaN",
            b"-1",
            b"9" * 30,
            b"9" * 5000,
            b'"',
            b"[" * 5000,
        )
    )
    return (
        data[: chance.randrange(len(data) + 1)]
        if chance.random() < 0.2
        else data[:start] + replaced + data[end:]
    )


@contextlib.contextmanager
def time_limit(seconds):
    def stop(*_):
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
