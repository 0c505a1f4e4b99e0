"""Reads oom_score_adj (proc(5)), and lends it to what a supervisor starts."""

from __future__ import annotations

import contextlib
import os
from types import TracebackType

from proctracker.linux import libc
from proctracker.linux.textfile import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ContextManager

PATH = "/proc/self/oom_score_adj"
_NOTHING = contextlib.nullcontext()


def read() -> int | None:
    """Return this process' own, or None without /proc."""
    text = text_of(PATH)
    return int(text) if text else None


def lent(wanted: int | None) -> ContextManager[None]:
    """Have ``wanted`` while something is started, which inherits it.

    Everyone may raise it and come back. Where it cannot be lowered (EACCES) the process gets the supervisor's.
    """
    return _NOTHING if wanted is None else _Loan(wanted)


class _Loan:
    """Changes our own for a moment, as posix_spawn(3) cannot set a child's."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._fd = -1
        self._own = b""

    def __enter__(self) -> None:
        try:
            self._fd = _open()
            self._own = os.pread(self._fd, 16, 0)
            os.write(self._fd, b"%d" % self._wanted)
        except OSError:
            self._own = b""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._own:
            os.pwrite(self._fd, self._own, 0)
        if self._fd >= 0:
            os.close(self._fd)


def _open() -> int:
    """Open our own file for writing, which root owns in a process without core dumps."""
    dumpable = libc.prctl(libc.PR_GET_DUMPABLE)
    libc.prctl(libc.PR_SET_DUMPABLE, 1)
    try:
        return os.open(PATH, os.O_RDWR | os.O_CLOEXEC)
    finally:
        if dumpable != 1:
            libc.prctl(libc.PR_SET_DUMPABLE, 0)
