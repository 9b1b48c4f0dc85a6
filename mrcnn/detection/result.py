"""What was found in one photograph, as people and other tools use it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mrcnn.datasets.writers.outlines import outlines
from mrcnn.detection import overlay
from mrcnn.detection.detections import Detections
from mrcnn.detection.look import Look
from mrcnn.detection.results import coco_results
from mrcnn.files import write_bytes


@dataclass(frozen=True, repr=False)
class Result:
    """The detections in one photograph, by decreasing score; N: their number, which ``len`` returns.

    source: what was given: a path, an address or an array. image: [H, W, 3] uint8 RGB. detections: its
    Detections. class_names: indexed by class id.

    It prints as a table, and is a picture in notebooks.
    """

    source: Any
    image: np.ndarray
    detections: Detections
    class_names: list

    def __len__(self):
        return len(self.detections.rois)

    @property
    def boxes(self):
        """Boxes [N, (y1, x1, y2, x2)] int32 in pixels of the photograph, half-open."""
        return self.detections.rois

    @property
    def masks(self):
        """Masks [H, W, N] bool, created at each access; ``detections.crops`` take less memory."""
        return self.detections.masks()

    @property
    def class_ids(self):
        """Class ids [N] int32; 0 would be the background."""
        return self.detections.class_ids

    @property
    def scores(self):
        """Scores [N] float32 from 0 to 1."""
        return self.detections.scores

    @property
    def names(self):
        """The class name of each detection, a list of N."""
        return [self.class_names[i] for i in self.class_ids]

    def polygons(self):
        """Return the outlines of each mask, a list of N lists of rings [K, (x, y)] float.

        Rings follow the edges of pixels: clockwise on the screen around pixels, the other way around holes.
        """
        corners = self.boxes[:, [1, 0]]
        return [
            [ring + corner for ring in outlines(crop)] for crop, corner in zip(self.detections.crops, corners)
        ]

    def to_coco(self, image_id=0):
        """Return rows of COCO's results format, with run-length encoded masks: COCO.loadRes takes them."""
        return coco_results(image_id, self.detections)

    def to_pandas(self):
        """Return a pandas.DataFrame with a row for each detection: class, score, box and area in pixels."""
        import pandas

        y1, x1, y2, x2 = self.boxes.T if len(self) else np.zeros((4, 0), np.int32)
        columns = {"class": self.names, "score": self.scores, "y1": y1, "x1": x1, "y2": y2, "x2": x2}
        return pandas.DataFrame({**columns, "area": self.detections.areas()})

    def to_supervision(self):
        """Return supervision.Detections. Raises ImportError without the package supervision."""
        import supervision

        return supervision.Detections(
            xyxy=self.boxes[:, [1, 0, 3, 2]].astype(np.float32).reshape(-1, 4),
            mask=np.ascontiguousarray(np.moveaxis(self.masks, -1, 0)),
            confidence=self.scores,
            class_id=self.class_ids.astype(int),
            data={"class_name": np.array(self.names, dtype=str)},
        )

    def plot(self, color_by="auto", size=None):
        """Return the photograph with its detections drawn, [height, width, 3] uint8.

        color_by: "class", with a legend, "instance", or "auto", which is by class if the model has several.
        size: the longer side of the picture in pixels; None keeps the photograph's. Raises ValueError for
        other values.
        """
        return overlay.draw(self.image, self.detections, self.class_names, Look(color_by, size))

    def save(self, path, color_by="auto", size=None):
        """Write the picture of ``plot`` as PNG. path: of the file; its folder is made."""
        write_bytes(Path(path), overlay.encode(self.plot(color_by, size)), durable=False)

    def show(self, color_by="auto", size=None):
        """Show the picture of ``plot`` with Matplotlib: a window, or in a notebook the cell's output."""
        import matplotlib.pyplot as plt

        picture = self.plot(color_by, size)
        height, width = picture.shape[:2]
        figure = plt.figure(figsize=(12, 12 * height / width))
        figure.add_axes((0, 0, 1, 1)).imshow(picture)
        figure.axes[0].axis("off")
        plt.show()

    def _repr_png_(self):
        return overlay.encode(self.plot())

    def __repr__(self):
        height, width = self.image.shape[:2]
        source = f"{self.source}: " if isinstance(self.source, (str, Path)) else ""
        found = f"{len(self)} detection{'s'[: len(self) != 1]}" if len(self) else "nothing found"
        rows = [
            f"{name:16} {score:5.2f}  {' '.join(f'{side:5}' for side in box)} {area:8}"
            for name, score, box, area in zip(self.names, self.scores, self.boxes, self.detections.areas())
        ]
        header = [f"{'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}"] if rows else []
        return "\n".join([f"{source}{width} x {height} pixels, {found}", *header, *rows])
