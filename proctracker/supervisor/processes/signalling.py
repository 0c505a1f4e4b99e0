"""Signals all processes of jobs, with one look at /proc, until no new ones turn up."""

from __future__ import annotations

import os
import signal

from proctracker.errors import DeniedByDrmsException
from proctracker.linux import cgroups, pidfd, procfs
from proctracker.records import NamedTuple
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import jobgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Tuple

    Identity = Tuple[int, int]

NONE = 0
"""No signal, which tells who may not be signalled (kill(2))."""

ROUNDS = 10
"""Looks at most in one go: each finds what was forked during the last one."""


class Signalled(NamedTuple):
    """Lists processes that a signal reached, and another user's, as (pid, start ticks)."""

    reached: set[Identity]
    denied: set[Identity]


def members(job: Job, mark: str) -> list[Identity]:
    """Return all of a process' job, or below a container, as (pid, start ticks)."""
    row = job.row
    if row.container is not None:
        stats = procfs.all_stats()
        root = [row.pid] if row.pid in stats else []
        return [(pid, stats[pid].ticks) for pid in sorted({*root, *procfs.tree(root, stats)})]
    found = procfs.family(mark, row.pid or -1, row.ticks)
    known = {pid for pid, _ in found}
    grouped = [pid for pid in cgroups.pids(job.cgroup) if pid not in known] if job.cgroup is not None else []
    return found + [(each.pid, each.ticks) for each in map(procfs.stat, grouped) if each and each.state not in "ZX"]


def send(found: Iterable[Identity], number: int) -> Signalled:
    """Signal processes, each only if it still is the one that was found."""
    told = Signalled(set(), set())
    for pid, ticks in found:
        try:
            if pidfd.available():
                fd = pidfd.open(pid)
                try:
                    if _same(pid, ticks):
                        pidfd.send(fd, number)
                        told.reached.add((pid, ticks))
                finally:
                    os.close(fd)
            elif _same(pid, ticks):
                os.kill(pid, number)
                told.reached.add((pid, ticks))
        except PermissionError:
            told.denied.add((pid, ticks))
        except ProcessLookupError:
            continue
    return told


def _same(pid: int, ticks: int) -> bool:
    stat = procfs.stat(pid)
    return stat is not None and stat.ticks == ticks


def signal_all(job: Job, mark: str, number: int) -> Signalled:
    """Signal a job's processes until a look finds no new ones."""
    told = Signalled(set(), set())
    if number == signal.SIGKILL and job.cgroup is not None and job.row.container is None:
        jobgroups.kill(job.cgroup)
    for _ in range(ROUNDS):
        fresh = [each for each in members(job, mark) if each not in told.reached and each not in told.denied]
        if not fresh:
            break
        sent = send(fresh, number)
        told.reached.update(sent.reached)
        told.denied.update(sent.denied)
        if len(sent.reached) < len(fresh) or number not in (signal.SIGSTOP, signal.SIGKILL):
            break  # what a handler forks on its way out is its own business until the grace is over
    return told


def beyond(job: Job, denied: Iterable[Identity]) -> DeniedByDrmsException:
    """Say whose a job's process has become (sudo, setuid), the first one."""
    pid = min(denied)[0]
    stat = procfs.stat(pid)
    return DeniedByDrmsException(
        f"job {job.row.id}: process {pid} ({stat.comm if stat else 'gone'}) belongs to {_user(procfs.owner(pid))}, and you"
        f" may not signal it: have its owner do that"
    )


def _user(uid: int | None) -> str:
    """A user's name, or the number where it has none."""
    if uid is None:
        return "another user"
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
