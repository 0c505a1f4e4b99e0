"""How long jobs have run, as far as anybody can know."""

from __future__ import annotations

import os
import time

from proctracker.linux import clock, procfs
from proctracker.model import JobRow, Observation

_OVER = ("lost", "removed")
"""Sub-states of jobs that have ended, nobody knows when."""

_boot: list[str] = []


def wall(row: JobRow, seen: Observation | None = None, now: float | None = None) -> float | None:
    """Return the seconds a job has run, without suspensions, or None if not known.

    ``seen``: what a look has just told of a live job; ``now``: epoch seconds, for what other hosts' jobs have run.
    """
    if row.dispatched is None or row.unseen:
        return None
    if row.running_since is None:
        return row.ran
    if seen is not None and seen.finished is None and (seen.state.ended or seen.sub_state in _OVER):
        return None
    if row.since is None or (row.host and row.host != os.uname().nodename):
        end = seen.finished if seen is not None and seen.finished else time.time() if now is None else now
        return row.ran + max(0.0, end - row.running_since)
    if row.boot != _this_boot():
        return None  # it ended with its boot
    end = clock.boottime() if seen is None or seen.finished is None else clock.at(seen.finished)
    return row.running_time(end)


def _this_boot() -> str:
    """The kernel's id of this boot, read once."""
    if not _boot:
        _boot.append(procfs.boot_id())
    return _boot[0]
