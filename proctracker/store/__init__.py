"""Keeps sessions, jobs and how they ended in SQLite below the state directory."""

from __future__ import annotations

from proctracker.store.paths import Home, home_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.store.reader import Reader
    from proctracker.store.rows import ArrayRow, SessionRow, TransitionRow
    from proctracker.store.writer import Store

__all__ = ["ArrayRow", "Home", "Reader", "SessionRow", "Store", "TransitionRow", "home_path"]

_WHERE = {"ArrayRow": "rows", "Reader": "reader", "SessionRow": "rows", "Store": "writer", "TransitionRow": "rows"}


def __getattr__(name: str) -> object:
    """Import a name when it is first used, as clients that need no SQLite do without it."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
