"""The tables of the store, and how an older file becomes a current one. SQL within SQLite 3.26."""

from __future__ import annotations

import sqlite3
from dataclasses import fields

from proctracker.errors import DrmCommunicationException
from proctracker.model import JobRow

VERSION = 1

COLUMNS = tuple(each.name for each in fields(JobRow))
"""The columns of ``jobs``, in JobRow's order."""

_TYPES = {
    **dict.fromkeys("num task spec state exit_status max_rss pid ticks attempt priority slots reported saved".split(), "INTEGER"),
    **dict.fromkeys("submitted dispatched finished running_since ran cpu".split(), "REAL"),
}

_TABLES = f"""
CREATE TABLE sessions (name TEXT PRIMARY KEY, contact TEXT NOT NULL, max_running INTEGER NOT NULL, created REAL NOT NULL);
CREATE TABLE contexts (key TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE specs (id INTEGER PRIMARY KEY, json TEXT NOT NULL, context TEXT NOT NULL);
CREATE TABLE arrays (num INTEGER PRIMARY KEY, session TEXT NOT NULL, spec INTEGER NOT NULL, indices TEXT NOT NULL,
  max_parallel INTEGER NOT NULL, items TEXT);
CREATE TABLE jobs ({", ".join(f"{name} {_TYPES.get(name, 'TEXT')}" + (" PRIMARY KEY" if name == "id" else "") for name in COLUMNS)});
CREATE INDEX jobs_num ON jobs (num, task);
CREATE INDEX jobs_live ON jobs (keeper) WHERE finished IS NULL;
CREATE TABLE transitions (seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL, attempt INTEGER NOT NULL, time REAL NOT NULL,
  state INTEGER NOT NULL, sub_state TEXT);
CREATE INDEX transitions_job ON transitions (job);
CREATE TABLE tokens (token TEXT PRIMARY KEY, id TEXT NOT NULL, time REAL NOT NULL);
CREATE TABLE blocks (boot TEXT PRIMARY KEY, next INTEGER NOT NULL, stop INTEGER NOT NULL);
"""

_MIGRATIONS: dict[int, str] = {}
"""Version -> what makes it the next one."""


def bring_up(db: sqlite3.Connection, path: str) -> None:
    """Create the tables or migrate them, in one transaction.

    Raises DrmCommunicationException for a file of a newer proctracker, naming both versions; it is left as it is.
    """
    found = version(db)
    if found == VERSION:
        return
    refuse_newer(found, path)
    db.execute("BEGIN IMMEDIATE")
    try:
        found = version(db)
        if not found:
            _run(db, _TABLES)
        for step in range(found or VERSION, VERSION):
            _run(db, _MIGRATIONS[step])
        db.execute(f"PRAGMA user_version={VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def version(db: sqlite3.Connection) -> int:
    """The schema version of an open file; 0: empty."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def refuse_newer(found: int, path: str) -> None:
    """Raise if a file is from a newer release than this."""
    if found > VERSION:
        raise DrmCommunicationException(
            f"{path} has store version {found}, this proctracker knows {VERSION}: use the newer proctracker that wrote it"
        )


def _run(db: sqlite3.Connection, script: str) -> None:
    """Statements one by one: executescript would commit first."""
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)
