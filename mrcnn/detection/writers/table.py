"""Write a table for spreadsheets, with a row for each detection."""

import csv
import io

from mrcnn.detection.writers.writer import Writer
from mrcnn.files import replacing

COLUMNS = ("image", "width", "height", "class", "score", "x1", "y1", "x2", "y2", "area")


class TableWriter(Writer):
    """``detections.csv``: boxes and areas in pixels of the photograph."""

    def write(self, photograph, image, found):
        """Return the rows of a photograph, without line ends."""
        height, width = found.size
        return [
            (photograph.name, width, height, self.class_names[class_id], f"{score:.4f}", x1, y1, x2, y2, area)
            for (y1, x1, y2, x2), class_id, score, area in zip(
                found.rois.tolist(), found.class_ids, found.scores, found.areas()
            )
        ]

    def finish(self, records):
        """Write the table."""
        with (
            replacing(self.folder / "detections.csv") as file,
            io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
        ):
            rows = csv.writer(text, lineterminator="\n")
            rows.writerow(COLUMNS)
            for record in records:
                rows.writerows(record)
        return []
