"""Attempts of a job whose output its engine keeps: each is a container of its own, with a log of its own."""

from __future__ import annotations

import copy
import os

from proctracker.cli import output
from proctracker.model import JobState

_SAVING = 15.0
"""Seconds that saving a log may take."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Sequence

    from proctracker.cli.access import Access
    from proctracker.model import JobRow


def since(access: Access, row: JobRow, shown: int) -> Iterator[JobRow]:
    """The job as it was in each attempt after the first ``shown`` ones, up to the present one if that has begun.

    Of one that is over, output is saved beside the record before its container goes: that is waited for.
    """
    for attempt in range(shown + 1, row.attempt):
        past = copy.copy(row)
        past.attempt, past.container, past.finished = attempt, access.home.container(row.id, attempt), row.submitted
        _appeared(output.kept(access.home, row.id, attempt, "stdout", access.spec(row)))
        past.saved = 1
        yield past
    if row.ended or not JobState(row.state).queued:
        yield row


def _appeared(path: str) -> None:
    """Wait for a file, for a time in which an engine would have given it."""
    if os.path.exists(path):
        return
    import time

    from proctracker.cli.tail import Watch
    from proctracker.supervisor.link import readable

    watch, until = Watch(), time.monotonic() + _SAVING
    while True:
        watch.add(path)
        left = until - time.monotonic()
        if os.path.exists(path) or left < 0:
            return
        step = watch.timeout
        if readable([watch.fileno()], left if step is None else min(left, step)):
            watch.drain()


def logged(access: Access, row: JobRow) -> bool:
    """Whether each attempt's output is with the engine, or was until it was saved."""
    from proctracker.tracker import infos

    seen = copy.copy(row)
    seen.container, seen.saved = access.home.container(row.id, row.attempt), 0
    spec = access.spec(row)
    return bool(spec.get("runtime_containers")) and infos.in_engine(seen, spec)


class Attempts:
    """Tells when attempts of some jobs begin, from now on."""

    def __init__(self, access: Access, ids: Sequence[str]) -> None:
        self._access, self._ids = access, frozenset(ids)
        place = access.place
        self._follows = [place.client(keeper).follow() for keeper in (place.by_keeper(ids) if ids else ())]
        self.fds()

    def fds(self) -> list[int]:
        """What to wait on."""
        return [follow.fileno() for follow in self._follows]

    def begun(self, final: bool = False) -> list[JobRow]:
        """The jobs of which one has begun since the last call; ``final``: nothing may be under way to us."""
        found = set()
        for follow in self._follows:
            if final:
                follow.settle()
            changes = follow.receive()
            found |= {each["job_id"] for each in changes if each["state"] == JobState.RUNNING and each["attempt"] > 1}
        return self._access.reader.jobs(sorted(found & self._ids)) if found else []

    def close(self) -> None:
        """Listen no more."""
        for follow in self._follows:
            follow.close()
        self._follows = []
