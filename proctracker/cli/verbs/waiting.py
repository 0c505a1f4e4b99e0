"""``wait``: until jobs have started or ended, without polling."""

from __future__ import annotations

import sys
import time

from proctracker.cli import ends, formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.model import JobRow


def wait(call: Call) -> int:
    """Wait for the jobs named, or for all, and exit as they did."""
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
        formats.say(f"the time-out of {timeout:g} s is over")
        return ends.TIMED_OUT
    if call.flag("any"):
        formats.write(f"{told[0].id}\n")
    if call.flag("started"):
        told = [row for row in told if row.ended and row.dispatched is None]
    code = ends.code_of_all(told, every)
    access.told(told)
    return code


def _seconds(call: Call) -> float | None:
    """Return the time-out, or None."""
    given = text(call.values, "timeout")
    if given is None:
        return None
    from proctracker.templates.quantities import duration

    return duration(given, "--timeout")


def _all(access: Access) -> list[JobRow]:
    """Return the live jobs, and ended ones not told of, but not this command's own."""
    own = access.own_job()
    name = access.session
    found = {row.id: row for row in access.reader.jobs(session=name, live=True)}
    # In this order none is missed, and one that ends in between is the ended one.
    found.update((row.id, row) for row in access.reader.jobs(session=name, live=False, unreported=True))
    found.pop(own or "", None)
    return sorted(found.values(), key=lambda row: (row.num, row.task or 0))


def _wait(access: Access, rows: Sequence[JobRow], timeout: float | None) -> list[JobRow] | None:
    """Return the rows when all fit, or with ``--any`` one, or None after the time-out."""
    some, started = access.call.flag("any"), access.call.flag("started")
    found = {row.id: row for row in rows if row.ended or (started and not _queued(row))}
    if some and found:
        return [min(found.values(), key=lambda row: row.finished or 0.0)]
    missing = [row.id for row in rows if row.id not in found]
    if not missing:
        return list(rows)
    from proctracker.tracker.waits import Listening

    count = _Count(len(rows), "started" if started else "ended")
    place = access.place
    listening = Listening(place, place.by_keeper(missing), "started" if started else "ended")
    until = None if timeout is None else time.monotonic() + timeout
    try:
        while listening.open:
            count.show(len(found))
            left = None if until is None else max(0.0, until - time.monotonic())
            came = listening.take(left)
            if came and some:
                return came[:1]
            if not came and left == 0:
                return None
            found.update({row.id: row for row in came})
        return [found[row.id] for row in rows]
    finally:
        listening.close()
        count.clear()


def _queued(row: JobRow) -> bool:
    from proctracker.model import JobState

    return JobState(row.state).queued


class _Count:
    """Shows ``12 of 500 ended, about 3:20 left`` on stderr where that is a terminal."""

    def __init__(self, whole: int, word: str) -> None:
        self._whole, self._word = whole, word
        self._shows = whole > 1 and sys.stderr.isatty()
        self._first: tuple[int, float] | None = None
        """How many had ended when we began to look, and when that was."""

    def show(self, number: int) -> None:
        """Show it."""
        line = f"{number} of {self._whole} {self._word}{self._rest(number)}"
        width = formats.terminal_width(sys.stderr) if self._shows else None
        self._write(f"\r{line[: width - 1] if width else line}\x1b[K")  # of a longer one only the last row is cleared

    def _rest(self, number: int) -> str:
        """Estimate how long the rest takes if it goes on as it went since we look."""
        self._first = self._first or (number, time.monotonic())
        before, since = self._first
        if number == before or number == self._whole:
            return ""
        left = (time.monotonic() - since) / (number - before) * (self._whole - number)
        return f", about {formats.duration(left)} left"

    def clear(self) -> None:
        """Clear the line."""
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self._shows:
            sys.stderr.write(text)
            sys.stderr.flush()
