"""Write a YOLO data set: photographs, a text file with polygons for each, and data.yaml."""

from mrcnn.datasets.writers import yolo
from mrcnn.detection.writers.data_set import DataSetWriter


class YoloWriter(DataSetWriter):
    """``yolo/images/<image>``, ``yolo/labels/<image>.txt`` and ``yolo/data.yaml``, with exact polygons."""

    own_folder = "yolo"
    kind = yolo.YoloWriter
