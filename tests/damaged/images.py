"""Images, mask files and crowd files."""

import contextlib

import numpy as np
from PIL import Image


def write_photographs(root):
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x9286] = 6, "a photograph", b"a comment"
    for name in ("a.jpg", "b.png", "c.webp", "d.tif"):
        image.save(root / name, exif=exif)
    image.quantize(9).save(root / "e.gif")
    image.convert("CMYK").save(root / "f.jpg", exif=exif)
    Image.fromarray(pixels[:, :, 0].astype(np.uint16) * 257).save(root / "g.png")
    return sorted(root.iterdir())


def read_photographs(root):
    from mrcnn.datasets.images import read_image, read_size

    for path in sorted(root.iterdir()):
        assert read_image(path, apply_exif=True).shape[:2] == read_size(path, apply_exif=True)


def write_videos(root):
    import cv2

    for name, codec in (("a.mp4", "mp4v"), ("b.avi", "MJPG"), ("c.mkv", "FFV1")):
        writer = cv2.VideoWriter(
            str(root / name), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*codec), 10, (64, 48)
        )
        for number in range(6):
            writer.write(np.full((48, 64, 3), 30 * number, np.uint8))
        writer.release()
    return sorted(root.iterdir())


def read_videos(root):
    from mrcnn.detection.clips import CutShort
    from mrcnn.detection.videos import frames
    from mrcnn.startup import quiet_videos

    quiet_videos()
    for path in sorted(root.iterdir()):
        with contextlib.suppress(CutShort):
            for image in frames(path):
                assert image.dtype == np.uint8 and image.shape[2] == 3


def write_masks(root):
    mask = np.zeros((30, 40), np.uint8)
    mask[5:20, 9:30] = 255
    Image.fromarray(mask).save(root / "a.png")
    Image.fromarray(mask).convert("1").save(root / "b.png")
    Image.merge("LA", [Image.new("L", (40, 30), 255), Image.fromarray(mask)]).save(root / "c.png")
    Image.fromarray(mask).convert("P").save(root / "d.png")
    Image.fromarray(mask).save(root / "e.jpg", quality=70)
    Image.fromarray((mask > 0).astype(np.uint16) * 3).save(root / "f.tif")
    return sorted(root.iterdir())


def read_masks(root):
    from mrcnn.datasets.images import read_labels, read_mask

    for path in sorted(root.iterdir()):
        read_mask(path)
        if path.name in ("b.png", "d.png", "f.tif"):
            read_labels(path)


def write_crowds(root):
    (root / "a.csv").write_text("XMin,XMax,YMin,YMax\n0.1,0.4,0.2,0.6\n0.5,0.9,0.5,0.9\n")
    return [root / "a.csv"]


def read_crowds(root):
    from mrcnn.datasets.crowds import read_crowds

    list(read_crowds(root / "a.csv", (30, 40)))
