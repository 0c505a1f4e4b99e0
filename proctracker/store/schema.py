"""Defines the tables, and makes an older file a current one, in SQL of SQLite 3.26."""

from __future__ import annotations

import time
from collections.abc import Collection

from proctracker.errors import DrmCommunicationException
from proctracker.store.connection import Database

VERSION = 3

_JOBS = """id TEXT, num INTEGER, task INTEGER, session TEXT, contact TEXT, runtime TEXT, name TEXT, spec INTEGER,
  state INTEGER, sub_state TEXT, annotation TEXT, exit_status INTEGER, signal TEXT, submitted REAL, dispatched REAL,
  finished REAL, running_since REAL, ran REAL, cpu REAL, max_rss INTEGER, pid INTEGER, ticks INTEGER, boot TEXT,
  host TEXT, container TEXT, container_id TEXT, attempt INTEGER, priority INTEGER, slots INTEGER, keeper TEXT,
  reported INTEGER, saved INTEGER, resubmitted_from TEXT, workdir TEXT, input TEXT, output TEXT, error TEXT, command TEXT,
  category TEXT, kill_at REAL, since REAL, changed REAL, unseen INTEGER,
  rss_floor INTEGER, nodes TEXT, queue TEXT, due REAL"""

KINDS = dict(each.split() for each in _JOBS.split(","))
"""The columns of ``jobs`` after its key, and what each holds: TEXT, INTEGER or REAL."""

COLUMNS = tuple(KINDS)
"""Their names, in JobRow's order (a test holds them together)."""

_GIVEN = "CREATE TABLE given (key TEXT PRIMARY KEY, json TEXT NOT NULL)"
"""What is left of a context that was dropped: all but the caller's own environment."""

_OUTCOMES = "CREATE TABLE outcomes (spec INTEGER, name TEXT, done INTEGER NOT NULL, PRIMARY KEY (spec, name))"
"""Ends of removed jobs that jobs of a spec waited for, ``name`` being as the spec has it."""

_TOKENS = "CREATE TABLE tokens (token TEXT PRIMARY KEY, num INTEGER NOT NULL, removed REAL NOT NULL)"
"""Answers to submits whose jobs were removed, so that a repeated one makes no second job."""

_CLOCKS = """
ALTER TABLE jobs ADD COLUMN since REAL; ALTER TABLE jobs ADD COLUMN changed REAL; ALTER TABLE jobs ADD COLUMN unseen INTEGER;
ALTER TABLE jobs ADD COLUMN rss_floor INTEGER;
UPDATE jobs SET kill_at=kill_at-{booted}, since=running_since-{booted},
  changed=max(submitted, ifnull(dispatched, 0), ifnull(running_since, 0)) WHERE finished IS NULL OR kill_at IS NOT NULL
"""

_TABLES = f"""
CREATE TABLE sessions (name TEXT PRIMARY KEY, contact TEXT NOT NULL, max_running INTEGER NOT NULL, created REAL NOT NULL);
CREATE TABLE contexts (key TEXT PRIMARY KEY, json TEXT NOT NULL);
{_GIVEN};
{_OUTCOMES};
{_TOKENS};
CREATE TABLE specs (id INTEGER PRIMARY KEY, context TEXT NOT NULL, json TEXT NOT NULL, token TEXT);
CREATE TABLE arrays (num INTEGER PRIMARY KEY, session TEXT NOT NULL, spec INTEGER NOT NULL, max_parallel INTEGER NOT NULL,
  indices TEXT NOT NULL, items TEXT);
CREATE TABLE jobs (key INTEGER PRIMARY KEY, {_JOBS});
CREATE INDEX jobs_running ON jobs (session, keeper) WHERE finished IS NULL AND dispatched IS NOT NULL;
CREATE INDEX jobs_ending ON jobs (keeper) WHERE kill_at IS NOT NULL;
CREATE TABLE transitions (seq INTEGER PRIMARY KEY, job INTEGER NOT NULL, attempt INTEGER NOT NULL, time REAL NOT NULL,
  state INTEGER NOT NULL, sub_state TEXT);
CREATE TABLE blocks (boot TEXT PRIMARY KEY, next INTEGER NOT NULL, stop INTEGER NOT NULL);
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO marks VALUES ('specs', 0), ('transitions', 0);
"""
# Every page a submit touches costs it 10 us, so: ``key`` is (num << 32 | task), which needs no index for id, number and
# order; started jobs and those told to end alone are indexed; no AUTOINCREMENT, ``marks`` remembers the highest number
# that was deleted.

_MIGRATIONS: dict[int, str] = {
    1: "ALTER TABLE jobs ADD COLUMN kill_at REAL; CREATE INDEX jobs_ending ON jobs (keeper) WHERE kill_at IS NOT NULL",
    2: f"{_GIVEN}; {_OUTCOMES}; {_TOKENS}; {_CLOCKS}; UPDATE sessions SET max_running=-1 WHERE max_running=0",
}
"""Version -> what makes it the next one.

``{booted}`` is the epoch second that this boot began, as the clock is set now.
"""


def bring_up(db: Database) -> None:
    """Create the tables or migrate them, in one transaction.

    A column that came with no new version is added: older releases go on with the file, and leave it unset.
    Raises DrmCommunicationException for a file of a newer proctracker, naming both versions. It is left as it is then.
    """
    found = version(db)
    if found == VERSION and not lacking(db):
        return
    refuse_newer(found, db.path)
    db.run("BEGIN IMMEDIATE")
    try:
        found = version(db)
        if not found:
            _run(db, _TABLES)
        for step in range(found or VERSION, VERSION):
            booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
            _run(db, _MIGRATIONS[step].replace("{booted}", repr(booted)))
        for name in lacking(db):
            db.run(f"ALTER TABLE jobs ADD COLUMN {name} {KINDS[name]}")
        db.run(f"PRAGMA user_version={VERSION}")
        db.run("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.run("ROLLBACK")
        raise


def lacking(db: Database) -> list[str]:
    """Return the columns of jobs that an older release's file lacks."""
    there = {row[1] for row in db.rows("PRAGMA table_info(jobs)")}
    return [name for name in COLUMNS if name not in there] if there else []  # without the table it is no store of ours


def read_older(db: Database, lacks: Collection[str]) -> None:
    """Show an older file as a current one to this connection, without changing it."""
    columns = ", ".join(f"NULL AS {name}" if name in lacks else name for name in ("key", *COLUMNS))
    db.run(f"CREATE TEMP VIEW jobs AS SELECT {columns} FROM main.jobs")
    if not db.rows("SELECT 1 FROM sqlite_master WHERE name='given'"):
        db.run(_GIVEN.replace("TABLE", "TEMP TABLE"))


def version(db: Database) -> int:
    """Return the schema version of an open file, 0 for an empty one."""
    return int(db.rows("PRAGMA user_version")[0][0])


def refuse_newer(found: int, path: str) -> None:
    """Raise if a file is from a newer release than this."""
    if found > VERSION:
        raise DrmCommunicationException(
            f"{path} has store version {found}, this proctracker knows {VERSION}: use the newer proctracker that wrote it"
        )


def _run(db: Database, script: str) -> None:
    """Statements one by one: executescript would commit first."""
    for statement in script.split(";"):
        if statement.strip():
            db.run(statement)
