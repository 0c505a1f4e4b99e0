"""Waits for jobs to start, to end or to get into a state: who is told of what."""

from __future__ import annotations

from operator import attrgetter

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.store.schema import COLUMNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.jobs import Job
    from proctracker.supervisor.control.guests import Guests
    from proctracker.supervisor.serving.connection import Connection

values = attrgetter(*COLUMNS)
"""A row as the wire has it: a list in the order of the columns."""

PORTION = 1000
"""Rows in one push."""

MOST = 1000
"""Waits that one connection may have open."""

_QUEUED = (int(JobState.QUEUED), int(JobState.QUEUED_HELD))


class Wait:
    """One question: ``states`` None is "started" (or past it) or, with ``ended``, the end."""

    __slots__ = ("all", "connection", "ended", "known", "number", "open", "states")

    def __init__(self, connection: Connection, number: int, ids: Iterable[str], kind: str, all_: bool = False) -> None:
        self.connection, self.number = connection, number
        self.open = set(ids)
        self.all = all_
        self.known: set[str] = set()
        """Jobs that fit already though that is not durable yet, as waits for all can wait."""
        self.ended = kind == "ended"
        self.states: frozenset[int] | None = None
        if kind not in ("ended", "started"):
            try:
                self.states = frozenset(int(JobState[name]) for name in kind.split(","))
            except KeyError as error:
                raise InvalidArgumentException(
                    f"no state {error.args[0]!r}: {' '.join(JobState.__members__)}"
                ) from None

    def fits(self, row: JobRow) -> bool:
        """Return whether nothing more is to be awaited of this job."""
        if row.finished is not None:
            return True
        if self.states is not None:
            return row.state in self.states
        return not self.ended and row.state not in _QUEUED


class Waits:
    """All waits."""

    def __init__(self, here: Here, guests: Guests) -> None:
        self._here, self._guests = here, guests
        self._of: dict[Connection, dict[int, Wait]] = {}
        self._by_job: dict[str, list[Wait]] = {}
        self._pushes: dict[tuple[Connection, int], list[Any]] = {}

    def add(self, connection: Connection, number: int, ids: list[str], kind: str, all_: bool = False) -> None:
        """Begin a wait, for each of these jobs or (``all_``) for all of them together.

        Raises InvalidArgumentException for an id nobody knows.
        """
        mine = self._of.setdefault(connection, {})
        if len(mine) >= MOST:
            raise InvalidArgumentException(f"{MOST} waits are the most on one connection")
        wait = Wait(connection, number, ids, kind, all_)
        here = self._here
        gone = [name for name in ids if self._found(name) is None]
        known = {row.id for row in here.store.jobs(gone)} if gone else set()
        self._guests.take([name for name in gone if name not in known])
        unknown = [name for name in gone if name not in known and self._guests.find(name) is None]
        if unknown:
            raise InvalidArgumentException(f"no job {unknown[0]}")
        mine[number] = wait
        # What is told must be durable, so what has just changed is committed first.
        here.ledger.then(lambda: self._begin(wait, ids))

    def _found(self, name: str) -> Job | None:
        """A live job of ours, or one of another host that a client has asked for."""
        return self._here.jobs.find(name) or self._guests.find(name)

    def _begin(self, wait: Wait, ids: list[str]) -> None:
        here = self._here
        if not wait.connection.open:
            return
        over = here.store.jobs([name for name in ids if self._found(name) is None])
        rows = {row.id: row for row in over}
        for name in dict.fromkeys(ids):
            job = self._found(name)
            row = job.row if job else rows.get(name)
            if row is None:
                self.removed([name])
            elif wait.fits(row):
                self._tell(wait, row)
            else:
                self._by_job.setdefault(name, []).append(wait)
        self.flush()

    def cancel(self, connection: Connection, number: int) -> None:
        """Forget a wait."""
        wait = self._of.get(connection, {}).pop(number, None)
        for name in wait.open if wait else ():
            found = self._by_job.get(name)
            if found and wait in found:
                found.remove(wait)
                if not found:
                    del self._by_job[name]

    def gone(self, connection: Connection) -> None:
        """A client has left."""
        for number in list(self._of.get(connection, ())):
            self.cancel(connection, number)
        self._of.pop(connection, None)

    def wanted(self, row: JobRow) -> bool:
        """Whether somebody waits for what has just become of this job."""
        answered = [wait for wait in self._by_job.get(row.id, ()) if self._last(wait, row)]
        return bool(answered)

    @staticmethod
    def _last(wait: Wait, row: JobRow) -> bool:
        """Whether a wait is answered by this: nothing of it is open beside what fits already."""
        if not wait.fits(row):
            return False
        wait.known.add(row.id)
        return not wait.all or len(wait.known) >= len(wait.open)

    def changed(self, row: JobRow) -> None:
        """A state change is durable."""
        for wait in list(self._by_job.get(row.id, ())):
            if wait.fits(row):
                self._by_job[row.id].remove(wait)
                self._tell(wait, row)
        if row.id in self._by_job and not self._by_job[row.id]:
            del self._by_job[row.id]
        if self._pushes:
            self._here.loop.soon(self.flush)

    def removed(self, ids: Iterable[str]) -> None:
        """Jobs were forgotten while somebody waited: those waits fail."""
        for name in ids:
            for wait in self._by_job.pop(name, ()):
                wait.open.discard(name)
                wait.known.discard(name)
                wait.connection.send(
                    {"push": wait.number, "error": ["InvalidArgumentException", f"job {name} was reaped"]}
                )

    def _tell(self, wait: Wait, row: JobRow) -> None:
        wait.open.discard(row.id)
        wait.known.discard(row.id)
        self._pushes.setdefault((wait.connection, wait.number), []).append(values(row)[: wait.connection.columns])

    def flush(self) -> None:
        """Send what there is to tell."""
        pushes, self._pushes = self._pushes, {}
        for (connection, number), items in pushes.items():
            for at in range(0, len(items), PORTION):
                connection.send({"push": number, "items": items[at : at + PORTION]})
