"""What outlives every process of ours: sessions, jobs and how they ended, in SQLite below the state directory."""

from __future__ import annotations

from proctracker.store.paths import Home, home_path
from proctracker.store.reader import ArrayRow, Reader, SessionRow, TransitionRow
from proctracker.store.writer import Store

__all__ = ["ArrayRow", "Home", "Reader", "SessionRow", "Store", "TransitionRow", "home_path"]
