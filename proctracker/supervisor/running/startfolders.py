"""Makes private directories of container starts, secrets going with the call."""

from __future__ import annotations

import os
from contextlib import suppress

from proctracker import runtimes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.model import JobRow
    from proctracker.store import Home, Store
    from proctracker.supervisor.base.jobs import Job

GIVEN = ("env", "labels", "out", "err", "conmon")
"""Names of the files that a launch has written for its call."""


OOM = "oom"
"""What conmon makes in its working directory when the OOM killer strikes (cgroup v1)."""


class StartFolders:
    """One directory an attempt, ``<id>.<attempt>``."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def path(self, row: JobRow, attempt: int | None = None) -> str:
        """The directory of a job's attempt, or (None) of its present one, for us alone to open."""
        return os.path.join(self._home.at(self._home.starts), f"{row.id}.{attempt or row.attempt}")

    def struck(self, row: JobRow) -> bool:
        """Return whether the OOM killer struck a job's present attempt, by its monitor."""
        try:
            return os.path.exists(os.path.join(self.path(row), OOM))
        except OSError:
            return False  # the state directory was removed

    def over(self, job: Job) -> None:
        """Remove that of an attempt which is over."""
        self.drop(job.row)

    def drop(self, row: JobRow) -> None:
        """Remove it: the attempt is over."""
        runtime = runtimes.get(row.runtime)
        if runtime.containers or runtime.batch is not None:
            with suppress(OSError):  # the state directory was removed
                _remove(self.path(row))

    def drop_given(self, row: JobRow, attempt: int | None = None) -> None:
        """Remove what the call was given, which may hold secrets: the call is over."""
        for name in GIVEN:
            try:
                os.unlink(os.path.join(self.path(row, attempt), name))
            except OSError:
                continue

    def tidy(self, store: Store, key: str) -> None:
        """Remove what killed supervisors left of attempts that are over or unknown."""
        try:
            root = self._home.at(self._home.starts)
            names = os.listdir(root)
        except OSError:
            return
        rows = store.jobs([_job(name) for name in names if _job(name)])
        live = {f"{row.id}.{row.attempt}" for row in rows if not row.ended and (row.dispatched or row.keeper != key)}
        for name in names:
            if name not in live:
                _remove(os.path.join(root, name))


def _job(name: str) -> str:
    """Return the job whose directory that is, or nothing."""
    job, _, attempt = name.rpartition(".")
    return job if attempt.isdecimal() and job.replace("_", "", 1).isdecimal() else ""


def _remove(folder: str) -> None:
    """Remove a directory and all in it, as far as that can be done."""
    for place, folders, names in os.walk(folder, topdown=False):
        for call, each in [*((os.unlink, name) for name in names), *((_rmdir, name) for name in folders)]:
            try:
                call(os.path.join(place, each))
            except OSError:
                continue
    try:
        os.rmdir(folder)
    except OSError:
        return


def _rmdir(path: str) -> None:
    """Remove an empty directory, or a link to one."""
    if os.path.islink(path):
        os.unlink(path)
    else:
        os.rmdir(path)
