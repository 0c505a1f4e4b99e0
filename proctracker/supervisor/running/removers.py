"""Recognizes calls by which somebody else removes a container, which end its job."""

from __future__ import annotations

import os

from proctracker import runtimes
from proctracker.linux import procfs
from proctracker.supervisor.base.jobs import engine_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.model import Observation
    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.processes.calls import Calls

_REMOVAL = frozenset((b"rm", b"remove", b"prune", b"delete", b"del"))
"""Words by which the CLIs remove containers."""


def are_at(job: Job, found: Observation, calls: Calls) -> bool:
    """Whether somebody's ``rm -f`` killed a container and is about to remove it."""
    told = runtimes.get(job.row.runtime).tells_removal
    if told or job.ending or found.terminating_signal not in ("SIGKILL", "SIGTERM"):
        return False
    command = os.fsencode(os.path.basename((engine_of(job).command or ("",))[0]))
    for pid in procfs.pids():
        words = procfs.cmdline(pid)
        if words and os.path.basename(words[0]) == command and not _REMOVAL.isdisjoint(words[1:]):
            return not calls.owns(pid)
    return False
