"""The layout of image meta: what the network is told of an image beside its pixels.

One row an image: id (1), original shape (3), molded shape (3), window (4), scale (1),
active_class_ids (one per class). Slicing works on NumPy arrays and on tensors alike.
"""

SIZE_WITHOUT_CLASSES = 1 + 3 + 3 + 4 + 1


def parse(meta):
    """Take rows apart. meta: [B, SIZE_WITHOUT_CLASSES + classes]; returns a dict of its columns."""
    return {
        "image_id": meta[:, 0],
        "original_image_shape": meta[:, 1:4],
        "image_shape": meta[:, 4:7],
        "window": meta[:, 7:11],  # (y1, x1, y2, x2) in pixels of the molded image
        "scale": meta[:, 11],
        "active_class_ids": meta[:, 12:],
    }
