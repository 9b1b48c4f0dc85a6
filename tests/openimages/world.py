"""A small Open Images: the same folders, tables and zips, of a few kilobytes."""

import hashlib
import io
import struct
import zipfile

import numpy as np
from PIL import Image

CLASSES = {
    "/m/05zsy": "Pumpkin",
    "/m/0dv77": "Squash",
    "/m/014sv8": "Human eye",
    "/m/04yx4": "Man",
    "/m/09dzg": "Turtle",
}
WITH_MASKS = ("/m/05zsy", "/m/0dv77", "/m/014sv8", "/m/04yx4")
PUMPKIN, SQUASH, EYE = "/m/05zsy", "/m/0dv77", "/m/014sv8"
COUNTS = {"train": 12, "validation": 5, "test": 4}
BOX_HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,"
    "IsDepiction,IsInside"
)
MASK_HEADER = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks"
AUTHOR_HEADER = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,"
    "OriginalMD5,Thumbnail300KURL,Rotation"
)
ANNOTATIONS, IMAGES = "openimages/", "images/"


def image_id(split, number):
    return hashlib.sha256(f"{split} {number}".encode()).hexdigest()[:16]


def box_id(split, number, instance):
    return hashlib.sha256(f"{split} {number} {instance}".encode()).hexdigest()[:8]


def jpeg(width, height, seed):
    pixels = np.random.default_rng(seed).integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).resize((width, height)).save(file, "JPEG", quality=80)
    return file.getvalue()


def png(width, height, box=None):
    """A 1-bit mask with a filled box (xmin, xmax, ymin, ymax), normalised."""
    mask = np.zeros((height, width), bool)
    if box:
        x1, x2, y1, y2 = box
        mask[round(y1 * height) : round(y2 * height), round(x1 * width) : round(x2 * width)] = True
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return file.getvalue()


def pack(members, zip64=False, stored=False):
    """Bytes of a zip; with ``zip64`` only ZIP64 records give its end."""
    file = io.BytesIO()
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return to_zip64(file.getvalue()) if zip64 else file.getvalue()


def to_zip64(data):
    """Replace the end record of a zip by a ZIP64 end record, its locator and an end record that defers."""
    _, _, _, _, count, length, start, _ = struct.unpack("<4s4H2LH", data[-22:])
    where = len(data) - 22
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, length, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, where, 1)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:where] + record + locator + end


class World:
    """files: {path at the server: bytes}. masks: {split: {name: PNG bytes}} as they are in the zips."""

    def __init__(self):
        self.files, self.masks = {}, {split: {} for split in COUNTS}
        self.boxes = {split: [BOX_HEADER] for split in COUNTS}
        self.mask_rows = {split: [MASK_HEADER] for split in COUNTS}
        authors = {split: [AUTHOR_HEADER] for split in COUNTS}
        for split, count in COUNTS.items():
            for number in range(count):
                self.add_image(split, number)
                authors[split].append(self.author(split, number))
        self.put("v5/class-descriptions-boxable.csv", "\n".join(f"{m},{n}" for m, n in CLASSES.items()))
        self.put("v5/classes-segmentation.txt", "\n".join(WITH_MASKS))
        for split in COUNTS:
            self.add_zips(split)
            box_name = "v6/oidv6-train" if split == "train" else f"v5/{split}"
            self.put(f"{box_name}-annotations-bbox.csv", "\n".join(self.boxes[split]))
            self.put(f"v5/{split}-annotations-object-segmentation.csv", "\n".join(self.mask_rows[split]))
            name = "train-images-boxable" if split == "train" else f"{split}-images"
            self.put(f"2018_04/{split}/{name}-with-rotation.csv", "\n".join(authors[split]))

    def put(self, path, text):
        self.files[f"/{ANNOTATIONS}{path}"] = text.encode() + b"\n" if isinstance(text, str) else text

    def add_image(self, split, number):
        """An image with 1 to 3 pumpkins; every third shows a squash, every fourth a group of pumpkins."""
        name, size = image_id(split, number), (160, 120) if number % 2 else (96, 128)
        self.files[f"/{IMAGES}{split}/{name}.jpg"] = jpeg(*size, seed=int(name, 16))
        for instance in range(1 + number % 3):
            box = (0.1 * instance, 0.1 * instance + 0.25, 0.2, 0.2 + 0.15 * (instance + 1))
            self.add_mask(split, number, instance, PUMPKIN, box, size)
        if number % 3 == 0:
            self.add_mask(split, number, 7, SQUASH, (0.5, 0.9, 0.5, 0.9), size)
        if number % 5 == 0:
            self.add_mask(split, number, 8, EYE, (0.5, 0.6, 0.1, 0.2), size)
        if number % 4 == 0:
            self.add_box(split, number, PUMPKIN, (0.6, 0.95, 0.05, 0.4), group=1)
        self.add_box(split, number, "/m/09dzg", (0.3, 0.4, 0.3, 0.4))

    def add_mask(self, split, number, instance, mid, box, size, data=None):
        name, box_name = image_id(split, number), box_id(split, number, instance)
        member = f"{name}_{mid.replace('/', '')}_{box_name}.png"
        self.masks[split][member] = data or png(size[0] * 3 // 2, size[1] * 3 // 2, box)
        self.add_box(split, number, mid, box)
        corners = ",".join(f"{value:.6f}" for value in box)
        self.mask_rows[split].append(f"{member},{name},{mid},{box_name},{corners},0.84,")

    def add_box(self, split, number, mid, box, group=0):
        corners = ",".join(f"{value:.6g}" for value in box)
        self.boxes[split].append(f"{image_id(split, number)},xclick,{mid},1,{corners},0,0,{group},0,0")

    def author(self, split, number):
        name = image_id(split, number)
        return (
            f"{name},{split},https://example.org/{name}.jpg,https://example.org/{name},"
            f"https://creativecommons.org/licenses/by/2.0/,https://example.org/people/{number},"
            f'Author {number},"A ""big"" one,\nof {number}",1000,abc,,0.0'
        )

    def add_zips(self, split):
        for shard in "0123456789abcdef":
            members = {n: data for n, data in sorted(self.masks[split].items()) if n[0] == shard}
            members |= {f"{shard * 16}_m04yx4_{k:08x}.png": bytes([k]) * 900 for k in range(20)}
            self.put(f"v5/{split}-masks/{split}-masks-{shard}.zip", pack(members, zip64=shard == "0"))

    def ids(self, split, mid=PUMPKIN):
        """Images that have masks of a class."""
        key = f"_{mid.replace('/', '')}_"
        return sorted({name[:16] for name in self.masks[split] if key in name})

    def path_of(self, split, name):
        """The server's path of an image."""
        return f"/{IMAGES}{split}/{name}.jpg"

    def zip_of(self, split, name):
        """The server's path of the zip that holds an image's masks."""
        return f"/{ANNOTATIONS}v5/{split}-masks/{split}-masks-{name[0]}.zip"
