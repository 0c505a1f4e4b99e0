"""Kept output that outgrows its job's ``output_limit``: the middle of the file becomes a hole, the job goes on.

Only a job that writes costs anything. Nothing is done until its file could have reached the limit; from then on the
kernel tells once that it was written to, and once more only after the time the rest of the limit would take.
"""

from __future__ import annotations

import math
import os

from proctracker.linux import clock, holes
from proctracker.linux.inotify import MODIFY, ONESHOT, Inotify
from proctracker.supervisor import log
from proctracker.supervisor.base.jobs import Job, running_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from proctracker.supervisor.service import Core

RATE = 4 * 2**30
"""Bytes a second that nobody writes faster."""

TOGETHER = 1.0
"""Seconds of starts whose files are first looked at in one go."""

AGAIN = 1.0
"""Seconds at least between two looks at a file that grows."""

UNTOLD = 30.0
"""Seconds between looks where the user has no more inotify watches, so that nothing tells of a write."""


class OutputLimits:
    """Watches kept files of running jobs."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._inotify: Inotify | None = None
        self._young: dict[float, list[str]] = {}
        self._watched: dict[int, tuple[Job, str, str]] = {}
        self._watches: dict[str, int] = {}
        self._told = False

    def started(self, job: Job) -> None:
        """A process runs: its files are looked at when they can have reached the limit, those of about the same time together."""
        limit = job.spec.get("output_limit")
        if not limit or (job.row.output and (job.row.error or job.spec.get("join"))):
            return
        due = math.ceil((clock.boottime() + limit / RATE) / TOGETHER) * TOGETHER
        if due not in self._young:
            self._young[due] = []
            self._core.loop.at(due, lambda: self._grown_up(due))
        self._young[due].append(job.row.id)

    def ended(self, job: Job) -> None:
        """A process has ended: a last look, if it can have written so much."""
        limit = job.spec.get("output_limit")
        if not limit or running_time(job.row) < limit / RATE:
            return
        for stream, path in self._files(job):
            job.timer(stream, None)
            watch = self._watches.pop(path, None)
            if watch is not None and self._inotify is not None:
                self._watched.pop(watch, None)
                self._inotify.remove(watch)
            self._used(job, path)

    def _grown_up(self, due: float) -> None:
        for name in self._young.pop(due):
            job = self._core.jobs.find(name)
            if job is not None and job.supervised and job.row.pid:
                for stream, path in self._files(job):
                    self._look(job, stream, path)

    def _files(self, job: Job) -> Iterator[tuple[str, str]]:
        """The files of a job that are ours, by stream."""
        row = job.row
        out, err = self._core.outputs.paths(row, job.spec.get("output_dir"))
        if row.output is None:
            yield "out", out
        if row.error is None and not job.spec.get("join"):
            yield "err", err

    def _look(self, job: Job, stream: str, path: str) -> None:
        """Be told of the next write, and see to what was written before."""
        try:
            if self._inotify is None:
                self._inotify = Inotify()
                self._core.loop.watch(self._inotify.fileno(), self._events)
            watch = self._inotify.add(path, MODIFY | ONESHOT)
        except FileNotFoundError:
            return
        except OSError:
            if self._used(job, path) is not None:
                job.timer(stream, self._core.loop.after(UNTOLD, lambda: self._look(job, stream, path)))
            return
        self._watched[watch] = job, stream, path
        self._watches[path] = watch
        self._used(job, path)

    def _events(self) -> None:
        assert self._inotify is not None
        for event in self._inotify.read():
            found = self._watched.pop(event.watch, None)
            if found is not None:
                del self._watches[found[2]]
                self._wrote(*found)

    def _wrote(self, job: Job, stream: str, path: str) -> None:
        used = self._used(job, path)
        if used is not None:
            wait = max(AGAIN, (int(job.spec["output_limit"]) - used) / RATE)
            job.timer(stream, self._core.loop.after(wait, lambda: self._look(job, stream, path)))

    def _used(self, job: Job, path: str) -> int | None:
        """What a file takes on disk, once it is within the limit; None: it has gone, or no hole can be made in it."""
        limit = int(job.spec["output_limit"])
        try:
            used = os.stat(path, follow_symlinks=False).st_blocks * 512
            return used if used <= limit else holes.punch(path, limit)
        except OSError as error:
            if not self._told and not isinstance(error, FileNotFoundError):
                self._told = True
                log.say(f"output_limit: {path}: {error.strerror}: it is left as it is")
            return None

    def close(self) -> None:
        """Watch nothing any more."""
        if self._inotify is not None:
            self._core.loop.forget(self._inotify.fileno())
            self._inotify.close()
