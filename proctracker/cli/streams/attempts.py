"""Follows the attempts of a job whose engine keeps a log for each."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobState
from proctracker.tracker import attempts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, Sequence

    from proctracker.cli.access import Access
    from proctracker.model import JobRow


def wanted(access: Access, row: JobRow, which: str | None) -> list[JobRow]:
    """The job as it was in one attempt, in ``all``, or (None) in the newest that has run.

    A start that failed has a reason to tell, and counts. InvalidArgumentException: there was no such attempt.
    """
    last = attempts.had(row)
    told = last == row.attempt or attempts.never_started(row)
    if which not in (None, "all"):
        return [_one(access, row, int(which or 0), row.attempt if told else last)]
    first = 1 if which else max(1, last)
    found = [past(access, row, attempt) for attempt in range(first, min(last + 1, row.attempt))]
    return [*found, row] if told or not found else found


def _one(access: Access, row: JobRow, attempt: int, last: int) -> JobRow:
    if attempt > last:
        how = f"it has had {last}" if last else "it has not run yet"
        raise InvalidArgumentException(f"job {row.id} has no attempt {attempt}: {how}")
    return row if attempt == row.attempt else past(access, row, attempt)


def past(access: Access, row: JobRow, attempt: int) -> JobRow:
    """The job as it was in an attempt that is over."""
    return attempts.past(row, attempt, access.spec(row), access.home_of(row))


def since(access: Access, row: JobRow, shown: int) -> Iterator[JobRow]:
    """Return the job as it was in each attempt after the first ``shown`` ones."""
    for attempt in range(shown + 1, row.attempt):
        yield past(access, row, attempt)
    if row.ended or not JobState(row.state).queued:
        yield row


def logged(access: Access, row: JobRow) -> bool:
    """Whether each attempt's output is with the engine, or was until it was saved."""
    return attempts.logged(row, access.spec(row), access.home_of(row))


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
        """Return the jobs of which an attempt has begun since the last call."""
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
