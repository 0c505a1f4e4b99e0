"""Finds the process that an open start became, by what the kernel knows of children."""

from __future__ import annotations

import os
import time

from proctracker.linux import procfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from proctracker.supervisor.base.journal import End, Start

_PLACE = slice(-4, -1)
"""Where a supervisor's command line names its state directory, host and key."""


def find(start: Start, parent: int, ends: Iterable[End] = ()) -> tuple[int, int]:
    """Return the pid and start ticks of what was spawned, or (0, 0).

    To be asked by, or of, the process that the killed one's children came to. A supervisor forks one process at a time, so
    this is the first that was born after the start was opened: what the job itself forked since is younger, however long
    it lives. ``ends``: reaped ones that may be it.
    """
    born, since = _born(start), _Since(start)
    stats = (each for each in procfs.all_stats().values() if each.ppid == parent)
    found = [(each.pid, each.ticks) for each in stats if _fits(each, start, born)]
    found += [(end.pid, end.ticks) for end in ends if end.ticks >= born and end.time >= start.time]
    young = [each for each in found if each[1] > born + 1 or since.given(each[0])]
    return min(young, key=since.age, default=(0, 0))


class _Since:
    """Orders processes by birth, within a tick by their pids, which go round and round."""

    def __init__(self, start: Start) -> None:
        self._after, self._round = start.after, procfs.pid_max()

    def _distance(self, pid: int) -> int:
        return (pid - self._after - 1) % self._round

    def given(self, pid: int) -> bool:
        """Whether a pid was given out after the start was opened, if it was about then."""
        return not self._after or self._distance(pid) < self._round // 2

    def age(self, each: tuple[int, int]) -> tuple[int, int]:
        """A key by which the older one comes first."""
        pid, ticks = each
        return (self._distance(pid), ticks) if self._after else (ticks, pid)


def _born(start: Start) -> int:
    """Clock ticks since boot that its process has at least."""
    if start.born:
        return start.born
    ago = time.time() - start.time
    return int((time.clock_gettime(time.CLOCK_BOOTTIME) - ago) * procfs.clock_ticks) - 1


def _fits(each: procfs.Stat, start: Start, born: int) -> bool:
    """Return whether a child may be it: young, a session's leader, and no other job's."""
    if each.pid == os.getpid() or each.ticks < born:
        return False
    if _between(each.pid):
        return True
    now = procfs.stat(each.pid)  # after that: what was between fork and exec at the first look leads its session by now
    if now is None or now.ticks != each.ticks or now.session != now.pid:
        return False
    if now.state in "ZX":
        return True
    environ = procfs.environ(each.pid)
    mark = (environ or {}).get(procfs.MARK)
    if mark is None:
        return True  # an engine's command, or one whose environment may not be read
    home, _, name = os.fsdecode(mark).partition("/")
    return name == f"{start.id}/{start.attempt}" and start.home in ("", home)


def _between(pid: int) -> bool:
    """Whether a process is between fork and exec: still the image of a supervisor of our seat."""
    words = procfs.cmdline(pid)
    return bool(words) and words[_PLACE] == procfs.cmdline(os.getpid())[_PLACE]
