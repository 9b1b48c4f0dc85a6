"""CSV exports of the VGG Image Annotator: a row a region."""

import contextlib
import csv
import io
import json

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import ADVICE
from mrcnn.datasets.via_records import Attributes, Entry, region_of, region_of_numbers
from mrcnn.files import FileError, parse_json

_FIELD_LIMIT = 1 << 27  # characters; csv refuses outlines of a few thousand points otherwise
_ATTRIBUTES = ("# ATTRIBUTES = ", "# ATTRIBUTE = ")
_COLUMNS_3 = 6  # metadata_id, file_list, flags, temporal and spatial coordinates, metadata


def read_table(path):
    """Return (entries, Attributes) of a CSV file. Raises DatasetError with the path and the line."""
    text = _text(path)
    rows = _rows(path, text)
    if text.startswith("#") and "region_shape_attributes" not in text.partition("\n")[0]:
        return _read_version_3(path, text, rows)
    return _read_version_2(path, rows), Attributes()


def _text(path):
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text; save the file as UTF-8.") from error


def _rows(path, text):
    """Return (line, fields) of all rows."""
    rows = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    with _long_fields():
        try:
            for row in reader:
                if any(row):
                    rows.append((reader.line_num, row))
        except csv.Error as error:
            raise DatasetError(f"{path}, line {reader.line_num}: is no CSV ({error}); {ADVICE}.") from error
    return rows


@contextlib.contextmanager
def _long_fields():
    """Allow long fields; the limit belongs to the process, so set it back."""
    before = csv.field_size_limit(_FIELD_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_version_2(path, rows):
    """Return the entries of an export of VIA 1 or 2, whose header begins with # in VIA 1."""
    names = [name.strip().lstrip("#") for name in rows[0][1]] if rows else []
    missing = {"filename", "region_shape_attributes", "region_attributes"} - set(names)
    if missing:
        raise DatasetError(f"{path}: the header has no column {', '.join(sorted(missing))}; {ADVICE}.")
    entries = {}
    for line, row in rows[1:]:
        where = f"{path}, line {line}"
        if len(row) != len(names):
            raise DatasetError(f"{where}: {len(row)} fields for {len(names)} columns; {ADVICE}.")
        cells = dict(zip(names, row))
        name, length = cells["filename"], _length(cells.get("file_size"), where)
        entry = entries.setdefault((name, length), Entry(name, length))
        shape = _json(cells["region_shape_attributes"], where, dict)
        if shape:  # an image without regions has a row without a shape
            record = {
                "shape_attributes": shape,
                "region_attributes": _json(cells["region_attributes"], where, dict),
            }
            entry.regions.append(region_of(record, path, f"line {line} (image {name!r})"))
    return list(entries.values())


def _read_version_3(path, text, rows):
    """Return (entries, Attributes) of an export of VIA 3, with comments before the rows."""
    attributes = Attributes()
    for line in text.splitlines():
        start = next((start for start in _ATTRIBUTES if line.startswith(start)), None)
        if start:
            attributes = Attributes.of_version_3(_definitions(line[len(start) :], path), path)
    entries = {}
    for line, row in rows:
        if row[0].startswith("#"):
            continue
        where = f"{path}, line {line}"
        if len(row) != _COLUMNS_3:
            raise DatasetError(f"{where}: {len(row)} fields for {_COLUMNS_3} columns; {ADVICE}.")
        files = _json(row[1], where, list)
        if not files or not isinstance(files[0], str):
            raise DatasetError(f"{where}: the list of files is {row[1]!r:.40}; {ADVICE}.")
        entry = entries.setdefault(files[0], Entry(files[0], None))
        numbers = _json(row[4], where, list)
        if numbers:
            values, place = _json(row[5], where, dict), f"line {line} (image {files[0]!r})"
            entry.regions.append(region_of_numbers(numbers, values, attributes, path, place))
    return list(entries.values()), attributes


def _definitions(text, path):
    """Return the records of attributes; older exports give each its name alone."""
    found = _json(text, f"{path}: the list of attributes", dict)
    return {key: {"aname": value} if isinstance(value, str) else value for key, value in found.items()}


def _length(text, where):
    try:
        return float(text) if text else None
    except ValueError as error:
        raise DatasetError(f"{where}: the file size {text!r:.40} is no number; {ADVICE}.") from error


def _json(text, where, kind):
    try:
        return parse_json(text or json.dumps(kind()), where, kind)
    except FileError as error:
        raise DatasetError(f"{where}: {text!r:.40} {error.reason}; {ADVICE}.") from error
