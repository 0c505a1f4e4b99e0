"""Calls functions of the C library that Python does not offer."""

from __future__ import annotations

import ctypes
import os

PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 3, 4, 36
"""Operations of ``prctl`` (linux/prctl.h)."""

KEEP_SIZE, PUNCH_HOLE = 1, 2
"""Modes of ``allocate`` (linux/falloc.h)."""

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *words: int | bytes | bytearray | None) -> int:
    """Call a function that returns an int, or raise OSError below 0, and write into a bytearray."""
    return _checked(getattr(_libc, name)(*map(_argument, words)))


def prctl(operation: int, value: int = 0) -> int:
    """Call prctl(2)."""
    return call("prctl", operation, value, 0, 0, 0)


def allocate(fd: int, mode: int, begin: int, length: int) -> None:
    """Allocate or free blocks of a file (fallocate(2)), or raise OSError."""
    function = getattr(_libc, "fallocate64", None) or _libc.fallocate
    _checked(function(fd, mode, ctypes.c_longlong(begin), ctypes.c_longlong(length)))


def _argument(word: int | bytes | bytearray | None) -> object:
    """Convert a word: an int becomes a register, a bytearray a pointer to its own memory."""
    if isinstance(word, bytearray):
        return (ctypes.c_char * len(word)).from_buffer(word)
    return ctypes.c_long(word) if isinstance(word, int) else word


def _checked(result: int) -> int:
    """Return a result that says success."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
