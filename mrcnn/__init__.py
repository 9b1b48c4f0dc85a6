"""Mask R-CNN on Keras 3, under the names of matterport's library.

Importing it also gives NumPy's lost names back (``np.int``, ``np.sctypes``), for programs of matterport's
time and for imgaug; see ``mrcnn.legacy`` for what else such programs may miss.
"""

from mrcnn.supplied import numpy_names

numpy_names.supply()
