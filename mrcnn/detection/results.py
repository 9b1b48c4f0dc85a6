"""Convert detections to text, to COCO's results format, and to records from which pictures can be redrawn."""

import numpy as np
from faster_coco_eval.core import mask as rle

from mrcnn.detection.detections import Detections


def coco_results(image_id, result):
    """Convert detections of one image to COCO's results format, with masks run-length encoded.

    result: Detections, or a dict of rois, class_ids, scores and masks, in the coordinates of the image.
    """
    if isinstance(result, Detections):
        encoded = result.run_lengths()
    else:
        encoded = map(encode_mask, np.moveaxis(result["masks"], -1, 0))
    boxes = np.asarray(result["rois"], float).reshape(-1, 4)
    return [
        {
            "image_id": image_id,
            "category_id": int(class_id),
            "bbox": [float(x1), float(y1), float(x2 - x1), float(y2 - y1)],
            "score": float(score),
            "segmentation": mask,
        }
        for (y1, x1, y2, x2), class_id, score, mask in zip(
            boxes, result["class_ids"], result["scores"], encoded
        )
    ]


def encode_mask(mask):
    """Encode a mask [H, W] as COCO's compressed run lengths: {"size": [H, W], "counts": text}."""
    encoded = rle.encode(np.asfortranarray(mask, np.uint8))
    counts = encoded["counts"]
    return {
        "size": [int(side) for side in encoded["size"]],
        "counts": counts.decode() if isinstance(counts, bytes) else counts,
    }


def decode_mask(encoded):
    """Decode run lengths to a mask [H, W] bool: the inverse of ``encode_mask``."""
    return rle.decode(encoded).astype(bool)


def table_lines(name, result, class_names):
    """Yield a line for each detection, or one line that says that nothing was found."""
    if not len(result["rois"]):
        yield f"{name:32} nothing found"
    areas = result.areas() if isinstance(result, Detections) else result["masks"].sum(axis=(0, 1))
    for i, box in enumerate(result["rois"]):
        name_of_class = class_names[result["class_ids"][i]]
        corners = " ".join(f"{side:5}" for side in box)
        area = int(areas[i])
        yield f"{name:32} {name_of_class:16} {result['scores'][i]:5.2f}  {corners} {area:8}"


def frame_line(name, result, class_names):
    """Return one line on all detections in a frame of a video: how many of each class."""
    counts = np.bincount(result["class_ids"], minlength=len(class_names))
    found = ", ".join(f"{counts[k]} {class_names[k]}" for k in np.flatnonzero(counts))
    return f"{name:32} {found or 'nothing found'}"


def record_of(path, image, result, class_names, keys=None):
    """Return an image's path, size and detections as plain values.

    keys: what follows the path, of a frame. Masks are COCO's run lengths and boxes are COCO's [x, y, width,
    height]. Size and boxes are those of the photograph rotated upright.
    """
    found = coco_results(0, result)
    for row, class_id in zip(found, result["class_ids"]):
        del row["image_id"]
        row["class"] = class_names[class_id]
    return {
        "image": str(path),
        **(keys or {}),
        "height": image.shape[0],
        "width": image.shape[1],
        "detections": found,
    }


def result_of(record):
    """Restore the result, a dict like that of MaskRCNN.detect, from a record.

    The records of thousands of images fit in memory; their masks would not.
    """
    found = record["detections"]
    masks = [decode_mask(row["segmentation"]) for row in found]
    empty = np.zeros((record["height"], record["width"], 0), bool)
    x, y, width, height = np.array([row["bbox"] for row in found]).reshape(-1, 4).T
    return {
        "rois": np.stack([y, x, y + height, x + width], axis=1).astype(np.int32),
        "class_ids": np.array([row["category_id"] for row in found], np.int32),
        "scores": np.array([row["score"] for row in found], np.float32),
        "masks": np.stack(masks, axis=-1) if masks else empty,
    }
