"""Render scenes, train on them, and outline the pumpkins. --help lists the options."""

import os
import sys

# Modules of a clone are found, not installed ones; and not the files beside this one, such as inspect.py.
sys.path.pop(0)
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from pumpkin.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["demo", *sys.argv[1:]]))
