"""Write COCO's JSON: polygons where they give exactly the mask, run lengths elsewhere and for crowds."""

import json

from mrcnn.datasets.writers.outlines import is_hole, outlines
from mrcnn.datasets.writers.writer import Writer
from mrcnn.files import write_text


class CocoWriter(Writer):
    """``annotations/instances_<split>.json`` with images in ``<split>/``.

    Without splits: ``annotations.json`` with images in ``images/``.
    """

    title = "COCO"

    def __init__(self, folder, classes, splits):
        super().__init__(folder, classes, splits)
        self._images = {split: [] for split in splits}
        self._annotations = {split: [] for split in splits}

    def place(self, split, name, instances):
        """Return the path of an image in the folder of its split."""
        return [self.folder / (split or "images") / name]

    def write(self, split, name, size, instances):
        """Add an image with its annotations to the lists of its split."""
        images, annotations = self._images[split], self._annotations[split]
        height, width = size
        images.append({"id": len(images) + 1, "file_name": name, "width": width, "height": height})
        for instance in instances:
            annotations.append({"id": len(annotations) + 1, "image_id": len(images), **_annotation(instance)})

    def finish(self):
        """Write the JSON file of each split."""
        categories = [{"id": k, "name": name} for k, name in enumerate(self.classes, start=1)]
        for split in self.splits:
            content = {
                "info": {"description": "instances"},
                "licenses": [],
                "images": self._images[split],
                "annotations": self._annotations[split],
                "categories": categories,
            }
            path = f"annotations/instances_{split}.json" if split else "annotations.json"
            write_text(self.folder / path, json.dumps(content, ensure_ascii=False) + "\n", durable=False)


def _annotation(instance):
    y1, x1, y2, x2 = instance.box
    return {
        "category_id": instance.class_id + 1,
        "segmentation": _segmentation(instance),
        "area": int(instance.mask.sum()),
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "iscrowd": int(instance.crowd),
    }


def _segmentation(instance):
    """Return rings of numbers, or run lengths where holes or crowds ask for them."""
    rings = instance.rings
    if rings is None and not instance.crowd:
        rings = outlines(instance.mask)
        rings = None if any(map(is_hole, rings)) else rings
    if rings is None or instance.crowd:
        runs = instance.runs
        return {"size": list(runs.size), "counts": runs.counts.decode()}
    return [[_short(value) for value in ring.ravel().tolist()] for ring in rings]


def _short(value):
    return int(value) if value.is_integer() else value
