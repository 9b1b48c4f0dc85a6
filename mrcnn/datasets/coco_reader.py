"""Read one of COCO's annotation files into an Index; coco_json.py checks the single values."""

import contextlib
from itertools import islice

from mrcnn.datasets import coco_json
from mrcnn.datasets.annotated import Annotation, Index, IndexedImage
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.image_files import ImageFinder
from mrcnn.datasets.rings import each_ring, ring
from mrcnn.datasets.shapes import Rings
from mrcnn.files import FileError, json_kind, read_json

_CHUNK = 20_000  # annotations whose rings are checked together


class CocoReader:
    """Reads one annotation file.

    path: the file. folders: where its images may be. ``read`` does the work.
    """

    def __init__(self, path, folders):
        self._path, self._finder = path, ImageFinder(folders)
        self._names = {}  # of classes, by category id
        self._used = set()  # names of classes that have annotations
        self._file_names, self._images = {}, {}  # by image id, of all and of those that are kept
        self._left_out = {}  # by image id: the kind of the fault, a detail, the number of annotations
        self._paths, self._faults = set(), []
        self._place = ("file", 0, None)  # the kind, number and value of the entry that is being read

    def read(self):
        """Return the Index of the file. Raises DatasetError with the path and the faulty entry."""
        try:
            return self._read()
        except FileError as error:
            raise DatasetError(str(error)) from error
        except DatasetError:
            raise
        except ValueError as error:
            raise DatasetError(
                f"{self._path}: {self._where()}: it {error}. Correct it, or export the file again."
            ) from error

    def _read(self):
        content = read_json(self._path, hook=coco_json.pack)
        categories = self._list(content, "categories")
        for entry in self._entries("category", categories):
            self._add_category(coco_json.object_of(entry))
        for entry in self._entries("image", self._list(content, "images")):
            self._add_image(coco_json.object_of(entry))
        self._require_images()
        annotations = self._list(content, "annotations")
        for start in range(0, len(annotations), _CHUNK):
            self._add_annotations(annotations, start)
        self._faults += [
            (kind, str(self._path), f"{detail}, with its {count} annotations")
            for kind, detail, count in self._left_out.values()
        ]
        return Index(_class_names(categories, self._used), list(self._images.values()), self._faults)

    def _list(self, content, name):
        found = content.get(name)
        if not isinstance(found, list):
            what = f"{json_kind(found)} instead of a list" if name in content else "no list"
            raise DatasetError(f"{self._path}: it has {what} {name!r}, so it is no COCO file of instances.")
        return found

    def _entries(self, what, entries, start=0):
        """Yield entries, and remember the one in work for messages."""
        for number, entry in enumerate(entries, start=start + 1):
            self._place = (what, number, entry)
            yield entry

    def _where(self):
        """Say which entry is being read: annotation 17 (image 'x.jpg')."""
        what, number, entry = self._place
        name = None
        if what == "image" and isinstance(entry, dict):
            name = entry.get("file_name")
        elif what == "annotation":
            with contextlib.suppress(ValueError):
                name = self._file_names.get(coco_json.key_of(coco_json.unpacked(entry).image_id, ""))
        return _record(what, number, entry) + (f" (image {name!r:.80})" if isinstance(name, str) else "")

    def _add_category(self, entry):
        key = coco_json.key_of(entry.get("id"), "id")
        if key in self._names:
            raise ValueError(f"has the id {key}, which another category has too")
        self._names[key] = coco_json.text_of(entry, "name")

    def _add_image(self, entry):
        key, name = coco_json.key_of(entry.get("id"), "id"), coco_json.text_of(entry, "file_name")
        if key in self._file_names:
            raise ValueError(f"has the id {key}, which {self._file_names[key]!r:.80} has too")
        size = coco_json.size_of(entry)
        self._file_names[key] = name
        path = self._finder.find(name)
        if path is None:
            self._left_out[key] = ["no_image", f"image {name!r}", 0]
        elif path in self._paths:
            self._left_out[key] = ["same_name", f"image {name!r} with id {key}", 0]
        else:
            self._paths.add(path)
            self._images[key] = IndexedImage(key, path, [], size, str(self._path))

    def _require_images(self):
        if self._file_names and not self._images:
            name = next(iter(self._file_names.values()))
            raise DatasetError(
                f"{self._path}: none of its {len(self._file_names)} images is there, such as {name!r:.80}; "
                f"looked in {self._finder.places()}. Give their folder with --images."
            )

    def _add_annotations(self, entries, start):
        """Add a chunk of the annotations, and take it off their list, which frees its memory."""
        chunk = entries[start : start + _CHUNK]
        entries[start : start + _CHUNK] = [None] * len(chunk)
        flat = [points for entry in chunk if type(entry) is coco_json.Packed for points in entry.segmentation]
        made = each_ring(flat)
        for entry in self._entries("annotation", chunk, start):
            self._add_annotation(coco_json.unpacked(entry), made)

    def _add_annotation(self, entry, made):
        crowd = coco_json.is_crowd(entry.iscrowd)
        image_key = coco_json.key_of(entry.image_id, "image_id")
        name = self._names.get(coco_json.key_of(entry.category_id, "category_id"))
        if name is None:
            raise ValueError(f"has {entry.category_id!r:.40} as category_id, which no category has")
        self._used.add(name)
        record = _record(*self._place)
        shape = self._shape(entry.segmentation, made)
        if image_key in self._images:
            if shape is not None:
                self._images[image_key].annotations.append(Annotation(name, shape, crowd, record))
        elif image_key in self._left_out:
            self._left_out[image_key][2] += 1
        else:
            detail = f"{record} is of the image {image_key!r:.40}, which is not among the file's images"
            self._faults.append(("no_image", str(self._path), detail))

    def _shape(self, segmentation, made):
        """Return the shape of a segmentation, or None, with a fault, if it has no area.

        made: an iterator of the rings of all packed annotations.
        """
        if not segmentation:
            self._faults.append(("no_shape", str(self._path), self._where()))
            return None
        if isinstance(segmentation, dict):
            return coco_json.run_lengths_of(segmentation)
        if type(segmentation) not in (tuple, list):
            raise ValueError(f"has {json_kind(segmentation)} as segmentation")
        try:
            if type(segmentation) is tuple:
                found = list(islice(made, len(segmentation)))
            else:
                found = [ring(points) for points in segmentation]
        except ValueError as error:
            raise ValueError(f"has a damaged ring: {error}") from error
        kept = tuple([points for points in found if points is not None])
        if len(kept) < len(found):
            for number, points in enumerate(found, start=1):
                if points is None:
                    detail = f"{self._where()}, ring {number} of {len(found)}"
                    self._faults.append(("ring", str(self._path), detail))
        return Rings(kept) if kept else None


def _record(what, number, entry):
    """Name an entry by its id, or by its place in its list if it has none."""
    key = entry.get("id") if isinstance(entry, dict) else getattr(entry, "id", None)
    return f"{what} {key}" if type(key) is int and abs(key) < 1 << 63 else f"{what} number {number}"


def _class_names(categories, used):
    """Return the names of the classes, without an unused one that is the supercategory of all others."""
    names = dict.fromkeys(entry["name"] for entry in categories)
    if len(categories) > 1:
        for entry in categories:
            name = entry["name"]
            others = [other.get("supercategory") for other in categories if other is not entry]
            if name not in used and all(above == name for above in others):
                names.pop(name, None)
    return list(names)
