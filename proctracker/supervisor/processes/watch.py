"""Processes that are no children of ours: their ends are told by descriptors, and how they ended where the kernel says it."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from proctracker.linux import clock, pidfd, procfs
from proctracker.supervisor.base.journal import End

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.service import Core

    Then = Callable[[End | None, float | None], None]

LOOK = 1.0
"""Seconds between looks where there are no process descriptors."""

UNREAPED = 5.0
"""Seconds within which a zombie's parent reaps it, whose code may be read only then."""

AGAIN = 0.02
"""Seconds between questions until that."""


class Afar:
    """Watches processes of former supervisors whose parent is the keeper, or nobody of us.

    A descriptor from before its end outlives the process, so it is had early: a keeper that dies may have been the last who
    would have reaped it.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._held = core.seat.held
        self._watched: set[int] = set()

    def hold(self, pid: int, ticks: int) -> int | None:
        """Have a descriptor of a process as long as we or our successors run, or None; whether it lives or not."""
        if not pidfd.available():
            return None
        fd = self._held.get((pid, ticks))
        if fd is None:
            try:
                fd = pidfd.open(pid)
            except OSError:
                return None  # it has gone, or there are no descriptors left
            if not alive(pid, ticks):
                os.close(fd)
                return None
            self._held[pid, ticks] = fd
        return fd

    def drop(self, pid: int, ticks: int) -> None:
        """How it ended is known."""
        fd = self._held.pop((pid, ticks), None)
        if fd is not None:
            if fd in self._watched:
                self._watched.discard(fd)
                self._core.loop.forget(fd)
            os.close(fd)

    def kill(self, pid: int, ticks: int, number: int) -> None:
        """Send a signal to a call of a former supervisor, and to what it started."""
        fd = self._held.get((pid, ticks))
        if fd is not None and alive(pid, ticks):
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
            with suppress(ProcessLookupError):
                pidfd.send(fd, number)

    def watch(self, pid: int, ticks: int, then: Then) -> None:
        """Make a call once a process has ended, with its end where that can be known, and when, where that was seen."""
        fd = self.hold(pid, ticks)
        if fd is not None:
            self._watched.add(fd)
            self._core.loop.watch(fd, lambda: self._ended(fd, pid, ticks, then))
        elif alive(pid, ticks):
            self._core.loop.after(LOOK, lambda: self.watch(pid, ticks, then))
        else:
            self._core.loop.soon(lambda: then(None, None))

    def _ended(self, fd: int, pid: int, ticks: int, then: Then) -> None:
        self._watched.discard(fd)
        self._core.loop.forget(fd)
        self._tell(fd, pid, ticks, then, time.time(), clock.boottime() + UNREAPED)

    def _tell(self, fd: int, pid: int, ticks: int, then: Then, when: float, until: float) -> None:
        """Tell how it ended, as soon as either its remains or, once it was reaped, its descriptor says so."""
        if self._held.get((pid, ticks)) != fd:
            return
        status = procfs.wait_status(pid, ticks)
        status = pidfd.wait_status(fd) if status is None else status
        there = procfs.stat(pid)
        if status is None and there is not None and there.ticks == ticks and clock.boottime() < until:
            self._core.loop.after(AGAIN, lambda: self._tell(fd, pid, ticks, then, when, until))
            return
        self.drop(pid, ticks)
        if status is None:
            then(None, when)
            return
        code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        then(End(pid, ticks, code, when), when)


def alive(pid: int, ticks: int | None) -> bool:
    """Whether a process runs that started at that time; a zombie does not."""
    found = procfs.stat(pid)
    return found is not None and found.ticks == ticks and found.state not in "ZX"
