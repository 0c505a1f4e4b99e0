"""Signals to all that a job is: one look at /proc for any number of jobs, repeated while new processes turn up."""

from __future__ import annotations

import os
import signal

from proctracker.supervisor import pidfd, procfs
from proctracker.supervisor.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

ROUNDS = 10
"""Looks at most in one go: each finds what was forked during the last one."""


def members(job: Job, mark: str) -> list[tuple[int, int]]:
    """Everything there is of a plain process' job, or below a container's first process, as (pid, start ticks)."""
    row = job.row
    if row.container is not None:
        stats = procfs.all_stats()
        root = [row.pid] if row.pid in stats else []
        return [(pid, stats[pid].ticks) for pid in sorted({*root, *procfs.tree(root, stats)})]
    return procfs.left_by(mark, row.pid or -1, row.ticks)


def send(found: Iterable[tuple[int, int]], number: int) -> list[tuple[int, int]]:
    """Signal processes, each only if it still is the one that was found; those that were reached."""
    reached = []
    for pid, ticks in found:
        try:
            if pidfd.available():
                fd = pidfd.open(pid)
                try:
                    if _same(pid, ticks):
                        pidfd.send(fd, number)
                        reached.append((pid, ticks))
                finally:
                    os.close(fd)
            elif _same(pid, ticks):
                os.kill(pid, number)
                reached.append((pid, ticks))
        except (ProcessLookupError, PermissionError):
            continue
    return reached


def _same(pid: int, ticks: int) -> bool:
    stat = procfs.stat(pid)
    return stat is not None and stat.ticks == ticks


def signal_all(job: Job, mark: str, number: int) -> int:
    """Signal a job's processes until a look finds no new ones; how many were reached."""
    reached: set[tuple[int, int]] = set()
    for _ in range(ROUNDS):
        fresh = [each for each in members(job, mark) if each not in reached]
        if not fresh:
            break
        sent = send(fresh, number)
        reached.update(sent)
        if len(sent) < len(fresh) or number not in (signal.SIGSTOP, signal.SIGKILL):
            break  # what a handler forks on its way out is its own business until the grace is over
    return len(reached)
