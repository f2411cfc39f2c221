"""``python -m dcmseal``: the command line, where its script is not on the path."""

from __future__ import annotations

import sys

from dcmseal.cli.main import process

if __name__ == "__main__":
    sys.argv[0] = "dcmseal"
    sys.exit(process())
