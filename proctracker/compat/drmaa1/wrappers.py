"""Stands for the C library (``drmaa.wrappers``): begins and leaves the session.

The binding's other names there are functions of a C library, which there is not.
"""

from __future__ import annotations

import os

from proctracker.compat.drmaa1 import active, errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def py_drmaa_init(contact: str | bytes | None = None) -> None:
    """Begin the session."""
    active.begin(None if contact is None else os.fsdecode(contact))


def py_drmaa_exit() -> None:
    """Leave the session."""
    active.end()


def drmaa_strerror(code: int) -> bytes:
    """What a number of the C library means."""
    if code == 0:
        return b"success"
    kinds = errors._ERRORS
    return kinds[code - 1].__name__.encode() if 0 < code <= len(kinds) else b"unknown error"


def __getattr__(name: str) -> Any:
    """Say why the C library's functions are missing."""
    raise AttributeError(f"drmaa.wrappers has no {name}: there is no C library, proctracker stands for it")
