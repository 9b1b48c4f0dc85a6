"""Files that are whole or absent, locks, and the readers of JSON and YAML: the one home of each.

A file is written under a temporary name beside its own, ``.<name>.<process id>.tmp``, and then renamed. A
reader, or a crash at any moment, finds the old content or the new, never a mix. What a killed process leaves
behind is known by that name: see ``remove_leftovers``.
"""

import contextlib
import errno
import json
import os
import re
import shutil
import time
from pathlib import Path

import yaml

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:  # everywhere else
    msvcrt = None

_TEMPORARY = re.compile(r"\.(.+)\.\d+\.tmp(?:\.\w+)?")
# The disk's own faults: the system does not say which file they hit.
_OF_DISKS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
# Windows locks bytes and keeps other programs from reading them, so lock one that no file of ours reaches.
_LOCKED_BYTE = 2**31 - 2
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}

JSON_BYTES = 1 << 30  # the lock file of all of Open Images' masks has half of that
TEXT_BYTES = 10_000_000  # a list of all of COCO's images has half of that
YAML_BYTES = 1_000_000  # a config has a few thousand
YAML_DEPTH = 20  # lists within lists
YAML_NODES = 100_000  # with each alias counted as its content


class FileError(ValueError):
    """A file cannot be read, or its content is not what it must be.

    path: the file. reason: the rest of the sentence, which begins with a verb. line: its number in the file.
    """

    def __init__(self, path, reason, line=None):
        super().__init__(f"{path}{'' if line is None else f', line {line}'}: {reason}.")
        self.path, self.reason, self.line = path, reason, line


class YamlError(FileError):
    """A text is not YAML, or not within the bounds of this module."""


def is_disk_full(error):
    """Return whether an error, or one that caused it, says that the disk or a user's share of it is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


class Busy(Exception):
    """Another process holds the lock."""


def cache_folder():
    """The folder for what can be made or downloaded again: MRCNN_CACHE, or ``~/.cache/mrcnn``."""
    return Path(os.environ.get("MRCNN_CACHE") or "~/.cache/mrcnn").expanduser()


# Writing


@contextlib.contextmanager
def replacing_path(path, durable=True, suffix=""):
    """A path to write to, for libraries that open files themselves; it becomes ``path`` when the block ends.

    The parent folder is made. If the block raises, ``path`` stays as it was and nothing is left beside it.
    durable: whether the disk holds the content before the new name appears, and the name when this returns.
    Each file then waits for the disk. Leave it on for what cannot be made again (weights, states, results);
    turn it off for what can (pictures, downloaded and rendered images): after a power cut, such a file may
    be empty. suffix: of the temporary name, for libraries that choose the format by it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        if durable:
            _sync(temporary)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        if error.filename is None and error.errno in _OF_DISKS:
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def replacing(path, durable=True):
    """A binary file to write to; it takes the place of ``path`` when the block ends. See replacing_path."""
    with replacing_path(path, durable) as temporary, open(temporary, "wb") as file:
        yield file


@contextlib.contextmanager
def replacing_folder(path):
    """A new folder to fill; it becomes ``path``, which is absent or an empty folder, when the block ends.

    If the block raises, nothing of it is left. What is in it does not wait for the disk.
    """
    path = Path(path).absolute()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary.mkdir()
    try:
        yield temporary
        if path.is_dir():
            path.rmdir()  # Windows replaces no folder, not even an empty one
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_bytes(path, data, durable=True):
    """Write a whole file; see replacing_path."""
    with replacing(path, durable) as file:
        file.write(data)


def write_text(path, text, durable=True):
    """Write a whole text file in UTF-8, with the line ends as they are in ``text``; see replacing_path."""
    write_bytes(path, text.encode(), durable)


def write_json(path, value, sort_keys=False):
    """Write a value as JSON, indented and with a last newline; see replacing_path."""
    write_text(path, json.dumps(value, indent=1, sort_keys=sort_keys) + "\n")


def write_json_list(path, values):
    """Write a list as write_json does; values: any iterable of its elements, of which one is in memory."""
    with replacing(path) as file:
        start = b"[\n "
        for value in values:
            file.write(start + json.dumps(value, indent=1).replace("\n", "\n ").encode())
            start = b",\n "
        file.write(b"[]\n" if start == b"[\n " else b"\n]\n")


def meant(path):
    """Return a path, as text, with the final names of files and folders that are still temporary."""
    parts = (_TEMPORARY.fullmatch(part) for part in Path(path).parts)
    return str(Path(*(found[1] if found else part for found, part in zip(parts, Path(path).parts))))


def remove_leftovers(folder, pattern=".*.tmp", ours=lambda path: True):
    """Delete what killed processes left half written in a folder that no other process writes to.

    pattern: for ``Path.glob``, where to look; only files with a temporary name of this module are deleted.
    ours: a function that takes the path that such a file would have got and returns whether to delete it.
    """
    for path in Path(folder).glob(pattern):
        name = _TEMPORARY.fullmatch(path.name)
        if name and ours(path.with_name(name[1])):
            path.unlink(missing_ok=True)


def _sync(path):
    with open(path, "r+b") as file:  # Windows syncs only files that are open for writing
        os.fsync(file.fileno())


