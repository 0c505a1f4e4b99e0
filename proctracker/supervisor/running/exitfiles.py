"""Reads how a container ended from files that the process above it writes."""

from __future__ import annotations

import os
from collections.abc import Callable

from proctracker import runtimes
from proctracker.linux import procfs
from proctracker.linux.inotify import APPEARS
from proctracker.model import Observation, ended
from proctracker.runtimes.base import Monitor
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.files import Files, Watched
    from proctracker.supervisor.base.loop import Loop

PATIENCE = 1.0
"""Seconds within which an exit must be written down before the engine is asked."""

Then = Callable[["Observation | None"], None]


def monitor(job: Job) -> Monitor | None:
    """The files in which the end of a job's container will be told, if there are such."""
    process = procfs.stat(job.row.pid or 0)
    if process is None:
        return None
    argv = [os.fsdecode(word) for word in procfs.cmdline(process.ppid)]
    return runtimes.get(job.row.runtime).monitor(argv, job.spec["template"].get("implementation_specific") or {})


class ExitFiles:
    """Reads the files of exited containers, watching the directory of a missing one."""

    def __init__(self, loop: Loop, files: Files) -> None:
        self._loop, self._files = loop, files
        self._waiting: dict[str, Watched] = {}

    def ask(self, job: Job, then: Then) -> None:
        """Report how a job's container ended, or None."""
        told = job.monitor
        if told is None:
            then(None)
            return
        folder, name = os.path.split(told.status)

        def look(changed: str) -> None:
            seen = read(told) if changed in (name, "") else None
            if seen is not None:
                answer(seen)

        def answer(seen: Observation | None) -> None:
            self.forget(job)
            job.timer("look", None)
            then(seen)

        self.forget(job)
        try:
            # Ended with the answer: other containers of the user end there, too, and nothing is to wake us that is not ours.
            self._waiting[job.row.id] = self._files.watch(folder, APPEARS, look)
        except OSError:
            then(read(told))
            return
        job.timer("look", self._loop.after(PATIENCE, lambda: answer(None)))
        look(name)

    def forget(self, job: Job) -> None:
        """Wait no longer: its end is known otherwise."""
        self._files.forget(self._waiting.pop(job.row.id, None))


def read(told: Monitor) -> Observation | None:
    """Read what is written down, or return None."""
    try:
        with open(told.status, encoding="ascii") as file:
            text, when = file.read().strip(), os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    if not text.isdecimal() or any(map(os.path.exists, told.unless)):
        return None
    return ended(int(text), oom=any(map(os.path.exists, told.oom)), finished=when)
