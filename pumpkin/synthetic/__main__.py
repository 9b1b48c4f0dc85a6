"""``python -m pumpkin.synthetic``: the command ``synthetic``."""

import sys

from pumpkin.commands.synthetic import main

if __name__ == "__main__":
    sys.exit(main())
