"""``wait``: until jobs have started or ended, without polling."""

from __future__ import annotations

import select
import sys
import time

from proctracker.cli import ends, formats
from proctracker.cli.access import Access
from proctracker.cli.main import Call
from proctracker.cli.options import UsageError, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.model import JobRow


def wait(call: Call) -> int:
    """Wait for the jobs named, or for all; exit as they did."""
    access = Access(call)
    every = call.flag("all")
    if every == bool(call.words):
        raise UsageError("wait: name jobs, or say --all: proctracker wait ID… | --all")
    timeout = _seconds(call)
    rows = _all(access) if every else access.named(call.words, strict=True)
    if not rows:
        return 0
    try:
        told = _wait(access, rows, timeout)
    except KeyboardInterrupt:
        ends.go_on([row.id for row in rows if not row.ended])
        raise
    if told is None:
        formats.say(f"the time-out of {timeout:g} s is over, the jobs go on")
        return ends.TIMED_OUT
    if call.flag("any"):
        formats.write(f"{told[0].id}\n")
    if every and not call.flag("started"):
        access.client.call("reported", ids=[row.id for row in told])
    if call.flag("started"):
        told = [row for row in told if row.ended and row.dispatched is None]
    return ends.code_of_all(told)


def _seconds(call: Call) -> float | None:
    """The time-out; None: none."""
    given = text(call.values, "timeout")
    if given is None:
        return None
    from proctracker.templates.quantities import duration

    return duration(given, "--timeout")


def _all(access: Access) -> list[JobRow]:
    """The live jobs and the ended ones no ``wait --all`` has told of, but not the job this command is part of."""
    own = access.own_job()
    name = access.session
    rows = access.reader.jobs(session=name, live=True)
    rows += access.reader.jobs(session=name, live=False, unreported=True)
    rows.sort(key=lambda row: (row.num, row.task or 0))
    return [row for row in rows if row.id != own]


def _wait(access: Access, rows: Sequence[JobRow], timeout: float | None) -> list[JobRow] | None:
    """The rows as they are when all fit (with ``--any``: the first that does); None: the time is over."""
    call = access.call
    some, started = call.flag("any"), call.flag("started")
    fit = [row for row in rows if row.ended or (started and not _queued(row))]
    if some and fit:
        return [min(fit, key=lambda row: row.finished or 0.0)]
    if len(fit) == len(rows):
        return list(rows)
    ids = [row.id for row in rows]
    waiting = access.client.waiting(ids, "started" if started else "ended", some)
    count = _Count(access, rows) if len(rows) > 1 and not some and not started and sys.stderr.isatty() else None
    until = None if timeout is None else time.monotonic() + timeout
    try:
        while True:
            left = None if until is None else max(0.0, until - time.monotonic())
            watched = [waiting.fileno(), *([count.fileno()] if count else [])]
            ready = select.select(watched, [], [], left)[0]
            if not ready:
                return None
            if count and watched[-1] in ready:
                count.update()
            found = waiting.receive() if watched[0] in ready else None
            if found is not None:
                return _in_order(rows, found)
    finally:
        waiting.close()
        if count:
            count.close()


def _queued(row: JobRow) -> bool:
    from proctracker.model import JobState

    return JobState(row.state).queued


def _in_order(rows: Sequence[JobRow], found: Sequence[JobRow]) -> list[JobRow]:
    """What was told, in the order asked."""
    by_id = {row.id: row for row in found}
    return [by_id[row.id] for row in rows if row.id in by_id]


class _Count:
    """``12 of 500 ended`` on a terminal, kept up to date."""

    def __init__(self, access: Access, rows: Sequence[JobRow]) -> None:
        self._follow = access.client.follow()
        self._all = len(rows)
        # Read again: what ended before changes were followed is told of by nobody.
        states = access.reader.states([row.id for row in rows])
        self._open = {name for name, (_, _, finished) in states.items() if finished is None}
        self._show()

    def fileno(self) -> int:
        """Readable when a state has changed."""
        return self._follow.fileno()

    def update(self) -> None:
        """Take the changes and show the count."""
        for change in self._follow.receive() or ():
            if ends.is_end(change["state"], change["sub_state"]):
                self._open.discard(change["job_id"])
        self._show()

    def close(self) -> None:
        """Clear the line."""
        self._follow.close()
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    def _show(self) -> None:
        sys.stderr.write(f"\r{self._all - len(self._open)} of {self._all} ended\x1b[K")
        sys.stderr.flush()
