"""Reads attempts of a job that are over, each with output of its own."""

from __future__ import annotations

import copy
import os
import time

from proctracker.linux import netfs
from proctracker.model import JobRow
from proctracker.store import Home
from proctracker.tracker import infos

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_SAVING = 15.0
"""Seconds that saving a log may take."""

_NETWORK_LOOK = 0.2
"""Seconds between looks at a file on a network, which inotify is not told of."""

_NO_START = (125, 126, 127)


def never_started(row: JobRow) -> bool:
    """Whether a job's command was never executed."""
    return row.ended and bool(row.annotation) and row.exit_status in _NO_START


def had(row: JobRow) -> int:
    """How many attempts of a job have run, or run."""
    return row.attempt if row.dispatched is not None and not never_started(row) else row.attempt - 1


def past(row: JobRow, attempt: int, spec: Mapping[str, Any], home: Home) -> JobRow:
    """Return the job as it was in a past attempt, its output saved."""
    found = copy.copy(row)
    found.attempt, found.container, found.container_id = attempt, home.container(row.id, attempt), None
    found.finished = row.submitted if row.finished is None else row.finished
    found.exit_status = found.annotation = None
    if logged(row, spec, home):
        appeared(home.kept(row.id, attempt, "out", spec.get("output_dir")))
        found.saved = 1
    return found


def logged(row: JobRow, spec: Mapping[str, Any], home: Home) -> bool:
    """Whether each attempt's output is with the engine, or was until it was saved."""
    seen = copy.copy(row)
    seen.container, seen.saved = home.container(row.id, row.attempt), 0
    return bool(spec.get("runtime_containers")) and infos.in_engine(seen, spec)


def appeared(path: str) -> None:
    """Wait for a file, for a time in which an engine would have given it."""
    if os.path.exists(path):
        return
    from proctracker.client.polling import readable
    from proctracker.linux.inotify import APPEARS, Inotify

    folder, until, inotify = os.path.dirname(path), time.monotonic() + _SAVING, Inotify()
    step = _NETWORK_LOOK if netfs.file_system(folder) else _SAVING
    try:
        inotify.add(folder, APPEARS)
    except OSError:
        step = _NETWORK_LOOK
    while not os.path.exists(path):
        left = until - time.monotonic()
        if left <= 0:
            break
        if readable([inotify.fileno()], min(left, step)):
            inotify.read()
    inotify.close()
