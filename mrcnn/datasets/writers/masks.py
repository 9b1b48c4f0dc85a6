"""Write mask images, one an instance, in the layout of a download of Open Images."""

import numpy as np
from PIL import Image

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.writers.names import safe_name
from mrcnn.datasets.writers.writer import Writer
from mrcnn.files import replacing, write_text


class MasksWriter(Writer):
    """``<split>/<class>/<image>`` and ``<split>/<class>/masks/<image>_<MID>_<number>.png``.

    An image lies in the folder of each class that it shows, or in the first one if it shows none. Crowds are
    boxes there, in ``crowds/<image>.csv``.
    """

    title = "mask images"

    def __init__(self, folder, classes, splits):
        super().__init__(folder, classes, splits)
        self._folders = [safe_name(name) for name in classes]
        self._boxed = 0
        for number, name in enumerate(self._folders):
            if name.lower() in [other.lower() for other in self._folders[:number]]:
                raise DatasetError(
                    f"two classes would have the folder {name!r}; give one another name in the data."
                )

    def place(self, split, name, instances):
        """Return the paths of an image in the folders of its classes."""
        shown = sorted({instance.class_id for instance in instances}) or [0]
        return [self._class_folder(split, class_id) / name for class_id in shown]

    def write(self, split, name, size, instances):
        """Write the mask files of an image, and the boxes of its crowds."""
        stem = name.rpartition(".")[0]
        crowds = {}
        for number, instance in enumerate(instances):
            if instance.crowd:
                crowds.setdefault(instance.class_id, []).append(self._box(instance, size))
                continue
            # The class's number stands for the MID, which only classes of Open Images have.
            file = f"{stem}_m0{instance.class_id}_{number:08x}.png"
            with replacing(self._class_folder(split, instance.class_id) / "masks" / file, False) as out:
                Image.fromarray(instance.mask).save(out, "PNG")
        for class_id, boxes in crowds.items():
            path = self._class_folder(split, class_id) / "crowds" / f"{stem}.csv"
            rows = "".join(",".join(map(repr, box)) + "\n" for box in boxes)
            write_text(path, f"XMin,XMax,YMin,YMax\n{rows}", durable=False)

    def notes(self):
        """Return lines on crowds that are no boxes and classes whose folder has another name."""
        lines = [
            f"The class {name!r} is the folder {folder!r}."
            for name, folder in zip(self.classes, self._folders)
            if name != folder
        ]
        if self._boxed:
            lines.append(f"Crowd regions that became their boxes, as this layout has them: {self._boxed}.")
        return lines

    def _class_folder(self, split, class_id):
        return self.folder / (split or "") / self._folders[class_id]

    def _box(self, instance, size):
        """Return the box of a crowd in shares of the sides: x1, x2, y1, y2."""
        y1, x1, y2, x2 = instance.box
        self._boxed += not bool(np.all(instance.mask[y1:y2, x1:x2]))
        return x1 / size[1], x2 / size[1], y1 / size[0], y2 / size[0]
