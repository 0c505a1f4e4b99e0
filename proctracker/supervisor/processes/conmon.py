"""Ends of podman's containers where there are no process descriptors: conmon, which stands above each, is our child there.

Of the engines' monitors it alone both ends with its container and was started below us: containerd's shims are children
of init or containerd, and stay until the task is deleted.
"""

from __future__ import annotations

import os

from proctracker.linux import pidfd, procfs
from proctracker.supervisor.keeper import become_subreaper
from proctracker.supervisor.processes.watch import alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.service import Core


class Monitors:
    """Knows whose monitor a child is. Those of a former supervisor are the keeper's children, and never known here."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._jobs: dict[int, tuple[Job, int, int | None]] = {}
        if not pidfd.available():
            become_subreaper()  # else orphans, as each conmon is one, go to the keeper

    def watch(self, job: Job) -> None:
        """Be told by its monitor's end when a container has ended, where it has a monitor that is ours."""
        row = job.row
        process = procfs.stat(row.pid or 0)
        monitor = procfs.stat(process.ppid) if process is not None and process.ticks == row.ticks else None
        if process is not None and monitor is not None and monitor.ppid == os.getpid():
            self._jobs[monitor.pid] = job, process.pid, row.ticks

    def ended(self, pid: int) -> bool:
        """A child has ended; whether it was a monitor."""
        found = self._jobs.pop(pid, None)
        if found is None:
            return False
        job, process, ticks = found
        if (job.row.pid, job.row.ticks) == (process, ticks) and not alive(process, ticks):
            self._core.containers.gone(job)
        return True
