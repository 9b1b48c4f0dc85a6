"""COCO's JSON: one file of images, annotations and categories for each split, or for all images.

coco_files.py finds the files, and coco_reader.py reads one.
"""

from mrcnn.datasets.annotated import DEFAULTS, AnnotatedDataset, Index
from mrcnn.datasets.coco_files import FORM, Ambiguous, find_sources, looks_like_coco
from mrcnn.datasets.coco_reader import CocoReader
from mrcnn.datasets.errors import DatasetError


class Coco(AnnotatedDataset):
    """A data set of COCO's JSON, also as Roboflow, CVAT and others export it.

    Splits may number their classes differently: the names count. A category without annotations that is the
    supercategory of all others, as Roboflow adds it, is no class.
    """

    source = "coco"
    title = "COCO"
    looks_for = FORM

    @classmethod
    def recognises(cls, root):
        """Return whether there are files with COCO's keys where COCO, Roboflow and others put them."""
        try:
            sources = find_sources(root, DEFAULTS)
        except Ambiguous:
            return True  # so that reading them names the files
        except DatasetError:
            return False
        return all(looks_like_coco(source.path) for source in sources.values())

    @classmethod
    def splits(cls, root, options=DEFAULTS):
        """Return the splits that have an annotation file."""
        try:
            return [split for split in find_sources(root, options) if split]
        except DatasetError:
            return []

    def read_index(self, root, split):
        """Return the Index of one split, or of all; see AnnotatedDataset."""
        sources = find_sources(root, self.options)
        chosen = sources.values() if split is None else [sources[split]]
        parts = [CocoReader(source.path, source.folders).read() for source in chosen]
        classes = dict.fromkeys(name for part in parts for name in part.classes)
        return Index(
            list(classes),
            [image for part in parts for image in part.images],
            [fault for part in parts for fault in part.faults],
        )
