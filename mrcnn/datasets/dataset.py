"""Dataset: the base class of data sets, with matterport's interface, and the interface of formats.

A data set is a list of images and a list of classes. A program subclasses Dataset, calls add_class and
add_image, overrides load_mask, and calls prepare.

The commands do this through ``load_split``: a subclass that has it is a format, and LAYOUT names it.
"""

import os
from collections import Counter
from pathlib import Path

import numpy as np

from mrcnn.datasets.oriented import OrientedImages
from mrcnn.datasets.scan import scan_by_loading


class Dataset(OrientedImages):
    """The base class of data sets.

    image_info: a dict per image: "id" in its source, "source", "path" and other arguments of add_image.
    class_info: a dict per class: "source", "id" in that source, "name". Class 0 is the background.
    prepare() numbers both and sets num_images, image_ids, num_classes, class_ids, class_names, sources,
    source_class_ids, class_from_source_map and image_from_source_map.
    """

    def __init__(self, class_map=None):
        self.image_info = []
        self.class_info = [{"source": "", "id": 0, "name": "BG"}]
        self.source_class_ids = {}
        self._image_ids = []

    @property
    def image_ids(self):
        """The ids of all images, counted from 0."""
        return self._image_ids

    def add_class(self, source, class_id, class_name):
        """Add a class of a source ("coco"). Adding the same (source, class_id) again has no effect."""
        if "." in source:
            raise ValueError(f"The name of a source cannot contain a dot, got {source!r}.")
        if any(info["source"] == source and info["id"] == class_id for info in self.class_info):
            return
        self.class_info.append({"source": source, "id": class_id, "name": class_name})

    def add_image(self, source, image_id, path, **kwargs):
        """Add an image; further arguments are stored in image_info."""
        self.image_info.append({"id": image_id, "source": source, "path": path, **kwargs})

    def image_reference(self, image_id):
        """Return a link or path at which a person finds the image; programs override it."""
        return ""

    def prepare(self, class_map=None):
        """Number classes and images. Call it after all are added and before using the data set."""
        self.num_classes = len(self.class_info)
        self.class_ids = np.arange(self.num_classes)
        self.class_names = [info["name"].split(",")[0] for info in self.class_info]
        self.num_images = len(self.image_info)
        self._image_ids = np.arange(self.num_images)
        self.class_from_source_map = {
            f"{info['source']}.{info['id']}": class_id for class_id, info in enumerate(self.class_info)
        }
        self.image_from_source_map = {
            f"{info['source']}.{info['id']}": image_id for image_id, info in enumerate(self.image_info)
        }
        self.sources = list(dict.fromkeys(info["source"] for info in self.class_info))
        self.source_class_ids = {source: self._class_ids_of(source) for source in self.sources}

    def _class_ids_of(self, source):
        """Return the classes that images of a source may show; the background belongs to every source."""
        return [i for i, info in enumerate(self.class_info) if i == 0 or info["source"] == source]

    def map_source_class_id(self, source_class_id):
        """Return the class id of a class given as "source.id", for instance "coco.12"."""
        return self.class_from_source_map[source_class_id]

    def get_source_class_id(self, class_id, source):
        """Return a class's id in its source. Raises ValueError if the class is from another source."""
        info = self.class_info[class_id]
        if info["source"] != source:
            raise ValueError(
                f"Class {class_id} ({info['name']}) is of {info['source']!r}, not of {source!r}."
            )
        return info["id"]

    def append_data(self, class_info, image_info):
        """Matterport's placeholder for subclasses that add data in bulk; the base class keeps both lists."""
        self.class_info.extend(class_info)
        self.image_info.extend(image_info)

    def source_image_link(self, image_id):
        """Return the path or address of an image."""
        return self.image_info[image_id]["path"]

    def load_mask(self, image_id):
        """Load the instances of an image: masks [H, W, instances] bool and class ids [instances] int32.

        Crowds have negative class ids. The base class returns no instances.
        """
        return np.empty([0, 0, 0], bool), np.empty([0], np.int32)

    # --- What a format adds to matterport's interface ---------------------------------------------------

    title = ""  # of a format, for messages: "COCO"
    looks_for = ""  # what recognises() looks for, for the message about data that no format recognises
    # Whether load_split raises DatasetError for a class that the data lack; otherwise it has no instance.
    strict = True
    counts_pixels = False  # whether count_instances reads pixels, although it is the format's own
    faults = ()  # (kind, path, detail) of what load_split left out; the kinds are keys of faults.FAULTS
    known_classes = None  # the data's own class names, selected or not, once load_split has found them

    def load_split(self, root, split, classes=None):
        """Add the classes and the images of one split; every format overrides it, and load_mask.

        root: the value of --dataset, a Path. split: "train", "val" or "test", or None for data without
        splits. classes: the names of the classes, which get the ids 1, 2, ... in this order; None takes all
        classes of the data in their own order.
        Raises DatasetError if the split does not exist. Do not decode images here: 100,000 images should be
        indexed in seconds.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method load_split(root, split, classes).")

    @classmethod
    def recognises(cls, root):
        """Return quickly whether a path looks like a data set of this format; formats override it."""
        return False

    @classmethod
    def splits(cls, root, options=None):
        """Return the names of the splits that exist, of train, val, test; [] if all images are together.

        None, as in the base class, means that only load_split knows.
        """
        return None

    def count_instances(self, image_id):
        """Return {class id: number of instances} of an image, without crowds.

        The base class loads the masks. A format overrides it if it can count without reading pixels.
        """
        class_ids = self.load_mask(image_id)[1]
        return dict(Counter(int(class_id) for class_id in class_ids if class_id > 0))

    def each_mask(self, image_id):
        """Yield (mask [H, W] bool, class id, negative for crowds) of an image's instances, one after another.

        The base class loads all masks at once. A format overrides it if it can do with one in memory.
        """
        masks, class_ids = self.load_mask(image_id)
        for number, class_id in enumerate(class_ids):
            yield masks[:, :, number], int(class_id)

    def load_mask_within(self, image_id, box):
        """Load the parts of an image's instances in a box (y1, x1, y2, x2) of its pixels.

        Returns masks [y2 - y1, x2 - x1, N] bool, class ids [N] int32, negative for crowds, and the areas [N]
        of the whole instances in pixels. Instances without a pixel in the box are left out.
        """
        return self._collected(self.each_mask(image_id), box)

    @staticmethod
    def _collected(instances, box):
        """Return what load_mask_within does, of an iterable of masks and class ids."""
        y1, x1, y2, x2 = box
        found = [
            (mask[y1:y2, x1:x2].copy(), class_id, np.count_nonzero(mask))
            for mask, class_id in instances
            if mask[y1:y2, x1:x2].any()
        ]
        masks, class_ids, areas = zip(*found) if found else ((), (), ())
        stacked = np.stack(masks) if masks else np.zeros((0, y2 - y1, x2 - x1), bool)
        return np.moveaxis(stacked, 0, -1), np.array(class_ids, np.int32), np.array(areas, np.int64)

    def data_files(self, image_id):
        """List the files from which an image and its masks are read; a folder stands for all files in it.

        A run identifies its data by the contents of these files. The base class takes every path in
        image_info: "path", Path objects, and strings with a separator, in lists and dicts too. A folder that
        contains the image or the working folder is omitted, because it may contain unrelated files.
        """
        info = self.image_info[image_id]
        within = [os.path.join(os.getcwd(), "")]
        if info.get("path"):
            within.append(os.path.abspath(info["path"]))
        return [path for path in paths_in(info) if not _holds(path, within)]

    def scan(self, image_id):
        """Return the facts about an image and its masks for the data check: a scan.Scanned.

        The base class loads both. A format may override it with a faster way to the same result.
        """
        return scan_by_loading(self, image_id)


def paths_in(value, key=None):
    """List the paths in a value of image_info, as Path objects, see Dataset.data_files."""
    if isinstance(value, dict):
        return [path for name, item in value.items() for path in paths_in(item, name)]
    if isinstance(value, (list, tuple)):
        return [path for item in value for path in paths_in(item)]
    return [Path(value)] if is_path(value, key) else []


def is_path(value, key=None):
    """Return whether a value of image_info names a file or folder. key: its key there."""
    if isinstance(value, str):  # "" is not a path, but Path("") is the current folder
        return bool(value) and (key == "path" or os.sep in value)
    return isinstance(value, Path)


def _holds(folder, paths):
    """Return whether one of some absolute paths is below a folder."""
    start = os.path.join(os.path.abspath(folder), "")
    return any(path.startswith(start) for path in paths)
