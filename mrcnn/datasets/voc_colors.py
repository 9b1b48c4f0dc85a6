"""The palette of Pascal VOC, and the names of classes in data sets of its form."""

import numpy as np

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import opened

VOC_NAMES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip
VOID = 255
_NO_CLASS = ("background", "_background_", "__ignore__", "void", "ignore")
_OTHER = 1 << 24  # added to a colour that is not in the palette, so that it is no index


def color_of(index):
    """Return the colour (r, g, b) of an index: its bits, spread over the three channels from the top."""
    color = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            color[channel] |= ((index >> (3 * place + channel)) & 1) << (7 - place)
    return tuple(color)


def _packed(colors):
    colors = np.asarray(colors, np.int32)
    return (colors[..., 0] << 16) | (colors[..., 1] << 8) | colors[..., 2]


_INDEX_OF = {int(_packed(color_of(index))): index for index in range(256)}


def read_codes(path, by_color=False):
    """Read a picture of instances or classes as [H, W] int32: indices into VOC's palette.

    by_color: look at the colours of the file's own palette instead of its indices. Colours that are not VOC's
    have codes of their own, equal to those of ``code_of``. Raises ImageError.
    """
    with opened(path) as image:
        if image.mode in ("L", "1") or (image.mode == "P" and not by_color):
            return np.asarray(image).astype(np.int32)
        packed = _packed(np.asarray(image.convert("RGBA"))[..., :3])
    values, places = np.unique(packed, return_inverse=True)
    codes = np.array([_INDEX_OF.get(int(value), int(value) + _OTHER) for value in values], np.int32)
    return codes[places].reshape(packed.shape)


def code_of(color):
    """Return the code of a colour (r, g, b), see ``read_codes``."""
    packed = int(_packed(color))
    return _INDEX_OF.get(packed, packed + _OTHER)


def read_names(home):
    """Return {code: name} of a data set's classes without the background, and whether codes are colours.

    home: its folder. CVAT writes labelmap.txt with colours, labelme class_names.txt with a name a line.
    Raises DatasetError for a file that is not in this form.
    """
    path = home / "labelmap.txt"
    if path.is_file():
        rows = [line.split(":") for line in _lines(path) if not line.startswith("#")]
        return dict(_name_of_color(row, path) for row in rows if row[0].lower() not in _NO_CLASS), True
    path = home / "class_names.txt"
    if not path.is_file():
        return dict(enumerate(VOC_NAMES, start=1)), False
    names = [name for name in _lines(path) if name.lower() != "__ignore__"]
    first = 0 if names and names[0].lower() in _NO_CLASS else 1
    return {i: name for i, name in enumerate(names, start=first) if name.lower() not in _NO_CLASS}, False


def _name_of_color(row, path):
    try:
        color = [int(value) for value in row[1].split(",")]
        if len(color) == 3 and all(0 <= value <= 255 for value in color):
            return code_of(color), row[0]
    except (IndexError, ValueError):
        pass
    raise DatasetError(f"{path}: expected lines name:r,g,b::, got {':'.join(row)!r:.80}.")


def _lines(path):
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: is not UTF-8 text; save the file as UTF-8.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
