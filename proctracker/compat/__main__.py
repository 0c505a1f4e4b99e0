"""Runs a program with ``import drmaa`` answered by ours: ``python -m proctracker.compat``."""

from __future__ import annotations

import sys

from proctracker.compat.launch import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
