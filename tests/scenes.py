"""Small data sets for tests: bright rectangles on noise, in memory and as folders of Open Images."""

import numpy as np
from PIL import Image

from mrcnn.datasets.dataset import Dataset


def rectangles(height, width, count, seed=0):
    """An image [height, width, 3] uint8 and the masks [height, width, count] of its rectangles."""
    rng = np.random.default_rng([seed, height, width])
    image = rng.integers(0, 60, (height, width, 3), dtype=np.uint8)
    masks = np.zeros((height, width, count), bool)
    for i in range(count):
        y, x = rng.integers(0, height // 2), rng.integers(0, width // 2)
        masks[y : y + height // 3, x : x + width // 3, i] = True
        image[masks[:, :, i]] = rng.integers(150, 256, 3)
    return image, masks


class Rectangles(Dataset):
    """One image for each number in ``instances``, of that many rectangles of classes 1 and 2 in turn."""

    def __init__(self, instances=(2, 1, 0, 3, 1), shape=(50, 70)):
        super().__init__()
        self.add_class("shapes", 1, "dull")
        self.add_class("shapes", 2, "bright")
        for number, count in enumerate(instances):
            self.add_image("shapes", f"image{number}", f"image{number}.png", count=count, shape=shape)
        self.prepare()

    def load_image(self, image_id):
        info = self.image_info[image_id]
        return rectangles(*info["shape"], info["count"], seed=image_id)[0]

    def load_mask(self, image_id):
        info = self.image_info[image_id]
        masks = rectangles(*info["shape"], info["count"], seed=image_id)[1]
        return masks, np.arange(info["count"], dtype=np.int32) % 2 + 1


def write_image(folder, image_id, pixels, masks=(), mid="m05zsy"):
    """An image and its masks [H, W, N] in the downloader's layout; returns the image's path."""
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / f"{image_id}.png")
    for i in range(masks.shape[2] if len(masks) else 0):
        Image.fromarray(masks[:, :, i]).save(folder / "masks" / f"{image_id}_{mid}_{i:08x}.png")
    return folder / f"{image_id}.png"


def write_dataset(root, train=3, val=2, shape=(64, 64), name="pumpkin"):
    """A folder of Open Images with one class and two splits, each image with one or two rectangles."""
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            image, masks = rectangles(*shape, 1 + number % 2, seed=number + 100 * (split == "val"))
            write_image(root / split / name, f"{split}{number:02}", image, masks)
    return root
