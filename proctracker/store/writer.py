"""The store as its one writer, a supervisor, uses it: explicit transactions over constant statements."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import Any, Iterable, Sequence
from urllib.parse import quote

from proctracker.errors import Drmaa2Exception, DrmCommunicationException, OutOfResourceException
from proctracker.model import JobRow
from proctracker.store import ids, netfs, schema
from proctracker.store.paths import Home

BUSY = 5.0
"""Seconds a write waits for another supervisor's (of another confinement) over the same file."""

TOKEN_LIFE = 86400.0
"""Seconds a submit's token is remembered: a client repeats a call within moments or never."""

_ALL = ", ".join(schema.COLUMNS)
_INSERT = f"INSERT INTO jobs ({_ALL}) VALUES ({', '.join('?' * len(schema.COLUMNS))})"
_CHUNK = 500
"""Ids in one statement; SQLite before 3.32 takes 999 parameters."""


def connect(path: str, *, read_only: bool = False, network: bool = False, locks: bool = True) -> sqlite3.Connection:
    """Open the file; raises sqlite3.Error."""
    flags = ["mode=ro"] if read_only else []
    if not locks:
        flags.append("nolock=1")
    uri = f"file:{quote(os.fsencode(path))}" + ("?" + "&".join(flags) if flags else "")
    return sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None, cached_statements=256)


def said(error: sqlite3.Error, path: str) -> Drmaa2Exception:
    """What SQLite said, as ours: OutOfResource for a full disk or quota, else DrmCommunication."""
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return OutOfResourceException(f"{path}: {text}: free some room in {os.path.dirname(path)} (disk full or over quota)")
    return DrmCommunicationException(f"{path}: {text}")


