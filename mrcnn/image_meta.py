"""The layout of image meta, the facts about each image that the network receives beside its pixels.

Each image has one row: id (1), original shape (3), molded shape (3), window (4), scale (1),
active_class_ids (one per class). The slicing works on NumPy arrays and on tensors.
"""

SIZE_WITHOUT_CLASSES = 1 + 3 + 3 + 4 + 1


def size(num_classes):
    """The length of a row. num_classes: with the background."""
    return SIZE_WITHOUT_CLASSES + num_classes


def parse(meta):
    """Split rows of image meta into named columns.

    meta: [B, SIZE_WITHOUT_CLASSES + classes]. Returns a dict of slices of meta.
    """
    return {
        "image_id": meta[:, 0],
        "original_image_shape": meta[:, 1:4],
        "image_shape": meta[:, 4:7],
        "window": meta[:, 7:11],  # (y1, x1, y2, x2) in pixels of the molded image
        "scale": meta[:, 11],
        "active_class_ids": meta[:, 12:],
    }
