"""Fetches the images and masks of some classes of Open Images, and little more than these.

``download.run`` is the program behind scripts/download.py. Below it: ``select`` chooses files from the zips'
directories (``zipindex``) or from a lock file (``lock``), ``fetch`` brings them, ``layout`` names them.
"""
