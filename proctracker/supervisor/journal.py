"""What must outlive a killed supervisor before it is in the store: open starts and reaped ends, in a memfd."""

from __future__ import annotations

import fcntl
import os

from proctracker.model.records import NamedTuple


class End(NamedTuple):
    """A reaped process: status as of waitid(2) (exit code, or minus the signal), seconds and KiB used (None: unread)."""

    pid: int
    ticks: int
    status: int
    time: float
    cpu: float | None = None
    max_rss: int | None = None


class Start(NamedTuple):
    """A start that was begun; ``pid`` is None where the process that began it did not live to say."""

    id: str
    attempt: int
    time: float
    pid: int | None = None
    ticks: int | None = None


class Journal:
    """An append-only memfd of short lines. One write(2) a line: a line is there whole or not at all."""

    def __init__(self, fd: int | None = None) -> None:
        self.fd = os.memfd_create("proctracker", os.MFD_CLOEXEC) if fd is None else fd
        # Keeper and supervisor share one offset: without this a line written while the other clears lies after a hole.
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)

    def opened(self, job_id: str, attempt: int, now: float) -> None:
        """A start is about to be made."""
        os.write(self.fd, b"O %b %d %.6f\n" % (job_id.encode("ascii"), attempt, now))

    def started(self, pid: int, ticks: int) -> None:
        """The start opened last became this process; 0: it failed and its error is about to be recorded."""
        os.write(self.fd, b"P %d %d\n" % (pid, ticks))

    def ended(self, pid: int, ticks: int, status: int, now: float) -> None:
        """A process has ended; to be written before it is reaped."""
        os.write(self.fd, b"R %d %d %d %.6f\n" % (pid, ticks, status, now))

    def used(self, pid: int, cpu: float, max_rss: int) -> None:
        """What the process that ended last had used; to be written once it was reaped."""
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
                starts.append(Start(words[0].decode("ascii"), int(words[1]), float(words[2])))
            elif kind == b"P":
                starts[-1] = starts[-1]._replace(pid=int(words[0]), ticks=int(words[1]))
            elif kind == b"R":
                ends.append(End(int(words[0]), int(words[1]), int(words[2]), float(words[3])))
            elif ends and ends[-1].pid == int(words[0]):
                ends[-1] = ends[-1]._replace(cpu=float(words[1]), max_rss=int(words[2]))
        return starts, ends
