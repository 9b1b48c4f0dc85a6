"""Download the images and masks of selected Open Images classes, and little else.

``download.run`` is the program behind scripts/download.py. It uses these modules: ``select`` chooses files
from the directories of the mask zips (``zipindex``), ``lock`` reads and writes lock files, ``fetch``
downloads the files, ``layout`` names them.
"""