class Store:
    """One connection, used by one supervisor in one thread. Every method raises Drmaa2Exception only."""

    def __init__(self, home: Home, durability: str = "process", boot: str = "") -> None:
        self.home, self.path = home, home.database
        self._boot = boot
        network = netfs.file_system(home.here) is not None
        locks = not network or netfs.locks_work(home.here)
        old = os.umask(0o077)
        try:
            self._db = connect(self.path, network=network, locks=locks)
            if schema.version(self._db):
                schema.refuse_newer(schema.version(self._db), self.path)
            self._db.execute(f"PRAGMA journal_mode={'DELETE' if network else 'WAL'}")
            self._db.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
            self._db.execute("PRAGMA secure_delete=ON")
            schema.bring_up(self._db, self.path)
        except sqlite3.Error as error:
            raise said(error, self.path) from None
        finally:
            os.umask(old)

    def begin(self) -> None:
        """Begin a transaction; the write lock is taken now, so what is read in it stays true."""
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Make the transaction durable."""
        self._run("COMMIT")

    def rollback(self) -> None:
        """Undo the transaction, if SQLite has not already."""
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error:
                self._db.close()
                self._db = connect(self.path)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # sessions

    def session(self, name: str) -> tuple[str, int] | None:
        """A session's contact and max_running."""
        found = self._rows("SELECT contact, max_running FROM sessions WHERE name=?", (name,))
        return (found[0][0], found[0][1]) if found else None

    def add_session(self, name: str, contact: str, max_running: int) -> None:
        """Create a session."""
        self._run("INSERT INTO sessions VALUES (?,?,?,?)", (name, contact, max_running, time.time()))

    def set_session(self, name: str, max_running: int) -> None:
        """Change a session's max_running."""
        self._run("UPDATE sessions SET max_running=? WHERE name=?", (max_running, name))

    def remove_session(self, name: str) -> None:
        """Forget a session; its jobs are deleted by ``delete``."""
        self._run("DELETE FROM sessions WHERE name=?", (name,))

    def session_jobs(self, name: str) -> list[JobRow]:
        """All jobs of a session."""
        return self._jobs("WHERE session=?", (name,))

    # accepting jobs

    def allocate(self, count: int = 1) -> int:
        """The first of so many job numbers nobody else will ever get. Within a transaction."""
        found = self._rows("SELECT next, stop FROM blocks WHERE boot=?", (self._boot,))
        start, stop = found[0] if found else (0, 0)
        if start + count > stop or not found:
            block = ids.take_block(self.home)
            start, stop = block.start, block.stop
        self._run("INSERT OR REPLACE INTO blocks VALUES (?,?,?)", (self._boot, start + count, stop))
        return int(start)

    def add_context(self, key: str, text: str) -> None:
        """Keep what a submitter's surroundings were; known ones once."""
        self._run("INSERT OR IGNORE INTO contexts VALUES (?,?)", (key, text))

    def add_spec(self, text: str, context: str) -> int:
        """Keep a spec; returns its number."""
        return int(self._run("INSERT INTO specs (json, context) VALUES (?,?)", (text, context)).lastrowid or 0)

    def add_array(
        self, num: int, session: str, spec: int, indices: str, max_parallel: int, items: str | None
    ) -> None:
        """Keep an array; ``indices`` and ``items`` are JSON lists."""
        self._run("INSERT INTO arrays VALUES (?,?,?,?,?,?)", (num, session, spec, indices, max_parallel, items))

    def add_jobs(self, rows: Sequence[JobRow]) -> None:
        """Add new jobs, and the state they begin with."""
        self._many(_INSERT, [tuple(row.__dict__.values()) for row in rows])
        self.transitions_many([(row.id, row.attempt, row.submitted, row.state, row.sub_state) for row in rows])

    def token(self, token: str) -> str | None:
        """The id a submit's token was answered with."""
        found = self._rows("SELECT id FROM tokens WHERE token=?", (token,))
        return str(found[0][0]) if found else None

    def add_token(self, token: str, job_id: str) -> None:
        """Remember an answer."""
        self._run("INSERT INTO tokens VALUES (?,?,?)", (token, job_id, time.time()))

    def forget_tokens(self) -> None:
        """Forget answers nobody will ask for any more."""
        self._run("DELETE FROM tokens WHERE time<?", (time.time() - TOKEN_LIFE,))

    # changing jobs

    def update_many(self, rows: Sequence[JobRow], columns: Sequence[str]) -> None:
        """Write these columns of these rows."""
        statement = f"UPDATE jobs SET {', '.join(f'{name}=?' for name in columns)} WHERE id=?"
        self._many(statement, [(*(getattr(row, name) for name in columns), row.id) for row in rows])

    def transitions_many(self, changes: Iterable[tuple[str, int, float, int, str | None]]) -> None:
        """Add state changes: (job, attempt, time, state, sub_state)."""
        self._many("INSERT INTO transitions (job, attempt, time, state, sub_state) VALUES (?,?,?,?,?)", changes)

    def mark_reported(self, ids: Sequence[str]) -> None:
        """Jobs that a ``wait --all`` has told of."""
        self._many("UPDATE jobs SET reported=1 WHERE id=?", [(each,) for each in ids])

    def delete(self, ids: Sequence[str]) -> None:
        """Remove jobs and all that only they needed."""
        self._many("DELETE FROM transitions WHERE job=?", [(each,) for each in ids])
        self._many("DELETE FROM jobs WHERE id=?", [(each,) for each in ids])
        self._run("DELETE FROM arrays WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.num=arrays.num)")
        self._run(
            "DELETE FROM specs WHERE id NOT IN (SELECT spec FROM jobs) AND id NOT IN (SELECT spec FROM arrays)"
        )
        self._run("DELETE FROM contexts WHERE key NOT IN (SELECT context FROM specs)")

    def replace_context(self, spec: int, key: str) -> None:
        """Let a spec stand beside another context, and forget those no spec needs (environments of ended jobs)."""
        self._run("UPDATE specs SET context=? WHERE id=?", (key, spec))
        self._run("DELETE FROM contexts WHERE key NOT IN (SELECT context FROM specs)")

    # reading

    def live(self, keeper: str) -> list[JobRow]:
        """Jobs of one supervisor that have not ended, oldest first."""
        return self._jobs("WHERE finished IS NULL AND keeper=? ORDER BY num, task", (keeper,))

    def jobs(self, ids: Sequence[str]) -> list[JobRow]:
        """Jobs by id; unknown ones are left out."""
        found: list[JobRow] = []
        for start in range(0, len(ids), _CHUNK):
            part = ids[start : start + _CHUNK]
            found += self._jobs(f"WHERE id IN ({','.join('?' * len(part))})", part)
        return found

    def spec(self, number: int) -> tuple[str, str]:
        """A spec's JSON and the key of its context."""
        found = self._rows("SELECT json, context FROM specs WHERE id=?", (number,))
        return (found[0][0], found[0][1]) if found else ("{}", "")

    def context(self, key: str) -> str | None:
        """A context's JSON."""
        found = self._rows("SELECT json FROM contexts WHERE key=?", (key,))
        return str(found[0][0]) if found else None

    def array(self, num: int) -> tuple[int, str | None] | None:
        """An array's max_parallel and its items (JSON)."""
        found = self._rows("SELECT max_parallel, items FROM arrays WHERE num=?", (num,))
        return (found[0][0], found[0][1]) if found else None

    def ended_containers(self, runtime: str) -> list[JobRow]:
        """Ended jobs whose containers are still there, oldest first."""
        return self._jobs(
            "WHERE finished IS NOT NULL AND container IS NOT NULL AND saved=0 AND runtime=? ORDER BY finished", (runtime,)
        )

    def ended_before(self, moment: float) -> list[JobRow]:
        """Jobs that ended before a time."""
        return self._jobs("WHERE finished < ?", (moment,))

    def running_slots(self, session: str | None, but: str) -> int:
        """Slots that other supervisors' jobs hold now, of one session or of all."""
        where = "state IN (3, 4) AND finished IS NULL AND keeper<>?" + (" AND session=?" if session else "")
        found = self._rows(f"SELECT total(slots) FROM jobs WHERE {where}", (but, session) if session else (but,))
        return int(found[0][0])

    def _jobs(self, where: str, values: Sequence[Any]) -> list[JobRow]:
        return [JobRow(*row) for row in self._rows(f"SELECT {_ALL} FROM jobs {where}", values)]

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._run(statement, values).fetchall()

    def _run(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise said(error, self.path) from None

    def _many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        try:
            self._db.executemany(statement, values)
        except sqlite3.Error as error:
            raise said(error, self.path) from None
