"""How containers ended, where what stands above each writes it down: known at once, without a call of the engine's CLI."""

from __future__ import annotations

import os
from collections.abc import Callable

from proctracker import runtimes
from proctracker.linux import procfs
from proctracker.linux.inotify import APPEARS, OVERFLOW, Inotify
from proctracker.model import Observation, ended
from proctracker.runtimes.base import Monitor
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.service import Core

PATIENCE = 1.0
"""Seconds from a process' end within which it must be written down; then the engine is asked."""

Then = Callable[["Observation | None"], None]


def monitor(job: Job) -> Monitor | None:
    """The files in which the end of a job's container will be told, if there are such."""
    process = procfs.stat(job.row.pid or 0)
    if process is None:
        return None
    argv = [os.fsdecode(word) for word in procfs.cmdline(process.ppid)]
    return runtimes.get(job.row.runtime).monitor(argv, job.spec["template"].get("implementation_specific") or {})


class ExitFiles:
    """Reads the files of containers whose process has ended; directories are watched while one is not there yet."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._inotify: Inotify | None = None
        self._folders: dict[str, int] = {}
        self._waiting: dict[int, dict[str, tuple[Job, Monitor, Then]]] = {}

    def ask(self, job: Job, then: Then) -> None:
        """Tell how its container ended; None: nobody has written it down."""
        told = job.monitor
        if told is None:
            then(None)
            return
        folder, name = os.path.split(told.status)
        try:
            watch = self._watch(folder)
        except OSError:
            then(read(told))
            return
        self._waiting.setdefault(watch, {})[name] = job, told, then
        job.timer("look", self._core.loop.after(PATIENCE, lambda: self._answer(watch, name, None)))
        self._try(watch, name)

    def _watch(self, folder: str) -> int:
        if self._inotify is None:
            self._inotify = Inotify()
            self._core.loop.watch(self._inotify.fileno(), self._events)
        if folder not in self._folders:
            self._folders[folder] = self._inotify.add(folder, APPEARS)
        return self._folders[folder]

    def _events(self) -> None:
        for event in self._inotify.read() if self._inotify else ():
            if event.mask & OVERFLOW:
                for watch, names in list(self._waiting.items()):
                    for name in list(names):
                        self._try(watch, name)
            else:
                self._try(event.watch, event.name)

    def _try(self, watch: int, name: str) -> None:
        found = self._waiting.get(watch, {}).get(name)
        seen = read(found[1]) if found else None
        if seen is not None:
            self._answer(watch, name, seen)

    def _answer(self, watch: int, name: str, seen: Observation | None) -> None:
        job, then = self._take(watch, name)
        job.timer("look", None)
        then(seen)

    def _take(self, watch: int, name: str) -> tuple[Job, Then]:
        job, _, then = self._waiting[watch].pop(name)
        if not self._waiting[watch] and self._inotify is not None:
            # Other containers of the same user end there, too: nothing is to wake us that is not ours.
            del self._waiting[watch]
            self._inotify.remove(watch)
            self._folders = {folder: each for folder, each in self._folders.items() if each != watch}
        return job, then

    def forget(self, job: Job) -> None:
        """Its end is known otherwise."""
        found = [
            (watch, name) for watch, names in self._waiting.items() for name, each in names.items() if each[0] is job
        ]
        for watch, name in found:
            self._take(watch, name)

    def close(self) -> None:
        """Watch nothing any more."""
        if self._inotify is not None:
            self._core.loop.forget(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None


def read(told: Monitor) -> Observation | None:
    """What is written down; None: nothing yet."""
    try:
        with open(told.status, encoding="ascii") as file:
            text, when = file.read().strip(), os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    if not text.isdecimal() or any(map(os.path.exists, told.unless)):
        return None
    return ended(int(text), oom=any(map(os.path.exists, told.oom)), finished=when)
