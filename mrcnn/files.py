"""Writing files so that a reader, or a crash at any moment, finds the old content or the new, never a mix.

And reading YAML within bounds: a small text must not become gigabytes.
"""

import contextlib
import os

import yaml

YAML_BYTES = 1_000_000  # a config has a few thousand
YAML_DEPTH = 20  # lists within lists
YAML_NODES = 100_000  # with each alias counted as what it stands for


class YamlError(ValueError):
    """A text is not YAML, or not within the bounds of this module."""


@contextlib.contextmanager
def replacing(path):
    """A binary file that takes the place of ``path`` when the block ends well; the disk has it by then."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path, text):
    """Write a whole text file at one stroke."""
    with replacing(path) as file:
        file.write(text.encode())


def sync(path):
    """Return only when the disk has what was written to a file and its name."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
    _sync_folder(path.parent)


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


def remove_leftovers(folder):
    """Delete what killed processes left half written in a run's folder."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def read_yaml(path):
    """The content of a YAML file. Raises YamlError, which names the file, and line where it can."""
    try:
        with open(path, "rb") as file:
            data = file.read(YAML_BYTES + 1)
    except OSError as error:
        raise YamlError(f"{path}: cannot be read: {error.strerror}.") from error
    if len(data) > YAML_BYTES:
        raise YamlError(f"{path}: has more than {YAML_BYTES:,} bytes, which no YAML file here needs.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlError(f"{path}, line {line}: is not UTF-8 text; save the file as UTF-8.") from error
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
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise YamlError(f"{source}{line}: is not YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise YamlError(f"{source}: is not YAML: {' '.join(str(error).split())}.") from error
    except YamlError:
        raise
    except (ValueError, OverflowError) as error:  # a date or a number that Python cannot hold
        raise YamlError(f"{source}: holds a value that cannot be used: {error}.") from error


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
            raise YamlError(f"{source}, line {line}: is nested more than {YAML_DEPTH} levels deep.")


def _count_nodes(node, source, known):
    """The nodes at and below one, aliases counted each time. known: counts by id, None within the node."""
    if id(node) in known:
        if known[id(node)] is None:
            raise YamlError(f"{source}, line {node.start_mark.line + 1}: an alias stands within itself.")
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
        raise YamlError(f"{source}: its aliases stand for more than {YAML_NODES:,} values.")
    known[id(node)] = count
    return count


def _refuse_repeated_keys(mapping, source):
    seen = set()
    for key, _ in mapping.value:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            if (key.tag, key.value) in seen:
                raise YamlError(f"{source}, line {key.start_mark.line + 1}: {key.value!r:.60} stands twice.")
            seen.add((key.tag, key.value))
