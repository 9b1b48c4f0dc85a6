"""Write data sets: one file a format. Each is read back by the reader of its format, mask for mask.

WRITERS lists the formats, one line each. A writer is made for a new folder and has four methods: ``place``,
``write``, ``finish`` and ``notes``, see writer.py.
"""

WRITERS = {
    "coco": "mrcnn.datasets.writers.coco:CocoWriter",
    "yolo": "mrcnn.datasets.writers.yolo:YoloWriter",
    "labelme": "mrcnn.datasets.writers.labelme:LabelmeWriter",
    "masks": "mrcnn.datasets.writers.masks:MasksWriter",
}
