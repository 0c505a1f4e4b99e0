"""The command line: ``proctracker …`` and ``python -m proctracker``."""

from __future__ import annotations

from proctracker.cli.main import main

__all__ = ["main"]