def _sync_folder(folder):
    """Make a rename last; systems that cannot open folders need no such call."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# Locks


def lock(file, wait=False):
    """Hold an open file against other processes, and other openings in this one, until it is closed.

    wait: whether to wait for the present holder. Raises Busy if there is one and ``wait`` is false.
    Some systems (browsers) and file systems (some network drives) have no locks; there, this does nothing.
    Two processes may then do the same work at once, but ``replacing`` still keeps each file whole.
    """
    if fcntl is not None:
        _flock(file, wait)
    elif msvcrt is not None:
        _lock_byte(file, wait)


def _flock(file, wait):
    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Busy(file.name) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise


def _lock_byte(file, wait):
    """As ``_flock``, on Windows."""
    handle = file.fileno()
    place = os.lseek(handle, 0, os.SEEK_CUR)
    os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
    try:
        while True:
            try:
                return msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait:
                    raise Busy(file.name) from error
            time.sleep(0.1)
    finally:
        os.lseek(handle, place, os.SEEK_SET)


# Reading


def read_json(path, kind=dict, limit=JSON_BYTES, hook=None):
    """The content of a JSON file.

    kind: the type that it must have, or ``object`` for any. limit: bytes of the largest file to read.
    hook: called with each object, innermost first, as a dict; its result takes the object's place.
    Raises FileError, in a sentence with the path, if the file is missing or too long, is not UTF-8, is cut
    short or otherwise no JSON, or holds another kind of value.
    """
    return parse_json(_decode(_read(path, limit), path), path, kind, hook)  # the bytes are freed by now


def parse_json(data, path, kind=dict, hook=None):
    """The value of JSON text, bytes in UTF-8 or str. path: its source, for messages. See ``read_json``."""
    text = _decode(data, path)
    try:
        value = json.loads(text, object_hook=hook)
    except RecursionError as error:
        raise FileError(path, "is damaged: its lists or objects are nested too deep") from error
    except json.JSONDecodeError as error:
        # An open quote is reported where it opens, all else that is cut short where the text ends.
        if not text.strip():
            raise FileError(path, "is empty") from error
        end = len(text.rstrip())
        if error.pos >= end or error.msg.startswith("Unterminated string"):
            line = text.count("\n", 0, min(error.pos, end)) + 1
            raise FileError(path, "is cut short", line) from error
        raise FileError(path, f"is damaged at column {error.colno}: {error.msg}", error.lineno) from error
    except ValueError as error:  # Python's limit on digits
        raise FileError(path, "is damaged: it holds a number of too many digits") from error
    if not isinstance(value, kind):
        raise FileError(path, f"is damaged: it holds {json_kind(value)} instead of {_JSON_KINDS[kind]}")
    return value


def json_kind(value):
    """Name the type of a value from JSON, for messages."""
    return _JSON_KINDS.get(type(value), "another value")


_JSON_KINDS = {
    dict: "an object", list: "a list", str: "text", int: "a number", float: "a number", bool: "true or false",
    type(None): "null",
}  # fmt: skip


def read_text(path, limit=TEXT_BYTES):
    """The text of a file in UTF-8. Raises FileError, see ``read_json``."""
    return _decode(_read(path, limit), path)


def read_yaml(path):
    """The content of a YAML file. Raises YamlError, which names the file, and line where it can."""
    try:
        text = _decode(_read(path, YAML_BYTES), path)
    except FileError as error:
        raise YamlError(path, error.reason, error.line) from error
    return parse_yaml(text, path)


def parse_yaml(text, source):
    """The value of a YAML text. source: its origin, for messages. Raises YamlError.

    Keys may stand once in a mapping. Aliases may not multiply the text beyond YAML_NODES ("billion laughs").
    """
    try:
        loader = yaml.SafeLoader(text)
        try:
            _check_depth(text, source)
            root = loader.get_single_node()
            if root is None:
                return None
            _count_nodes(root, source, {})
            return loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise YamlError(source, f"is not YAML: {error.problem}", line) from error
    except yaml.YAMLError as error:
        raise YamlError(source, f"is not YAML: {' '.join(str(error).split())}") from error
    except YamlError:
        raise
    except (ValueError, OverflowError) as error:  # a date or a number that Python cannot hold
        raise YamlError(source, f"holds a value that cannot be used: {error}") from error


def _check_depth(text, source):
    """Refuse deep nesting by the events of the parser, which does not call itself as its reader does."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > YAML_DEPTH:
            line = event.start_mark.line + 1
            raise YamlError(source, f"is nested more than {YAML_DEPTH} levels deep", line)


def _count_nodes(node, source, known):
    """The nodes at and below one, aliases counted each time. known: counts by id, None within the node."""
    if id(node) in known:
        if known[id(node)] is None:
            raise YamlError(source, "an alias contains itself", node.start_mark.line + 1)
        return known[id(node)]
    known[id(node)] = None
    children = []
    if isinstance(node, yaml.MappingNode):
        _refuse_repeated_keys(node, source)
        children = [child for pair in node.value for child in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    count = 1 + sum(_count_nodes(child, source, known) for child in children)
    if count > YAML_NODES:
        raise YamlError(source, f"its aliases stand for more than {YAML_NODES:,} values")
    known[id(node)] = count
    return count


def _refuse_repeated_keys(mapping, source):
    seen = set()
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            if (key.tag, key.value) in seen:
                raise YamlError(source, f"{key.value!r:.60} appears twice", key.start_mark.line + 1)
            seen.add((key.tag, key.value))


def _read(path, limit):
    """The bytes of a file. Raises FileError if it cannot be read or is longer than ``limit``."""
    try:
        with open(path, "rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    if len(data) > limit:
        raise FileError(path, f"has more than {limit:,} bytes, which no such file here needs")
    return data


def _decode(data, path):
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8-sig")  # Windows' editors put a mark before the text
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FileError(path, "is not UTF-8 text; save the file as UTF-8", line) from error
