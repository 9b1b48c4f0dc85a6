"""Write detections: one file an output format. docs/results.md shows an example of each.

WRITERS lists the formats, one line each. A writer has two methods, ``write`` for each photograph and
``finish`` for all, see writer.py.
"""

WRITERS = {
    "overlay": "mrcnn.detection.writers.overlay:OverlayWriter",
    "coco": "mrcnn.detection.writers.coco:CocoWriter",
    "masks": "mrcnn.detection.writers.masks:MasksWriter",
    "crops": "mrcnn.detection.writers.crops:CropsWriter",
    "polygons": "mrcnn.detection.writers.polygons:PolygonsWriter",
    "csv": "mrcnn.detection.writers.table:TableWriter",
    "splash": "mrcnn.detection.writers.splash:SplashWriter",
    "yolo": "mrcnn.detection.writers.yolo:YoloWriter",
    "labelme": "mrcnn.detection.writers.labelme:LabelmeWriter",
}
