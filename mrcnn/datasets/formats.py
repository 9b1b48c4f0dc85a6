"""Open a data set by LAYOUT: a built-in format, or module:Class of a user's own class."""

import difflib
import importlib
import os
import sys
from pathlib import Path

from mrcnn.datasets import FORMATS
from mrcnn.datasets.annotated import AnnotatedDataset, Options
from mrcnn.datasets.dataset import Dataset
from mrcnn.datasets.errors import DatasetError, LoadError
from mrcnn.datasets.faults import summaries
from mrcnn.datasets.images import ImageError
from mrcnn.files import FileError

_UNNAMED = (
    ". The setting CLASSES is not named, so the argument classes is None; name them, CLASSES=[...], or have "
    "load_split add the data's own classes then."
)


def find_format(layout):
    """Return the Dataset class of a layout. Raises DatasetError for an unknown one, with the nearest name.

    layout: a key of FORMATS, or ``module:Class``; the module is first searched for in the working folder.
    """
    if layout in FORMATS:
        module, _, name = FORMATS[layout].partition(":")
        return getattr(importlib.import_module(module), name)
    if not isinstance(layout, str) or ":" not in layout:
        close = difflib.get_close_matches(str(layout), FORMATS, n=1)
        raise DatasetError(
            f"Unknown LAYOUT {layout!r}; it is one of {', '.join(FORMATS)}, "
            "or module:Class for a Dataset of your own." + (f" Did you mean {close[0]!r}?" if close else "")
        )
    try:
        return _check_class(_load_class(layout), layout)
    except DatasetError as error:
        raise DatasetError(f"LAYOUT {layout!r}: {error}") from error.__cause__


def open_dataset(layout, root, split, classes=None, options=None, strict=True):
    """Open one split of a data set, prepared.

    layout: as for find_format. root: the data set's folder, or another source of the format. split: "train",
    "val", "test", or None for data without splits. classes: the names of the classes 1, 2, ..., or None for
    the data's own. options: the annotated.Options for annotation files, or None. strict: whether a class that
    the data lack is an error; otherwise it has no instance.
    Raises DatasetError, also if the data set has other classes, and ImageError.
    """
    kind = find_format(layout)
    options = options or Options()
    if options != Options() and not issubclass(kind, AnnotatedDataset):
        raise DatasetError(
            f"IMAGES and CLASS_ATTRIBUTE are for annotation files, and LAYOUT {layout} reads none; remove "
            "them."
        )
    if options.class_attribute is not None and not kind.has_attributes:
        raise DatasetError(
            f"CLASS_ATTRIBUTE {options.class_attribute!r} is for formats with classes in attributes, such as "
            f"VIA; {root} is read as {kind.title or layout}. Remove it."
        )
    if options.images is not None and not Path(options.images).is_dir():
        raise DatasetError(
            f"{options.images}: there is no such folder of images; correct the setting IMAGES (--images)."
        )
    dataset = _load_split(kind, layout, Path(root), split, classes, options, strict)
    dataset.prepare()
    found = dataset.class_names[1:]
    if not found:
        raise DatasetError(_without("class", root, layout, split, dataset))
    if classes is not None and found != [name.split(",")[0] for name in classes]:
        raise DatasetError(
            f"{root}: LAYOUT {layout} has the classes {', '.join(found) or '(none)'}, but CLASSES names "
            f"{', '.join(classes)}. Set CLASSES=[{', '.join(found)}], or have load_split add its argument "
            "classes."
        )
    if not dataset.num_images:
        raise DatasetError(_without("image", root, layout, split, dataset))
    return dataset


def _without(what, root, layout, split, dataset):
    """Return a sentence on data without a class or image, and on what was left out, which may explain it."""
    place = f" for the split {split!r}" if split else ""
    advice = " Annotate an instance first." if what == "class" and not dataset.faults else ""
    return " ".join([f"{root}: LAYOUT {layout} finds no {what}{place}.{advice}", *summaries(dataset.faults)])


def source_files(layout):
    """Return the source files of a user's own class, which affect training; none for built-in formats."""
    if layout in FORMATS:
        return []
    return [Path(sys.modules[find_format(layout).__module__].__file__)]


def _load_split(kind, layout, root, split, classes, options, strict):
    """Fill a Dataset of a format; an error in a user's own code becomes a DatasetError."""
    try:
        dataset = kind()
        dataset.strict = strict
        if issubclass(kind, AnnotatedDataset):
            dataset.options = options
        dataset.load_split(root, split, None if classes is None else list(classes))
    except DatasetError as error:
        hint = _hint(layout, root)
        if hint:
            raise DatasetError(f"{str(error).rstrip('.')}. {hint}") from error
        raise
    except ImageError:
        raise
    except Exception as error:
        # A missing file means that the split is missing, which is allowed; any other error is a mistake.
        cause = error.__cause__ if isinstance(error, FileError) else error
        missing = isinstance(cause, FileNotFoundError)
        if layout in FORMATS and not missing:
            raise
        hint = "" if missing or classes is not None else _UNNAMED
        raise (DatasetError if missing else LoadError)(
            f"{layout}: load_split of {root}, split {split!r}, raised {type(error).__name__}: {error}{hint}"
        ) from error
    return dataset


def _hint(layout, root):
    """Return a sentence on the format that a folder looks like, unless it looks like the given one."""
    if layout not in FORMATS or not root.is_dir() or find_format(layout).recognises(root):
        return ""
    others = [name for name in FORMATS if find_format(name).recognises(root)]
    return f"The folder looks like LAYOUT: {others[0]}." if others else ""


def _load_class(place):
    """Import the object at ``module:Class``. Raises DatasetError."""
    module_name, _, name = place.partition(":")
    parts = [name, *module_name.split(".")]
    if not all(part.isidentifier() for part in parts) or parts[-1] == "py":
        raise DatasetError("it must be module:Class as Python imports it, such as my_module:MyDataset.")
    module = _import(module_name)
    if not hasattr(module, name):
        known = [key for key, value in vars(module).items() if _is_format(value) and value is not Dataset]
        close = difflib.get_close_matches(name, known, n=1) or known[:1]
        hint = f"; did you mean {close[0]!r}?" if close else "."
        raise DatasetError(f"{module.__file__} has no class {name!r}{hint}")
    return getattr(module, name)


def _import(name):
    """Import a module from the working folder, or else from Python's path. Raises DatasetError."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise DatasetError(
                f"there is no module {name!r} in the working folder, {folder}, or among installed packages."
            ) from error
        raise DatasetError(f"importing {name} raised {type(error).__name__}: {error}.") from error
    except Exception as error:
        raise DatasetError(f"importing {name} raised {type(error).__name__}: {error}.") from error
    finally:
        sys.path.remove(folder)
        if folder not in sys.path:
            sys.path.append(folder)  # for the module's later imports; last, so that it hides no package


def _is_format(value):
    return isinstance(value, type) and issubclass(value, Dataset)


def _check_class(kind, layout):
    """Return a class if it is a format. Raises DatasetError."""
    if not _is_format(kind):
        what = f"the class {kind.__name__}" if isinstance(kind, type) else f"a {type(kind).__name__}"
        raise DatasetError(f"it is {what}, which is not a subclass of mrcnn.datasets.Dataset.")
    if kind.load_split is Dataset.load_split:
        raise DatasetError(
            "the class needs a method load_split(self, root, split, classes) that adds classes and images."
        )
    return kind
