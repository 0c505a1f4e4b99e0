"""Tracks the states of one session's jobs, by the store and by looks."""

from __future__ import annotations

import time

from proctracker.errors import Drmaa2Exception
from proctracker.model import JobRow, JobState, Observation
from proctracker.tracker import looks, reasons, schedulers
from proctracker.tracker.looks import Looks, Seen
from proctracker.tracker.place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

TRUSTED = 0.05
"""Seconds for which the end of a job is believed, as jobs are reaped."""

_PREFETCH_REST = 20.0
"""A read of all states is not repeated within so many times what it took."""

_STATES = {int(state): state for state in JobState}


class Track:
    """Knows a session's jobs, for one process.

    ``ended`` and ``until`` are for Job.get_state alone.
    """

    def __init__(self, place: Place, session: str) -> None:
        self.place, self.session = place, session
        self.ended: dict[str, tuple[JobState, str | None]] = {}
        self.until = 0.0
        self.looks = Looks(place.reader)
        self._mark: Any = None
        self._looked_at: Any = None
        self._rest = 0.0

    def forget(self, job_id: str | None = None) -> None:
        """A job was acted on, or reaped."""
        self.looks.forget()
        if job_id is not None:
            self.ended.pop(job_id, None)

    def forget_all(self) -> None:
        """The session was destroyed."""
        self.ended.clear()
        self.until = 0.0
        self.looks.forget()

    def state(self, job_id: str) -> tuple[JobState, str | None]:
        """A job's state and sub-state. Raises InvalidArgumentException for an id nobody knows."""
        self._validate()
        found = self.ended.get(job_id)
        if found is None and self._prefetch():
            found = self.ended.get(job_id)
        if found is not None:
            return found
        unchanged = self.looks.known(job_id) if self._looked_at == self._mark else None
        row, seen = unchanged or self.seen(job_id)
        if row.finished is not None:
            return _STATES[row.state], row.sub_state
        if seen is not None:
            return seen.state, seen.sub_state
        if row.sub_state is None and _STATES[row.state].queued:
            (row,) = reasons.explained([row], self.place.hosts.of(row.host), self.place.config())
        return _STATES[row.state], row.sub_state

    def _validate(self) -> None:
        """Forget what is known if anything was written since."""
        now = time.monotonic()
        mark = self.place.reader.mark()
        if mark != self._mark:
            if now >= self.until:
                self.ended.clear()
            self._mark = mark
        if now >= self.until:
            self.until = now + TRUSTED

    def _prefetch(self) -> bool:
        """Read the states of all jobs of the session, unless that was just done."""
        began = time.monotonic()
        if began < self._rest:
            return False
        states = self.place.reader.session_states(self.session)
        self.ended = {name: (_STATES[it[0]], it[1]) for name, it in states.items() if it[2] is not None}
        ended = time.monotonic()
        self._rest = ended + _PREFETCH_REST * (ended - began)
        return True

    def seen(self, job_id: str) -> tuple[JobRow, Observation | None]:
        """A job's row, and what a look at it says that the row does not."""
        (row,) = self.place.refreshed([self.place.hosts.row(job_id)])
        reader = self.place.hosts.of(row.host)
        if schedulers.handed_over(row):
            return row, None
        if row.finished is not None or reader is not self.place.reader:
            return row, None
        known = self.looks.known(job_id)
        if known is not None and (known.row.state, known.row.attempt) == (row.state, row.attempt):
            return row, known.observation
        if row.container is None:
            return row, looks.look([row], reader).get(row.id)
        return self._looked(row)

    def _looked(self, row: JobRow) -> tuple[JobRow, Observation | None]:
        """A live container: it and all the others of the session are looked at in one go."""
        self._looked_at = self._mark
        live = self.place.reader.jobs(session=row.session, live=True)
        rows = [each for each in live if each.container is not None and not schedulers.handed_over(each)]
        if all(each.id != row.id for each in rows):
            return self.place.hosts.row(row.id), None
        seen = self.looks.at(rows, self.place.config().cli_timeout)
        self.tell(list(seen.values()))
        found = seen[row.id]
        if found.observation is not None and found.observation.state.ended:
            return self.settled(row, found.observation)
        return found

    def settled(self, row: JobRow, seen: Observation) -> tuple[JobRow, Observation | None]:
        """Wait for the supervisor to record the end of a container that was seen."""
        from proctracker.wire import election

        if election.holders(self.place.home.run, row.keeper):
            rows = self.place.client(row.keeper).wait([row.id], "ended", timeout=1.0)
            if rows:
                return rows[0], None
        return row, seen

    def tell(self, seen: list[Seen]) -> None:
        """Hint a running supervisor at what is not as it has it."""
        other: dict[str, list[str]] = {}
        names = set(looks.differing(seen))
        for each in seen:
            if each.row.id in names:
                other.setdefault(each.row.keeper, []).append(each.row.id)
        for keeper, ids in other.items():
            try:
                self.place.client(keeper).ask("look", ids=ids)
            except Drmaa2Exception:
                continue  # it was a hint


def track_of(place: Place, session: str) -> Track:
    """What is known of a session's jobs, once in each process."""
    found = place.tracks.get(session)
    if found is None:
        found = place.tracks[session] = Track(place, session)
    return found
