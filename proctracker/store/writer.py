"""Writes the store: constant statements in explicit transactions, for one supervisor."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from operator import attrgetter

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.store import ids as numbers
from proctracker.store import schema
from proctracker.store.pruning import Pruning
from proctracker.store.rows import (
    ALL,
    ARRAY,
    CHUNK,
    ArrayRow,
    SessionRow,
    array_row,
    key,
    keys,
    marks,
    row_key,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHANGES = """SELECT seq, id, session, transitions.attempt, time, transitions.state, transitions.sub_state
  FROM transitions JOIN jobs ON key=job WHERE seq>? ORDER BY seq LIMIT ?"""

AHEAD = 16
"""Job numbers set aside in one write, unused where their supervisor is killed."""

_INSERT = f"INSERT INTO jobs (key, {ALL}) VALUES {marks(len(schema.COLUMNS) + 1)}"
_values = attrgetter(*schema.COLUMNS)
_OWN = ("id", "task")
_SAME = tuple(name for name in schema.COLUMNS if name not in _OWN)
_same = attrgetter(*_SAME)
_COPY = f"INSERT INTO jobs (key, id, task, {', '.join(_SAME)}) SELECT ?, ?, ?, {', '.join(_SAME)} FROM jobs WHERE key=?"
_NEXT = "SELECT max(ifnull((SELECT max({0}) FROM {1}), 0), (SELECT value FROM marks WHERE name='{1}')) + 1"
_NEXT_SPEC, _NEXT_TRANSITION = (_NEXT.format("id", "specs"), _NEXT.format("seq", "transitions"))


class Store(Pruning):
    """Opens one connection, for one supervisor in one thread, that raises Drmaa2Exception only.

    Call ``begin`` first, ``commit`` or ``rollback`` last; outside of them each call is a transaction of its own. A
    commit that fails (OutOfResourceException: disk full) leaves nothing behind: roll back, keep the data, try again.
    """

    # sessions

    def session(self, name: str) -> tuple[str, int] | None:
        """Return a session's contact and max_running, -1 where it has none of its own."""
        found = self._db.rows("SELECT contact, max_running FROM sessions WHERE name=?", (name,))
        return (found[0][0], found[0][1]) if found else None

    def sessions(self) -> list[SessionRow]:
        """All sessions by name."""
        found = self._db.rows("SELECT name, contact, max_running, created FROM sessions ORDER BY name")
        return [SessionRow(*row) for row in found]

    def add_session(self, name: str, contact: str, max_running: int, token: str | None = None) -> None:
        """Create a session. InvalidArgumentException if there is one of that name.

        ``token`` is that of the request: ``made`` tells of it for a while.
        """
        values = (name, contact, max_running, time.time())
        if not self._db.run("INSERT OR IGNORE INTO sessions VALUES (?,?,?,?)", values).rowcount:
            raise InvalidArgumentException(f"session {name!r} exists already: open it, or choose another name")
        if token:
            self.note_made(token)

    def set_session(self, name: str, max_running: int) -> None:
        """Change a session's max_running."""
        self._db.run("UPDATE sessions SET max_running=? WHERE name=?", (max_running, name))

    def remove_session(self, name: str) -> None:
        """Remove a session, whose jobs ``delete`` removes."""
        self._db.run("DELETE FROM sessions WHERE name=?", (name,))

    def session_jobs(self, name: str) -> list[JobRow]:
        """All jobs of a session, in order."""
        return self._jobs("WHERE session=? ORDER BY key", (name,))

    # accepting jobs

    def allocate(self, count: int = 1) -> int:
        """Return the first of up to 1,000 consecutive numbers, given out once, in a transaction."""
        if not 0 < count <= numbers.BLOCK - 1:
            raise InvalidArgumentException(f"{count} job numbers at once: ask for 1 to {numbers.BLOCK - 1}")
        if len(self._free) < count:
            self._free = self._set_aside(count)
        start = self._free.start
        self._free = self._free[count:]
        return start

    def keep_off(self, taken: Iterable[int]) -> None:
        """Keep these numbers, of jobs that were adopted, from being given out, in a transaction."""
        found = sorted(set(taken))
        numbers.reserve(self.home, {number // numbers.BLOCK for number in found})
        rows = self._db.rows("SELECT next, stop FROM blocks WHERE boot=?", (self._boot,))
        above = [number + 1 for number in found if rows and rows[0][0] <= number < rows[0][1]]
        if above:
            self._db.run("UPDATE blocks SET next=? WHERE boot=?", (max(above), self._boot))
        if any(number in self._free for number in found):
            self._free = range(0)
        if self._spare is not None and any(number in self._spare for number in found):
            self._spare = None

    def containers(self, names: Iterable[str]) -> set[str]:
        """Return those of these containers that jobs have, by a look at every job."""
        return set(names) & {row[0] for row in self._db.rows("SELECT container FROM jobs WHERE container IS NOT NULL")}

    def _set_aside(self, count: int) -> range:
        """Take numbers of this boot's block, or of a new one, for us alone."""
        found = self._db.rows("SELECT next, stop FROM blocks WHERE boot=?", (self._boot,))
        start, stop = found[0] if found else (0, 0)
        if start + count > stop:
            self._taken, self._spare = self._spare or numbers.take_block(self.home), None
            start, stop = self._taken.start, self._taken.stop
            self._db.run("DELETE FROM blocks")
        end = min(start + max(count, AHEAD), stop)
        self._db.run("INSERT OR REPLACE INTO blocks VALUES (?,?,?)", (self._boot, end, stop))
        return range(start, end)

    def add_context(self, key: str, text: str) -> None:
        """Keep a submitter's surroundings (JSON), each once.

        Raises InvalidArgumentException where the key is that of others: no job runs in those.
        """
        known = self.context(key)
        if known is None:
            self._db.run("INSERT INTO contexts VALUES (?,?)", (key, text))
        elif known != text and json.loads(known) != json.loads(text):
            raise InvalidArgumentException(f"other surroundings than these are kept as {key}")

    def add_spec(self, text: str, context: str, token: str | None = None) -> int:
        """Keep the spec (JSON) of one job or array, and return its number, never used twice.

        ``token`` is that of the submit: asked again with it, ``submitted`` tells the id.
        """
        found = self._db.run(f"INSERT INTO specs {_NEXT_SPEC}, ?, ?, ?", (context, text, token))
        return int(found.lastrowid or 0)

    def add_array(
        self,
        num: int,
        session: str,
        spec: int,
        indices: Sequence[int],
        max_parallel: int,
        items: Sequence[str] | Sequence[Sequence[str]] | None,
    ) -> None:
        """Keep an array.

        ``max_parallel`` 0 is no limit, ``items`` holds for each index a text, or the fields of one.
        """
        values = (num, session, spec, max_parallel, json.dumps(list(indices)), items and json.dumps(list(items)))
        self._db.run("INSERT INTO arrays VALUES (?,?,?,?,?,?)", values)

    def add_jobs(self, rows: Sequence[JobRow]) -> None:
        """Add new jobs, and the state they begin with."""
        first = rows[0]
        alike = len(rows) > 1 and all(map(_same(first).__eq__, map(_same, rows)))
        whole = rows[:1] if alike else rows
        self._db.many(_INSERT, [(row_key(row), *_values(row)) for row in whole])
        if alike:  # an array's tasks: half the time
            whence = row_key(first)
            self._db.many(_COPY, [(row_key(row), row.id, row.task, whence) for row in rows[1:]])
        self._transitions([(row_key(row), row.attempt, row.submitted, row.state, row.sub_state) for row in rows])

    # changing jobs

    def update(self, row: JobRow, columns: Sequence[str]) -> None:
        """Write these columns of a row."""
        self.update_many((row,), columns)

    def update_many(self, rows: Sequence[JobRow], columns: Sequence[str]) -> None:
        """Write these columns of these rows."""
        names = tuple(columns)
        if names not in self._updates:
            statement = f"UPDATE jobs SET {', '.join(f'{name}=?' for name in names)} WHERE key=?"
            self._updates[names] = (statement, attrgetter(*names, "num", "task"))
        statement, values = self._updates[names]
        changed = []
        for row in rows:
            *new, num, task = values(row)
            new.append(num << 32 | (task or 0))
            changed.append(new)
        self._db.many(statement, changed)

    def transitions_many(self, changes: Iterable[tuple[str, int, float, int, str | None]]) -> None:
        """Add state changes: (job id, attempt, time, state, sub_state)."""
        self._transitions([(key(job_id), *rest) for job_id, *rest in changes])

    def _transitions(self, changes: Sequence[tuple[Any, ...]]) -> None:
        if changes:
            first = self._db.rows(_NEXT_TRANSITION)[0][0]
            rows = [(seq, *change) for seq, change in enumerate(changes, first)]
            self._db.many("INSERT INTO transitions VALUES (?,?,?,?,?,?)", rows)

    def mark_reported(self, ids: Sequence[str]) -> None:
        """Jobs whose end was told of: ``wait --all`` leaves them out."""
        self._db.many("UPDATE jobs SET reported=1 WHERE key=?", [(number,) for number in keys(ids)])

    # reading

    def last_change(self) -> int:
        """The sequence number of the newest state change there was."""
        return int(self._db.rows(_NEXT_TRANSITION)[0][0]) - 1

    def changes(self, after: int, limit: int) -> list[tuple[Any, ...]]:
        """Return state changes after a sequence number: (seq, id, session, attempt, time, state, sub_state)."""
        return self._db.rows(_CHANGES, (after, limit))

    def began(self, job_id: str, attempt: int) -> float:
        """Return when an attempt was queued, or 0, by a look at every change."""
        found = self._db.rows(
            "SELECT ifnull(min(time), 0) FROM transitions WHERE job=? AND attempt=?", (key(job_id), attempt)
        )
        return float(found[0][0])

    def reran(self, job_id: str) -> bool:
        """Return whether a job was queued again because it was lost."""
        found = "SELECT 1 FROM transitions WHERE job=? AND sub_state='rerun' LIMIT 1"
        return bool(self._db.rows(found, (key(job_id),)))

    def live(self, keeper: str) -> list[JobRow]:
        """Jobs of one supervisor that have not ended, oldest first."""
        return self._jobs("WHERE finished IS NULL AND keeper=? ORDER BY key", (keeper,))

    def unswept(self, keeper: str) -> list[JobRow]:
        """Return ended jobs of one supervisor whose leftovers are still to be killed."""
        return self._jobs("WHERE kill_at IS NOT NULL AND finished IS NOT NULL AND keeper=? ORDER BY key", (keeper,))

    def jobs(self, ids: Sequence[str]) -> list[JobRow]:
        """Return jobs by id, in order, without unknown ones."""
        wanted = sorted(set(keys(ids)))
        parts = [wanted[at : at + CHUNK] for at in range(0, len(wanted), CHUNK)]
        return [row for part in parts for row in self._jobs(f"WHERE key IN {marks(len(part))} ORDER BY key", part)]

    def spec(self, number: int) -> tuple[str, str]:
        """Return a spec's JSON and the key of its context, ``{}`` and nothing if unknown."""
        return self.specs([number]).get(number, ("{}", ""))

    def specs(self, numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
        """Specs' JSON and the keys of their contexts."""
        found: dict[int, tuple[str, str]] = {}
        for at in range(0, len(numbers), CHUNK):
            part = numbers[at : at + CHUNK]
            for row in self._db.rows(f"SELECT id, json, context FROM specs WHERE id IN {marks(len(part))}", part):
                found[row[0]] = (row[1], row[2])
        return found

    def context(self, key: str) -> str | None:
        """Return a context's JSON, or None if it was dropped."""
        found = self._db.rows("SELECT json FROM contexts WHERE key=?", (key,))
        return str(found[0][0]) if found else None

    def array(self, num: int) -> ArrayRow | None:
        """An array by its number."""
        found = self._db.rows(ARRAY, (num,))
        return array_row(found[0]) if found else None

    def failed(self, num: int) -> list[int]:
        """Return the tasks of an array that have ended, but not DONE."""
        found = self._db.rows(
            "SELECT task FROM jobs WHERE key BETWEEN ? AND ? AND finished IS NOT NULL AND state<>?",
            (num << 32, num << 32 | 0xFFFFFFFF, int(JobState.DONE)),
        )
        return [int(row[0]) for row in found]

    def pids_since(self, moment: float) -> set[int | None]:
        """Return the processes of all jobs that were started since an epoch second."""
        return {row[0] for row in self._db.rows("SELECT pid FROM jobs WHERE dispatched>=?", (moment,))}

    def running_slots(self, session: str | None = None, but: str | None = None) -> int:
        """Return the slots held now by jobs of one session or of all, but those of one supervisor.

        Suspended jobs count, and those whose start has begun.
        """
        where, values = ("finished IS NULL AND dispatched IS NOT NULL", [])
        for term, value in ((" AND session=?", session), (" AND keeper<>?", but)):
            if value is not None:
                where += term
                values.append(value)
        return int(self._db.rows(f"SELECT total(slots) FROM jobs WHERE {where}", values)[0][0])
