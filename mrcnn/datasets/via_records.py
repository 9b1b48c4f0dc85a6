"""Regions of the VGG Image Annotator and their attributes, the same for all of its versions."""

from dataclasses import dataclass
from dataclasses import field as default

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.fields import ADVICE, class_name, field, of_kind
from mrcnn.datasets.via_shapes import shape_of, shape_of_numbers

_TEXT, _CHECKBOX = 1, 2  # types of attributes in VIA 3; others are one option of a list


@dataclass(slots=True)
class Region:
    """A region of an image.

    record: where it stands in its file. shape: of mrcnn.datasets.shapes, or None. fault: the kind of its
    fault if shape is None. values: {attribute: tuple of the values that are chosen}.
    """

    record: str
    shape: object
    fault: str | None
    values: dict


@dataclass(slots=True)
class Entry:
    """An image with its regions. name: as VIA knows its file. length: of its file in bytes, or None."""

    name: str
    length: float | None
    regions: list = default(default_factory=list)
    is_image: bool = True


@dataclass
class Attributes:
    """The attributes of regions that a file defines.

    options: {attribute: names of its options in their order}, empty for text. by_id: {id: (name, type,
    {id of an option: its name})}, of VIA 3, where regions refer to ids.
    """

    options: dict = default(default_factory=dict)
    by_id: dict = default(default_factory=dict)

    @classmethod
    def of_version_2(cls, records, path):
        """Return the Attributes of VIA 2, whose regions contain the ids of options, so these are names."""
        options = {}
        for name, record in records.items():
            where = f"{path}: attribute {name!r:.40}"
            options[name] = list(field(of_kind(record, (dict,), where), "options", dict, where, {}))
        return cls(options)

    @classmethod
    def of_version_3(cls, records, path):
        """Return the Attributes of VIA 3."""
        attributes = cls()
        for number, record in records.items():
            where = f"{path}: attribute {number!r:.40}"
            record = of_kind(record, (dict,), where)
            name = field(record, "aname", str, where)
            names = {
                key: of_kind(value, (str,), f"{where}: option {key!r:.40}").strip()
                for key, value in field(record, "options", dict, where, {}).items()
            }
            attributes.options[name] = list(dict.fromkeys(names.values()))
            attributes.by_id[number] = name, field(record, "type", (int,), where, _TEXT), names
        return attributes

    def values(self, values, where):
        """Return {attribute: names} of a region of VIA 3. values: its ``av``. Raises DatasetError."""
        found = {}
        for number, value in values.items():
            if number not in self.by_id:
                raise DatasetError(f"{where}: there is no attribute {number!r:.40}; {ADVICE}.")
            name, kind, options = self.by_id[number]
            chosen = chosen_values(value, f"{where}: attribute {name!r}")
            if kind == _CHECKBOX:
                chosen = tuple(part.strip() for text in chosen for part in text.split(",") if part.strip())
            if kind != _TEXT and options:
                chosen = tuple(_option(options, key, name, where) for key in chosen)
            found[name] = chosen
        return found


def region_of(record, path, place):
    """Return a Region of VIA 1 or 2. record: with shape_attributes and region_attributes."""
    where = f"{path}: {place}"
    shape = shape_of(field(record, "shape_attributes", dict, where), where)
    values = field(record, "region_attributes", dict, where, {})
    chosen = {name: chosen_values(value, f"{where}: attribute {name!r}") for name, value in values.items()}
    return Region(place, *shape, chosen)


def region_of_numbers(numbers, values, attributes, path, place):
    """Return a Region of VIA 3. numbers: ``xy``. values: ``av``."""
    where = f"{path}: {place}"
    return Region(place, *shape_of_numbers(numbers, where), attributes.values(values, where))


def chosen_values(value, where):
    """Return the values of an attribute: one of text, a list or a button, several of boxes to tick."""
    if isinstance(value, dict):
        names = tuple(class_name(name, where) for name, ticked in value.items() if ticked)
        return tuple(filter(None, names))
    if value is None:
        return ()
    text = class_name(str(of_kind(value, (str, int, float), where)), where)
    return (text,) if text else ()


def _option(options, key, name, where):
    if key not in options:
        raise DatasetError(f"{where}: attribute {name!r} has no option {key!r:.40}; {ADVICE}.")
    return options[key]
