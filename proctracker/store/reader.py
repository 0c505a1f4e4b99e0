"""The store as everybody else reads it: read only, makes nothing, fast for ten thousand jobs."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any, NamedTuple, Sequence

from proctracker.model import JobRow
from proctracker.store import netfs, schema
from proctracker.store.paths import Home
from proctracker.store.writer import connect, said

_ALL = ", ".join(schema.COLUMNS)
_CHUNK = 900


class SessionRow(NamedTuple):
    """A session."""

    name: str
    contact: str
    max_running: int
    created: float


class ArrayRow(NamedTuple):
    """An array: the indices of its tasks, how many may run at once (0: all)."""

    num: int
    session: str
    spec: int
    indices: list[int]
    max_parallel: int


class TransitionRow(NamedTuple):
    """A state change."""

    seq: int
    job: str
    attempt: int
    time: float
    state: int
    sub_state: str | None


class Reader:
    """Reads a home's database, which may not be there yet: then there are no jobs."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._pid = 0
        self._specs: dict[int, dict[str, Any]] = {}

    def jobs(
        self,
        ids: Sequence[str] | None = None,
        *,
        session: str | None = None,
        live: bool | None = None,
        states: Sequence[int] | None = None,
        array: int | None = None,
        unreported: bool = False,
    ) -> list[JobRow]:
        """Jobs that fit all that is given, in the order of their numbers; with ``ids`` in that order, unknown left out."""
        where, values = _where(session=session, live=live, states=states, array=array, unreported=unreported)
        if ids is None:
            return self._jobs(f"{where} ORDER BY num, task", values)
        found = {row.id: row for row in self._in(ids, lambda part: self._jobs(_and(where, part), [*values, *part]))}
        return [found[each] for each in ids if each in found]

    def states(self, ids: Sequence[str]) -> dict[str, tuple[int, str | None, float | None]]:
        """State, sub-state and end of jobs, by id; unknown ones are left out."""
        rows = self._in(
            ids, lambda part: self._rows(_and("SELECT id, state, sub_state, finished FROM jobs", part), part)
        )
        return {row[0]: row[1:] for row in rows}

    def array(self, num: int) -> ArrayRow | None:
        """An array by its number."""
        found = self._rows("SELECT num, session, spec, indices, max_parallel FROM arrays WHERE num=?", (num,))
        if not found:
            return None
        number, name, spec, indices, max_parallel = found[0]
        return ArrayRow(number, name, spec, json.loads(indices), max_parallel)

    def arrays(self, session: str | None = None) -> list[int]:
        """Numbers of all arrays, or a session's."""
        where = " WHERE session=?" if session else ""
        rows = self._rows(f"SELECT num FROM arrays{where} ORDER BY num", (session,) if session else ())
        return [row[0] for row in rows]

    def sessions(self) -> list[SessionRow]:
        """All sessions by name."""
        return [SessionRow(*row) for row in self._rows("SELECT name, contact, max_running, created FROM sessions ORDER BY name")]

    def session(self, name: str) -> SessionRow | None:
        """A session by name."""
        found = self._rows("SELECT name, contact, max_running, created FROM sessions WHERE name=?", (name,))
        return SessionRow(*found[0]) if found else None

    def spec(self, number: int) -> dict[str, Any]:
        """What a job was to be; empty if it is no longer known."""
        if number not in self._specs:
            found = self._rows("SELECT json FROM specs WHERE id=?", (number,))
            if len(self._specs) > 10000:
                self._specs.clear()
            self._specs[number] = json.loads(found[0][0]) if found else {}
        return self._specs[number]

    def transitions(self, *, ids: Sequence[str] | None = None, after: int = 0) -> list[TransitionRow]:
        """State changes later than a sequence number, oldest first."""
        statement = "SELECT seq, job, attempt, time, state, sub_state FROM transitions WHERE seq>?"
        if ids is None:
            return [TransitionRow(*row) for row in self._rows(statement + " ORDER BY seq", (after,))]
        rows = self._in(
            ids, lambda part: self._rows(f"{statement} AND job IN ({','.join('?' * len(part))})", [after, *part])
        )
        return sorted(TransitionRow(*row) for row in rows)

    def live_elsewhere(self) -> int:
        """How many live jobs the other hosts that share this home have."""
        return sum(len(Reader(other).jobs(live=True)) for other in self.other_hosts())

    def other_hosts(self) -> list[Home]:
        """The other hosts that have state in this home."""
        try:
            names = sorted(os.listdir(self.home.path))
        except OSError:
            return []
        homes = [Home(self.home.path, name) for name in names if name != self.home.host]
        return [home for home in homes if os.path.exists(home.database)]

    def close(self) -> None:
        """Close the file; the next question opens it again."""
        if self._db is not None and self._pid == os.getpid():
            self._db.close()
        self._db = None

    def _jobs(self, where: str, values: Sequence[Any]) -> list[JobRow]:
        return [JobRow(*row) for row in self._rows(f"SELECT {_ALL} FROM jobs{where}", values)]

    def _in(self, ids: Sequence[str], ask: Any) -> list[Any]:
        """Ask in portions: a statement takes 999 parameters."""
        found: list[Any] = []
        for start in range(0, len(ids), _CHUNK):
            found += ask(list(ids[start : start + _CHUNK]))
        return found

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            db = self._open()
            return db.execute(statement, values).fetchall() if db is not None else []
        except sqlite3.Error as error:
            raise said(error, self.home.database) from None

    def _open(self) -> sqlite3.Connection | None:
        """The connection; a new one in a forked child, or where the file is another by now."""
        try:
            inode = os.stat(self.home.database).st_ino
        except OSError:
            return None
        if self._db is None or inode != self._inode or self._pid != os.getpid():
            self.home.check()
            network = netfs.file_system(self.home.here) is not None
            locks = not network or netfs.locks_work(self.home.here)
            # WAL readers need to write the shared memory file, so not mode=ro; query_only keeps us from the rest.
            db = connect(self.home.database, network=network, locks=locks)
            db.execute("PRAGMA query_only=ON")
            found = schema.version(db)
            schema.refuse_newer(found, self.home.database)
            if not found:
                db.close()
                return None
            self._db, self._inode, self._pid = db, inode, os.getpid()
            self._specs.clear()
        return self._db


def _where(
    *,
    session: str | None,
    live: bool | None,
    states: Sequence[int] | None,
    array: int | None,
    unreported: bool,
) -> tuple[str, list[Any]]:
    """The WHERE clause for a selection, and its values."""
    terms: list[str] = []
    values: list[Any] = []
    if session is not None:
        terms.append("session=?")
        values.append(session)
    if live is not None:
        terms.append("finished IS NULL" if live else "finished IS NOT NULL")
    if states is not None:
        terms.append(f"state IN ({','.join(str(int(state)) for state in states)})")
    if array is not None:
        terms.append("num=?")
        values.append(array)
    if unreported:
        terms.append("reported=0")
    return (" WHERE " + " AND ".join(terms) if terms else ""), values


def _and(statement: str, ids: Sequence[str]) -> str:
    """A statement narrowed to ids."""
    return f"{statement} {'AND' if 'WHERE' in statement else 'WHERE'} id IN ({','.join('?' * len(ids))})"
