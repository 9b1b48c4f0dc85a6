"""Files of the VGG Image Annotator as entries: JSON and CSV exports and saved projects of VIA 1, 2 and 3."""

import re
from dataclasses import dataclass
from dataclasses import field as default

from mrcnn.datasets import via_tables
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import ADVICE, field, of_kind, read_annotations
from mrcnn.datasets.via_records import Attributes, Entry, region_of, region_of_numbers

_HEAD = 4096  # bytes of a file in which VIA is recognised
_IMAGE = 2  # the type of a file of VIA 3 that is an image
_EXPORT = re.compile(r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{')


@dataclass
class ViaFile:
    """The content of a file. entries: of its images. attributes: the Attributes that it defines."""

    path: object
    entries: list
    attributes: Attributes = default(default_factory=Attributes)


def looks_like_via(path):
    """Return whether the first kilobytes of a file look like one of VIA's."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD).decode("utf-8", errors="replace").lstrip("\ufeff")
    except OSError:
        return False
    if path.suffix.lower() == ".csv":
        return "region_shape_attributes" in head or "VGG Image Annotator" in head
    if '"_via_' in head or ('"project"' in head and '"pid"' in head):
        return True
    names = ('"filename"', '"fileref"'), ('"regions"', '"file_attributes"', '"size"')
    return bool(_EXPORT.match(head)) and all(any(name in head for name in group) for group in names)


def read_file(path):
    """Return the ViaFile at a path. Raises DatasetError with the path and the faulty record."""
    if path.suffix.lower() == ".csv":
        return ViaFile(path, *via_tables.read_table(path))
    content = read_annotations(path)
    if "_via_img_metadata" in content:
        images = field(content, "_via_img_metadata", dict, path)
        defined = field(content, "_via_attributes", dict, path, {})
        regions = field(defined, "region", dict, f"{path}: '_via_attributes'", {})
        return ViaFile(path, _entries(images, path), Attributes.of_version_2(regions, path))
    if "project" in content and "view" in content:
        attributes = Attributes.of_version_3(field(content, "attribute", dict, path, {}), path)
        return ViaFile(path, _entries_of_version_3(content, attributes, path), attributes)
    return ViaFile(path, _entries(content, path))


def _entries(images, path):
    """Return the entries of images as VIA 1 and 2 store them."""
    entries = []
    for key, image in images.items():
        where = f"{path}: image {key!r:.80}"
        image = of_kind(image, (dict,), where)
        name = field(image, "filename", str, where)
        regions = field(image, "regions", (list, dict), where, [])
        numbered = enumerate(regions) if isinstance(regions, list) else regions.items()
        entry = Entry(name, field(image, "size", (int, float), where, None))
        for number, region in numbered:
            record = f"region {number} (image {name!r})"
            region = of_kind(region, (dict,), f"{path}: {record}")
            entry.regions.append(region_of(region, path, record))
        entries.append(entry)
    return entries


def _entries_of_version_3(content, attributes, path):
    """Return the entries of a project of VIA 3: a view shows a file, metadata describe a region of it."""
    files, views = field(content, "file", dict, path), field(content, "view", dict, path)
    entries = {view: _entry_of_view(view, record, files, path) for view, record in views.items()}
    for number, metadata in field(content, "metadata", dict, path, {}).items():
        where = f"{path}: metadata {number!r:.40}"
        metadata = of_kind(metadata, (dict,), where)
        view = str(field(metadata, "vid", (str, int), where))
        if view not in entries:
            raise DatasetError(f"{where}: there is no view {view!r:.40}; {ADVICE}.")
        numbers = field(metadata, "xy", list, where, [])
        if numbers:  # without them it describes the whole file
            record = f"metadata {number!r:.40} (image {entries[view].name!r})"
            values = field(metadata, "av", dict, where, {})
            entries[view].regions.append(region_of_numbers(numbers, values, attributes, path, record))
    return list(entries.values())


def _entry_of_view(view, record, files, path):
    """Return the still empty entry of the first file of a view."""
    where = f"{path}: view {view!r:.40}"
    shown = field(of_kind(record, (dict,), where), "fid_list", list, where)
    file = files.get(str(shown[0])) if shown else None
    file = of_kind(file, (dict,), f"{where}: its file")
    name = field(file, "fname", str, f"{where}: its file")
    return Entry(name, None, is_image=field(file, "type", (int,), where, _IMAGE) == _IMAGE)
