"""What programs of matterport's time (2017-2019) import and has disappeared since.

    python -m mrcnn.legacy program.py ARGS...

runs a program as ``python program.py ARGS...`` would, and supplies what NumPy, SciPy, scikit-image, Keras,
TensorFlow 1, Pillow, Python and pycocotools had then. What a program touches of it is told in one line on
stderr; what still exists is left alone. In a notebook, ``import mrcnn.legacy`` in the first cell does the
same.

Each module beside this one has the things of one package; ``imports`` and ``arguments`` have the ways to
supply them. NumPy's names are supplied by ``mrcnn`` itself.
"""

from mrcnn.legacy import keras, old_clone, pillow, pycocotools, python, scipy, skimage, tensorflow

for package in (keras, old_clone, pillow, pycocotools, python, scipy, skimage, tensorflow):
    package.supply()
