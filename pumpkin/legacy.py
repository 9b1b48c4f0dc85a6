"""mrcnn.legacy where a folder mrcnn of an old clone shadows it: in the clone's root, and in notebooks there.

``python -m pumpkin.legacy program.py ARGS...`` is ``python -m mrcnn.legacy program.py ARGS...``, and
``import pumpkin.legacy`` in a notebook's first cell is ``import mrcnn.legacy``.
"""

import sys

from mrcnn.legacy.__main__ import main  # the import of its package supplies the old names

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
