"""Write labelme's JSON: polygons as they were drawn, and mask shapes where there are none."""

import base64
import io
import json

from PIL import Image

from mrcnn.datasets.writers.writer import Writer
from mrcnn.files import write_text

_VERSION = "5.4.1"  # of the first labelme's that had all shapes that are used here


class LabelmeWriter(Writer):
    """A JSON file beside each image, in a folder a split, and ``labels.txt`` with the classes in order.

    The polygons of an instance share a group_id. The flag ``crowd`` marks regions of many instances.
    """

    title = "labelme"

    def place(self, split, name, instances):
        """Return the path of an image in the folder of its split."""
        return [self.folder / (split or "") / name]

    def write(self, split, name, size, instances):
        """Write the JSON file of an image."""
        shapes = []
        for number, instance in enumerate(instances, start=1):
            shapes += self._shapes(instance, number)
        content = {
            "version": _VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": name,
            "imageData": None,
            "imageHeight": size[0],
            "imageWidth": size[1],
        }
        path = (self.folder / (split or "") / name).with_suffix(".json")
        write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n", durable=False)

    def finish(self):
        """Write labels.txt, which the option --labels of labelme takes."""
        names = ["__ignore__", "_background_", *self.classes]
        write_text(self.folder / "labels.txt", "".join(f"{name}\n" for name in names), durable=False)

    def _shapes(self, instance, number):
        """Return the shapes of an instance. number: of the instance, for its group."""
        rings = instance.rings or ()
        common = {
            "label": self.classes[instance.class_id],
            "group_id": number if len(rings) > 1 else None,
            "description": "",
            "flags": {"crowd": True} if instance.crowd else {},
        }
        if not rings:
            return [{**common, **_mask_shape(instance)}]
        return [{**common, "shape_type": "polygon", "points": ring.tolist(), "mask": None} for ring in rings]


def _mask_shape(instance):
    """Return the fields of a mask: its first and last pixel, and a PNG of the box between them."""
    y1, x1, y2, x2 = instance.box
    file = io.BytesIO()
    Image.fromarray(instance.mask[y1:y2, x1:x2]).save(file, "PNG")
    return {
        "shape_type": "mask",
        "points": [[x1, y1], [x2 - 1, y2 - 1]],
        "mask": base64.b64encode(file.getvalue()).decode(),
    }
