"""Run programs of matterport's time (2017-2019) that use names which packages have removed since.

    python -m mrcnn.legacy program.py ARGS...

runs a program as ``python program.py ARGS...`` would, and supplies what NumPy, SciPy, scikit-image, Keras,
TensorFlow 1, Matplotlib, Pillow, Python and pycocotools provided then. Each replacement that a program uses
is reported in one line on stderr; names that still exist are unchanged. In a notebook, ``import
mrcnn.legacy`` in the first cell does the same. In the root of an old clone, whose own folder mrcnn shadows
this one, both are called pumpkin.legacy.

Each module in this folder covers one package; ``imports`` and ``arguments`` hold the mechanisms. NumPy's
names are in ``mrcnn.supplied``, because MaskRCNN supplies them too.
"""

from mrcnn.legacy import (
    keras,
    matplotlib,
    old_clone,
    pillow,
    pycocotools,
    python,
    scipy,
    skimage,
    tensorflow,
)
from mrcnn.supplied import numpy_names

_PACKAGES = (
    numpy_names, keras, matplotlib, old_clone, pillow, pycocotools, python, scipy, skimage, tensorflow,
)  # fmt: skip

for package in _PACKAGES:
    package.supply()
