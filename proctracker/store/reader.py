"""Reads the store for everybody but its writer, from any thread, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence

from proctracker.model import JobRow
from proctracker.store.current import Current
from proctracker.store.paths import Home
from proctracker.store.rows import (
    ALL,
    ARRAY,
    CHUNK,
    UNSET,
    ArrayRow,
    SessionRow,
    TransitionRow,
    array_row,
    id_of,
    keys,
    marks,
)
from proctracker.store.selection import CONDITIONAL, CONTEXT, TAKEN, clause, criteria, picked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SPECS = 1000
"""Parsed specs remembered, as one of an array of thousands is asked for again and again."""


class Reader:
    """Reads a home's database, which may not be there yet: then there are no jobs.

    Opens with the first question, and again in a forked child or when the file was replaced. Pickles. Raises
    Drmaa2Exception only; DeniedByDrmsException for a state directory that is not safe.
    """

    def __init__(self, home: Home) -> None:
        self.home = home
        self._specs: dict[int, dict[str, Any]] = {}
        self._current = Current(home, self._specs.clear)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Reader, (self.home,))

    def jobs(
        self,
        ids: Sequence[str] | None = None,
        *,
        session: str | None = None,
        states: Sequence[int] | None = None,
        live: bool | None = None,
        array: int | None = None,
        limit: int | None = None,
        unreported: bool = False,
        name: str | None = None,
    ) -> list[JobRow]:
        """Return the jobs that match all that is given, ordered by number and task.

        ``states``: JobState values; ``live``: not ended, or (False) ended; ``limit``: the newest so many.
        """
        where, values = criteria(session, states, live, array, unreported, name)
        return [JobRow(*row) for row in self._select(ALL, ids, where, values, limit)]

    def ids(
        self,
        *,
        session: str | None = None,
        states: Sequence[int] | None = None,
        live: bool | None = None,
        array: int | None = None,
        limit: int | None = None,
        unreported: bool = False,
    ) -> list[str]:
        """The ids alone, as ``jobs`` would give: a tenth of the time."""
        where, values = criteria(session, states, live, array, unreported)
        return [row[0] for row in self._select("id", None, where, values, limit)]

    def picked(self, session: str | None, terms: Sequence[str], values: Sequence[Any]) -> list[str]:
        """Return the ids of jobs that a filter's terms pick, ordered."""
        where, given = criteria(session, None, None, None, False)
        return [row[0] for row in self._select("id", None, [*where, *terms], [*given, *values], None)]

    def states(self, ids: Sequence[str]) -> dict[str, tuple[int, str | None, float | None]]:
        """Return state, sub-state and end of jobs by id, in the order asked."""
        return {row[0]: row[1:] for row in self._columns("state, sub_state, finished", ids)}

    def keepers(self, ids: Sequence[str]) -> dict[str, str]:
        """The supervisor of each job that has not ended, by id."""
        return {name: keeper for name, keeper, end in self._columns("keeper, finished", ids) if end is None}

    def _columns(self, columns: str, ids: Sequence[str]) -> list[Any]:
        """Return each job's id and these columns, in the order asked, without unknown ids."""
        if len(ids) > CHUNK:
            numbers = keys(ids)
            low, high = min(numbers, default=0), max(numbers, default=0)
            between = "WHERE key BETWEEN ? AND ?"
            if sum(row[0] for row in self._current.rows(f"SELECT count(*) FROM jobs {between}", (low, high))) < 4 * len(
                ids
            ):
                return picked(self._current.rows(f"SELECT id, {columns} FROM jobs {between}", (low, high)), ids)
        return picked(self._select(f"id, {columns}", ids, [], [], None), ids)

    def session_states(self, session: str) -> dict[str, tuple[int, str | None, float | None]]:
        """State, sub-state and end of all jobs of a session, by id."""
        rows = self._current.rows("SELECT id, state, sub_state, finished FROM jobs WHERE session=?", (session,))
        return {row[0]: row[1:] for row in rows}

    def mark(self) -> tuple[Any, ...]:
        """Return a value that changes with every commit, within microseconds."""
        return self._current.mark()

    def array(self, num: int) -> ArrayRow | None:
        """An array by its number."""
        found = self._current.rows(ARRAY, (num,))
        return array_row(found[0]) if found else None

    def sessions(self) -> list[SessionRow]:
        """All sessions by name."""
        found = self._current.rows("SELECT name, contact, max_running, created FROM sessions ORDER BY name")
        return [SessionRow(*row) for row in found]

    def session(self, name: str) -> SessionRow | None:
        """A session by name."""
        found = self._current.rows("SELECT name, contact, max_running, created FROM sessions WHERE name=?", (name,))
        return SessionRow(*found[0]) if found else None

    def spec(self, number: int) -> dict[str, Any]:
        """Return what a job was to be, or an empty mapping, which is shared and not to be changed."""
        spec = self._specs.get(number)
        if spec is None:
            found = self._current.rows("SELECT json FROM specs WHERE id=?", (number,))
            spec = {**UNSET, **json.loads(found[0][0])} if found else {}
            if len(self._specs) >= SPECS:
                self._specs.clear()
            if found:
                self._specs[number] = spec
        return spec

    def spec_context(self, number: int) -> str:
        """Return the key of the context a spec was submitted with, or nothing."""
        found = self._current.rows("SELECT context FROM specs WHERE id=?", (number,))
        return str(found[0][0]) if found else ""

    def conditional(self) -> set[int]:
        """The specs of queued jobs that have a dependency or a start time."""
        return {row[0] for row in self._current.rows(CONDITIONAL)}

    def slots_taken(self) -> list[tuple[str, int, int | None, int]]:
        """Return session, number, task and slots of each job that was started and has not ended."""
        return self._current.rows(TAKEN)

    def context(self, key: str) -> dict[str, Any] | None:
        """Return a submitter's surroundings, without ``env`` once that was dropped, or None."""
        found = self._current.rows(CONTEXT, (key,))
        return json.loads(found[0][0]) if found else None

    def transitions(
        self, ids: Sequence[str] | None = None, session: str | None = None, after_seq: int = 0
    ) -> list[TransitionRow]:
        """Return the state changes after a sequence number, oldest first."""
        statement = "SELECT seq, job, attempt, time, state, sub_state FROM transitions WHERE seq>?"
        values: list[Any] = [after_seq]
        if session is not None:
            statement += " AND job IN (SELECT key FROM jobs WHERE session=?)"
            values.append(session)
        wanted = None if ids is None else keys(ids)
        if wanted is not None and len(wanted) <= CHUNK:
            statement += f" AND job IN {marks(len(wanted))}"
            values += wanted
        rows = self._current.rows(f"{statement} ORDER BY seq", values)
        if wanted is not None and len(wanted) > CHUNK:
            those = set(wanted)
            rows = [row for row in rows if row[1] in those]
        return [TransitionRow(seq, id_of(job), *rest) for seq, job, *rest in rows]

    def counts(self, session: str | None = None) -> dict[str, dict[int, int]]:
        """How many jobs there are: by session, then by state."""
        where, values = ("", ()) if session is None else (" WHERE session=?", (session,))
        found: dict[str, dict[int, int]] = {}
        for name, state, count in self._current.rows(
            f"SELECT session, state, count(*) FROM jobs{where} GROUP BY session, state", values
        ):
            found.setdefault(name, {})[state] = count
        return found

    def live_count(self) -> int:
        """How many jobs have not ended."""
        return int((self._current.rows("SELECT count(*) FROM jobs WHERE finished IS NULL") or [(0,)])[0][0])

    def live_elsewhere(self) -> int:
        """How many live jobs the other hosts that share this home have."""
        count = 0
        for other in self.home.others():
            reader = Reader(other)
            count += reader.live_count()
            reader.close()
        return count

    def close(self) -> None:
        """Close the file, which the next question opens again."""
        self._current.close()

    def _select(
        self, columns: str, ids: Sequence[str] | None, where: list[str], values: list[Any], limit: int | None
    ) -> list[Any]:
        """Select columns of matching jobs, ids in portions, as a statement takes 999 parameters."""
        wanted = None if ids is None else sorted(set(keys(ids)))
        last = "" if limit is None else f" DESC LIMIT {max(0, limit)}"
        if wanted is None:
            found = self._current.rows(f"SELECT {columns} FROM jobs{clause(where)} ORDER BY key{last}", values)
            return found[::-1] if last else found
        found = []
        for at in range(0, len(wanted), CHUNK):
            part = wanted[at : at + CHUNK]
            terms = clause([*where, f"key IN {marks(len(part))}"])
            found += self._current.rows(f"SELECT {columns} FROM jobs{terms} ORDER BY key", [*values, *part])
        return found if limit is None else found[max(0, len(found) - limit) :]
