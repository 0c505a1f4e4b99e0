"""``python -m proctracker.compat gridengine|drmaa1 PROGRAM [ARG…]``: runs a program, ``import drmaa`` answered by ours."""

from __future__ import annotations

import sys

from proctracker.compat.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
