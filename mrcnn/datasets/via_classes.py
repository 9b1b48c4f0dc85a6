"""Find the attribute of VIA's regions that holds the class, and the names of the classes."""

from collections import Counter

from mrcnn.datasets.class_index import ONE_CLASS
from mrcnn.datasets.errors import DatasetError

# Attributes with these names hold a class, wherever there are several; the first one wins.
_NAMES = ("class", "name", "label", "category", "type", "object", "class name", "class label")
_FEW = 10  # so many values, or half as many as regions, are few enough for classes


def find_attribute(files, named, source):
    """Return the name of the attribute that holds the class, or None if no attribute does.

    files: ViaFiles. named: the user's choice, or None. source: the data set, for messages. Otherwise an
    attribute holds the class if it has few values and most regions have one of them, or if its name says so.
    Raises DatasetError if no region and no definition has the attribute ``named``.
    """
    regions = [region for file in files for entry in file.entries for region in entry.regions]
    counts = {name: Counter() for file in files for name in file.attributes.options}
    for region in regions:
        for name, values in region.values.items():
            counts.setdefault(name, Counter()).update(values)
    if named is not None:
        if named in counts:
            return named
        known = f"only {', '.join(map(repr, counts))}" if counts else "they have none"
        raise DatasetError(
            f"{source}: no region has an attribute {named!r}, {known}. Name one that holds the class."
        )
    ranked = sorted((_rank(name, count, len(regions)), name) for name, count in counts.items() if count)
    return ranked[0][1] if ranked and ranked[0][0][0] < len(_RANKS) else None


# What ranks an attribute: whether its values can be classes, and whether its name says so.
_RANKS = ((True, True), (True, False), (False, True))


def _rank(name, count, regions):
    few = len(count) <= max(_FEW, regions // 2) and 2 * sum(count.values()) >= regions
    word = name.lower().replace("_", " ").strip()
    place = _NAMES.index(word) if word in _NAMES else len(_NAMES)
    kind = (few, place < len(_NAMES))
    return _RANKS.index(kind) if kind in _RANKS else len(_RANKS), place, -sum(count.values())


def class_names(files, attribute):
    """Return the names of all classes: defined options in their order, then other values by the alphabet.

    Options that no region has are left out, because VIA keeps each that was ever defined.
    """
    if attribute is None:
        return [ONE_CLASS]
    used = {
        region.values[attribute][0]
        for file in files
        for entry in file.entries
        for region in entry.regions
        if region.shape is not None and len(region.values.get(attribute, ())) == 1
    }
    defined = dict.fromkeys(name for file in files for name in file.attributes.options.get(attribute, ()))
    return [name for name in defined if name in used] + sorted(used - set(defined))
