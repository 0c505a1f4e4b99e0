"""Cuts kept output at ``output_limit``, by a hole in the middle of the file.

Only a job that writes costs anything. Nothing is done until its file could have reached the limit; from then on the
kernel tells once that it was written to, and once more only after the time the rest of the limit would take.
"""

from __future__ import annotations

import math
import os

from proctracker.linux import clock, holes
from proctracker.linux.inotify import MODIFY, ONESHOT
from proctracker.supervisor import log
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from proctracker.supervisor.base.files import Watched
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.running.outputs import Outputs

RATE = 4 * 2**30
"""Bytes a second that nobody writes faster."""

TOGETHER = 1.0
"""Seconds of starts whose files are first looked at in one go."""

AGAIN = 1.0
"""Seconds at least between two looks at a file that grows."""

UNTOLD = 30.0
"""Seconds between looks where the user has no inotify watches left."""


class OutputLimits:
    """Watches kept files of running jobs."""

    def __init__(self, here: Here, outputs: Outputs) -> None:
        self._here, self._outputs = here, outputs
        self._young: dict[float, list[str]] = {}
        self._watched: dict[str, Watched] = {}
        self._told = False

    def started(self, job: Job) -> None:
        """Look at a process' files when they can have reached the limit."""
        limit = job.spec.get("output_limit")
        if not limit or (job.row.output and (job.row.error or job.spec.get("join"))):
            return
        due = math.ceil((clock.boottime() + limit / RATE) / TOGETHER) * TOGETHER
        if due not in self._young:
            self._young[due] = []
            self._here.loop.at(due, lambda: self._grown_up(due))
        self._young[due].append(job.row.id)

    def ended(self, job: Job) -> None:
        """A process has ended: a last look, if it can have written so much."""
        limit = job.spec.get("output_limit")
        if not limit or job.row.running_time(clock.boottime()) < limit / RATE:
            return
        for stream, path in self._files(job):
            job.timer(stream, None)
            self._here.files.forget(self._watched.pop(path, None))
            self._used(job, path)

    def _grown_up(self, due: float) -> None:
        for name in self._young.pop(due):
            job = self._here.jobs.find(name)
            if job is not None and job.supervised and job.row.pid:
                for stream, path in self._files(job):
                    self._look(job, stream, path)

    def _files(self, job: Job) -> Iterator[tuple[str, str]]:
        """The files of a job that are ours, by stream."""
        row = job.row
        out, err = self._outputs.paths(row, job.spec.get("output_dir"))
        if row.output is None:
            yield "out", out
        if row.error is None and not job.spec.get("join"):
            yield "err", err

    def _look(self, job: Job, stream: str, path: str) -> None:
        """Be told of the next write, and see to what was written before."""
        try:
            watched = self._here.files.watch(path, MODIFY | ONESHOT, lambda name: self._wrote(job, stream, path))
        except FileNotFoundError:
            return
        except OSError:
            if self._used(job, path) is not None:
                job.timer(stream, self._here.loop.after(UNTOLD, lambda: self._look(job, stream, path)))
            return
        self._watched[path] = watched
        self._used(job, path)

    def _wrote(self, job: Job, stream: str, path: str) -> None:
        self._watched.pop(path, None)
        used = self._used(job, path)
        if used is not None:
            wait = max(AGAIN, (int(job.spec["output_limit"]) - used) / RATE)
            job.timer(stream, self._here.loop.after(wait, lambda: self._look(job, stream, path)))

    def _used(self, job: Job, path: str) -> int | None:
        """Return what a file takes on disk within the limit, or None."""
        limit = int(job.spec["output_limit"])
        try:
            used = os.stat(path, follow_symlinks=False).st_blocks * 512
            return used if used <= limit else holes.punch(path, limit)
        except OSError as error:
            if not self._told and not isinstance(error, FileNotFoundError):
                self._told = True
                log.say(f"output_limit: {path}: {error.strerror}: it is left as it is")
            return None
