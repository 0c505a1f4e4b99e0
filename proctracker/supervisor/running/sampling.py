"""Samples what a container uses, as its control group may vanish with it."""

from __future__ import annotations

from proctracker.linux import cgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.base.loop import Loop

FIRST = 0.05
"""Seconds until the second look, each later one coming after twice the time."""


def begin(loop: Loop, job: Job, look: Callable[[Job], None], delay: float = FIRST) -> None:
    """Look now and ever more seldom, as long as the container runs."""
    look(job)
    job.timer("usage", loop.after(delay, job.now(lambda: begin(loop, job, look, 2 * delay))))


def look(job: Job) -> bool:
    """Record what a container used so far, and return whether the OOM killer struck."""
    if job.cgroup is None:
        return False
    used, row = cgroups.usage(job.cgroup), job.row
    row.cpu = used.cpu if used.cpu is not None else row.cpu
    row.max_rss = used.peak if used.peak is not None else row.max_rss
    return used.oom


def over(job: Job) -> None:
    """The container is watched no more."""
    job.timer("usage", None)
