"""Detection on files: pictures, a table, and a record of each image from which all can be drawn again."""

from pathlib import Path

import numpy as np

from mrcnn.evaluation import coco_results, decode_mask
from mrcnn.pipeline.images import ImageError, read_image
from mrcnn.visualize import detection_sheet, draw_detections, save_figure
from pumpkin.image_files import InputError, picture_paths, write_json

SHEET_BYTES = 300_000  # small enough for a README


def detect_files(model, paths, folder, report=print):
    """Detect on each file, write a picture of each and detections.json into a folder.

    report: called with each line of the table. A file that cannot be read is reported and passed over.
    Returns (records, failed): what detections.json holds, see ``record_of``, and the unreadable paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records, failed = [], []
    report(f"{'image':32} {'class':16} {'score':>5}  {'box y1 x1 y2 x2':>23} {'mask px':>8}")
    for path, picture in zip(paths, picture_paths(paths, folder)):
        try:
            image = read_image(path, apply_exif=True)
        except ImageError as error:
            failed.append(path)
            report(f"Left out: {error}")
            continue
        result = model.detect([image])[0]
        for line in table_lines(path.name, result, model.class_names):
            report(line)
        save_figure(draw_detections(image, result, model.class_names), picture)
        records.append(record_of(path, image, result, model.class_names))
    write_json(folder / "detections.json", records)
    return records, failed


def table_lines(name, result, class_names):
    """A line for each detection; one line says so if there is none."""
    if not len(result["rois"]):
        yield f"{name:32} nothing found"
    for i, box in enumerate(result["rois"]):
        name_of_class = class_names[result["class_ids"][i]]
        corners = " ".join(f"{side:5}" for side in box)
        area = int(result["masks"][:, :, i].sum())
        yield f"{name:32} {name_of_class:16} {result['scores'][i]:5.2f}  {corners} {area:8}"


def record_of(path, image, result, class_names):
    """An image's path, size and detections as plain values; masks are COCO's run lengths.

    Boxes are COCO's, too: [x, y, width, height]. Size and boxes are those of the upright photograph.
    """
    found = coco_results(0, result)
    for row, class_id in zip(found, result["class_ids"]):
        del row["image_id"]
        row["class"] = class_names[class_id]
    return {"image": str(path), "height": image.shape[0], "width": image.shape[1], "detections": found}


def reload(record):
    """The image [H, W, 3] and the result, a dict as of MaskRCNN.detect, of a record.

    Records of thousands of images fit in memory, their masks do not.
    """
    found = record["detections"]
    masks = [decode_mask(row["segmentation"]) for row in found]
    empty = np.zeros((record["height"], record["width"], 0), bool)
    x, y, width, height = np.array([row["bbox"] for row in found]).reshape(-1, 4).T
    result = {
        "rois": np.stack([y, x, y + height, x + width], axis=1).astype(np.int32),
        "class_ids": np.array([row["category_id"] for row in found], np.int32),
        "scores": np.array([row["score"] for row in found], np.float32),
        "masks": np.stack(masks, axis=-1) if masks else empty,
    }
    return read_image(Path(record["image"]), apply_exif=True), result


def save_sheet(records, class_names, path, count):
    """A picture of up to ``count`` images with their detections, spread evenly over all."""
    if not records:
        raise InputError("There is no picture to put on a sheet.")
    chosen = np.unique(np.linspace(0, len(records) - 1, count).round().astype(int))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet = detection_sheet([reload(records[i]) for i in chosen], class_names)
    save_figure(sheet, path, max_bytes=SHEET_BYTES)
