"""Waits for jobs, of one supervisor or of several together."""

from __future__ import annotations

import time
from datetime import timedelta

from proctracker.client.polling import readable
from proctracker.client.pushes import Wait
from proctracker.errors import Drmaa2Exception, InvalidArgumentException, TimeoutException
from proctracker.model import INFINITE_TIME, JobRow, JobState
from proctracker.model.structs import shown
from proctracker.tracker.place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Iterator, Sequence

_QUEUED = (int(JobState.QUEUED), int(JobState.QUEUED_HELD))
_FOREVER = 2.0**40
"""Seconds beyond which nobody waits, so that sums with clocks stay exact."""
OVER = "the time-out of the wait was reached"


def seconds(timeout: Any) -> float:
    """A time-out as seconds, -1 for none. Raises InvalidArgumentException for what is no time."""
    if timeout is None:
        return INFINITE_TIME
    if isinstance(timeout, timedelta):
        timeout = timeout.total_seconds()
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or timeout != timeout:
        raise InvalidArgumentException(f"timeout: seconds are expected, or INFINITE_TIME, not {timeout!r}")
    if timeout < 0 and timeout != INFINITE_TIME:
        raise InvalidArgumentException(
            f"timeout: {shown(timeout)} is in the past: give seconds, ZERO_TIME or INFINITE_TIME"
        )
    return INFINITE_TIME if timeout >= _FOREVER else timeout


def state(value: Any, what: str) -> JobState:
    """Return a state given as such, by name or by number, or raise InvalidArgumentException."""
    try:
        return JobState[value.upper()] if isinstance(value, str) else JobState(value)
    except (KeyError, ValueError):
        raise InvalidArgumentException(f"{what}: {value!r} is none: {' '.join(JobState.__members__)}") from None


def wait(
    place: Place, ids: Sequence[str], states: str = "ended", any_: bool = False, timeout: float = INFINITE_TIME
) -> list[JobRow]:
    """Block until all jobs, or with ``any_`` the first, are in a state, and return rows.

    Raises TimeoutException, InvalidArgumentException for an id nobody knows, DrmCommunicationException for another
    host's. Interrupting it leaves the jobs alone.
    """
    done = _known(place, ids, states if timeout == 0 else "ended", any_)
    if done:
        return done
    try:
        rows = _asked(place, ids, states, any_, timeout) if timeout else None
    except InvalidArgumentException as error:
        raise place.hosts.elsewhere(ids, "wait") or error from None
    if rows is None:
        raise place.hosts.elsewhere(ids, "wait") or TimeoutException(OVER)
    return rows


def _known(place: Place, ids: Sequence[str], states: str, any_: bool) -> list[JobRow]:
    """Return the rows, if the store has all that is waited for."""
    found = place.reader.states(ids)
    fitting = [name for name in ids if name in found and _fits(found[name][0], found[name][2], states)]
    if not fitting or (len(fitting) < len(ids) and not any_):
        return []
    rows = {row.id: row for row in place.reader.jobs(fitting[:1] if any_ else fitting)}
    return [rows[name] for name in fitting if name in rows] if any_ or len(rows) == len(set(ids)) else []


def _fits(state: int, finished: float | None, states: str) -> bool:
    """Return whether nothing more is to be awaited of a job."""
    if finished is not None or states == "ended":
        return finished is not None
    if states == "started":
        return state not in _QUEUED
    return JobState(state).name in states.split(",")


def _asked(place: Place, ids: Sequence[str], states: str, any_: bool, timeout: float) -> list[JobRow] | None:
    groups = place.by_keeper(ids)
    if len(groups) > 1:
        return _several(place, groups, states, any_, timeout)
    ((keeper, members),) = groups.items()
    return place.client(keeper).wait(members, states, any_, timeout)


def _several(
    place: Place, groups: dict[str | None, list[str]], states: str, any_: bool, timeout: float
) -> list[JobRow] | None:
    with Listening(place, groups, states) as listening:
        until = None if timeout < 0 else time.monotonic() + timeout
        found: list[JobRow] = []
        while listening.open and not (any_ and found):
            left = None if until is None else max(0.0, until - time.monotonic())
            rows = listening.take(left)
            if not rows and left == 0.0:
                return None
            found += rows
        return found


class Listening:
    """Listens to waits of several supervisors, and tells of each job once, as it comes."""

    def __init__(self, place: Place, groups: dict[str | None, list[str]], states: str = "ended") -> None:
        self.open = {name for members in groups.values() for name in members}
        self._waits: list[Wait] = []
        try:
            for keeper, members in groups.items():
                self._waits.append(place.client(keeper).waiting(members, states, True))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Listening:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def filenos(self) -> list[int]:
        """Return what to wait on, which changes after the death of a supervisor."""
        return [wait.fileno() for wait in self._waits]

    def ready(self) -> list[JobRow]:
        """The rows that have come, without blocking."""
        found = [row for wait in self._waits for row in wait.take()]
        self.open.difference_update(row.id for row in found)
        return found

    def take(self, timeout: float | None) -> list[JobRow]:
        """Return the rows that come next, or none after so many seconds (None: never)."""
        found = self.ready()
        if found or not self.open:
            return found
        readable(self.filenos(), timeout)
        return self.ready()

    def close(self) -> None:
        """Await nothing more."""
        for wait in self._waits:
            wait.close()


def over(place: Place, ids: Sequence[str]) -> list[JobRow]:
    """The rows of those jobs that have ended, in that order."""
    return sorted((row for row in place.reader.jobs(ids) if row.ended), key=lambda row: row.finished or 0.0)


def as_ended(place: Place, ids: Sequence[str], until: float | None = None) -> Iterator[JobRow]:
    """Yield the rows of jobs as they end, until ``until`` (time.monotonic())."""
    ended = over(place, ids)
    yield from ended
    live = [*dict.fromkeys(ids).keys() - {row.id for row in ended}]
    if not live:
        return
    try:
        with Listening(place, place.by_keeper(live)) as listening:
            while listening.open:
                left = None if until is None else max(0.0, until - time.monotonic())
                rows = listening.take(left)
                if not rows and left == 0.0:
                    raise TimeoutException(f"{OVER}: {len(listening.open)} of {len(ids)} jobs have not ended")
                yield from rows
    except InvalidArgumentException as error:
        raise place.hosts.elsewhere(ids, "wait") or error from None


def told(place: Place, rows: Iterable[JobRow], noted: bool = False) -> None:
    """Note that somebody was told how these ended, so that ``wait --all`` does not.

    ``noted``: not before the supervisor has noted it, as a command does that is over then and may be followed by such a wait.
    """
    fresh = [row for row in rows if row.ended and not row.reported]
    try:
        if fresh:
            client = place.client_of(fresh)
            (client.call if noted else client.tell)("reported", ids=[row.id for row in fresh])
    except Drmaa2Exception:
        return  # told they are; twice does no harm
