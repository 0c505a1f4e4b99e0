"""Keeps open starts and reaped exits in a memfd, for the supervisor after a killed one."""

from __future__ import annotations

import fcntl
import os
import time

from proctracker.linux import clock, procfs
from proctracker.records import NamedTuple

SET = 0.5
"""Seconds that a clock which was set has moved at least, not adjusted by a time server."""


class End(NamedTuple):
    """Records a reaped process: waitid(2)'s status, seconds and KiB used (None: unread).

    ``time``: the epoch second of its end as the clock was set when that was read.
    """

    pid: int
    ticks: int
    status: int
    time: float
    cpu: float | None = None
    max_rss: int | None = None


class Start(NamedTuple):
    """Records a start that was begun, ``pid`` being None where nobody lived to record it.

    ``born`` and ``after``: its process is not older than these clock ticks since boot, and has a pid that was given out
    later than that one (0: written by a release that does not say). ``home``: the uuid in its mark.
    """

    id: str
    attempt: int
    time: float
    pid: int | None = None
    ticks: int | None = None
    born: int = 0
    after: int = 0
    home: str = ""


class Opening:
    """Opens a start in the journal, until its pid is recorded (0: no process was made)."""

    def __init__(self, journal: Journal | None = None, job_id: str = "", attempt: int = 0, home: str = "") -> None:
        self._journal, self._names = journal, (job_id, attempt, home)
        self.time = 0.0
        self.pid = 0

    def __enter__(self) -> None:
        self.time = time.time()
        job_id, attempt, home = self._names
        if self._journal:
            self._journal.opened(job_id, attempt, self.time, home)

    def __exit__(self, *error: object) -> None:
        if self._journal:
            self._journal.started(self.pid, 0)


class Journal:
    """Appends short lines to a memfd, one write(2) a line, so that each is whole or missing."""

    def __init__(self, fd: int | None = None) -> None:
        self.fd = os.memfd_create("proctracker", os.MFD_CLOEXEC) if fd is None else fd
        # Keeper and supervisor share one offset: without this a line written while the other clears lies after a hole.
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)

    def opened(self, job_id: str, attempt: int, now: float, home: str = "") -> None:
        """Record that the next process which this one forks is a start's."""
        born = int(time.clock_gettime(time.CLOCK_BOOTTIME) * procfs.clock_ticks)
        words = (job_id.encode("ascii"), attempt, now, born, procfs.last_pid(), home.encode("ascii"))
        os.write(self.fd, b"O %b %d %.6f %d %d %b\n" % words)

    def started(self, pid: int, ticks: int) -> None:
        """Record the process of the start opened last, 0 for none."""
        os.write(self.fd, b"P %d %d\n" % (pid, ticks))

    def ended(self, pid: int, ticks: int, status: int, now: float) -> None:
        """Record an exit before it is reaped, with the boot's begin as the clock is now."""
        os.write(self.fd, b"R %d %d %d %.6f %.6f\n" % (pid, ticks, status, now, clock.since(0.0)))

    def used(self, pid: int, cpu: float, max_rss: int) -> None:
        """Record what the process that exited last had used, after it was reaped."""
        os.write(self.fd, b"U %d %.6f %d\n" % (pid, cpu, max_rss))

    def clear(self) -> None:
        """Everything written is in the store."""
        os.ftruncate(self.fd, 0)

    def read(self) -> tuple[list[Start], list[End]]:
        """All starts and ends, oldest first."""
        starts: list[Start] = []
        ends: list[End] = []
        text = os.pread(self.fd, os.fstat(self.fd).st_size, 0)
        for line in text[: text.rfind(b"\n") + 1].splitlines():
            kind, *words = line.split()
            if kind == b"O":
                starts.append(_start(words))
            elif kind == b"P":
                starts[-1] = starts[-1]._replace(pid=int(words[0]), ticks=int(words[1]))
            elif kind == b"R":
                ends.append(End(int(words[0]), int(words[1]), int(words[2]), _when(words[3:])))
            elif ends and ends[-1].pid == int(words[0]):
                ends[-1] = ends[-1]._replace(cpu=float(words[1]), max_rss=int(words[2]))
        return starts, ends


def _when(words: list[bytes]) -> float:
    """The time of an end as the clock is set now, where it has been set since it was put down."""
    when = float(words[0])
    moved = clock.since(0.0) - float(words[1]) if len(words) > 1 else 0.0
    return when + moved if abs(moved) > SET else when


def _start(words: list[bytes]) -> Start:
    """A start as this or an older release put it down."""
    begun = Start(words[0].decode("ascii"), int(words[1]), float(words[2]))
    if len(words) < 5:
        return begun
    home = words[5].decode("ascii") if len(words) > 5 else ""
    return begun._replace(born=int(words[3]), after=int(words[4]), home=home)
