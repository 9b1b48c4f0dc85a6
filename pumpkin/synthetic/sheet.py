"""A contact sheet of rendered scenes with the outline of each mask."""

from pathlib import Path

from mrcnn.datasets.class_folders import ClassFolders
from mrcnn.datasets.preview import write_sheet


def contact_sheet(root, split, count, path):
    """Write a PNG of ``count`` images of ``<root>/<split>/pumpkin``, spread over all, with outlined masks.

    Raises ValueError where the folder holds no image.
    """
    folder = Path(root) / split / "pumpkin"
    if not any(folder.glob("*.jpg")):
        raise ValueError(f"{folder} holds no .jpg image; a contact sheet needs at least one.")
    scenes = ClassFolders()
    scenes.load_split(root, split, ["pumpkin"])
    scenes.prepare()
    write_sheet({split: scenes}, None, path, count)
