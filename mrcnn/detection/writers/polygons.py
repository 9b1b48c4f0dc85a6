"""Write the outlines of the masks as polygons with holes."""

import json

import numpy as np

from mrcnn.datasets.writers.outlines import parts
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import replacing

VERSION = 1  # of the format


class PolygonsWriter(Writer):
    """``polygons.json``: for each detection a list of polygons, nested like those of a GeoJSON MultiPolygon.

    A polygon is its outline and then its holes. They run along the edges of the mask's pixels, exactly.
    """

    def write(self, photograph, image, found):
        """Return the entry of a photograph as text, which takes less memory than its numbers."""
        height, width = found.size
        rows = zip(found.rois, found.crops, found.class_ids, found.scores)
        detections = [
            {
                "category_id": int(class_id),
                "class": self.class_names[class_id],
                "score": float(score),
                "polygons": [[_closed(ring, box) for ring in part] for part in parts(crop)],
            }
            for box, crop, class_id, score in rows
        ]
        entry = {
            "image": photograph.name,
            **photograph.keys(),
            "height": height,
            "width": width,
            "detections": detections,
        }
        return json.dumps(entry)

    def finish(self, records):
        """Write the file."""
        with replacing(self.folder / "polygons.json") as file:
            start = f'{{"version": {VERSION}, "images": [\n'
            for entry in records:
                file.write((start + entry).encode())
                start = ",\n"
            file.write(("" if start == ",\n" else start).encode() + b"\n]}\n")
        return []


def _closed(ring, box):
    """Return a ring of a crop in the photograph, as [[x, y], ...] with the first corner again at the end."""
    corners = (ring + np.array([box[1], box[0]])).astype(int).tolist()
    return [*corners, corners[0]]
