"""The tables, and files of other releases."""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import JobRow
from proctracker.records import replace
from proctracker.store import Home, Reader, Store, schema
from proctracker.store.connection import Database
from stores import end, submit


def _set_version(home: Home, number: int) -> None:
    db = sqlite3.connect(home.database)
    db.execute(f"PRAGMA user_version={number}")
    db.close()


def test_columns_are_the_rows_fields_in_order() -> None:
    assert [field.name for field in dataclasses.fields(JobRow)] == list(schema.COLUMNS)


def test_a_newer_file_is_refused_and_left_as_it_is(home: Home) -> None:
    Store(home).close()
    _set_version(home, 99)
    before = Path(home.database).read_bytes()
    words = rf"{home.database} has store version 99, this proctracker knows {schema.VERSION}"
    with pytest.raises(DrmCommunicationException, match=words):
        Store(home)
    with pytest.raises(DrmCommunicationException, match=words):
        Reader(home).jobs()
    db = Database(home.database)
    with pytest.raises(DrmCommunicationException, match=words):
        schema.bring_up(db)
    db.close()
    assert Path(home.database).read_bytes() == before


def test_an_older_file_is_migrated_step_by_step(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(home)
    submit(store)
    store.close()
    now = schema.VERSION
    first = "ALTER TABLE sessions ADD COLUMN a TEXT; UPDATE jobs SET name='migrated'"
    monkeypatch.setattr(schema, "_MIGRATIONS", {now: first, now + 1: "CREATE TABLE later (b)"})
    monkeypatch.setattr(schema, "VERSION", now + 2)
    store = Store(home)
    assert [row.name for row in store.jobs(["1"])] == ["migrated"]
    store.close()
    db = Database(home.database)
    assert schema.version(db) == now + 2
    assert db.rows("SELECT * FROM later") == []
    db.close()


BACK = (
    "DROP TABLE given",
    "DROP TABLE outcomes",
    "DROP TABLE tokens",
    *(
        f"ALTER TABLE jobs DROP COLUMN {name}"
        for name in ("since", "changed", "unseen", "rss_floor", "nodes", "queue", "due")
    ),
)
"""What makes a file of today one of version 2."""


def test_a_file_of_version_1_is_read_as_it_is_and_migrated_by_its_writer(home: Home) -> None:
    store = Store(home)
    (row,) = submit(store, name="old")
    store.close()
    db = sqlite3.connect(home.database)
    first = ("DROP INDEX jobs_ending", "ALTER TABLE jobs DROP COLUMN kill_at")
    for statement in (*first, *BACK, "PRAGMA user_version=1"):
        db.execute(statement)
    db.close()
    before = Path(home.database).read_bytes()
    reader = Reader(home)
    assert reader.jobs() == [row]
    assert reader.states(["1"])["1"][0] == row.state
    assert Path(home.database).read_bytes() == before
    store = Store(home)
    row.kill_at = 5.0
    store.update(row, ["kill_at"])
    store.close()
    assert reader.jobs() == [replace(row, kill_at=None)]  # this one was open before
    reader.close()
    assert Reader(home).jobs() == [replace(row, changed=row.submitted)]


def test_a_file_of_version_2_is_read_as_it_is_and_migrated_by_its_writer(home: Home) -> None:
    store = Store(home)
    (row,) = submit(store)
    store.close()
    db = sqlite3.connect(home.database)
    for statement in (*BACK, "PRAGMA user_version=2"):
        db.execute(statement)
    db.close()
    before = Path(home.database).read_bytes()
    reader = Reader(home)
    assert (reader.jobs(), reader.context("ctx"), reader.context("none")) == ([row], {"env": {"NAME": "ctx"}}, None)
    assert Path(home.database).read_bytes() == before
    reader.close()
    store = Store(home)
    end(store, row, 5.0)
    store.drop_context_if_unused(["ctx"])
    store.close()
    assert Reader(home).context("ctx") == {}


def test_columns_that_came_with_no_new_version_are_added_and_older_releases_go_on(home: Home) -> None:
    store = Store(home)
    (row,) = submit(store)
    store.close()
    db = sqlite3.connect(home.database)
    for name in ("nodes", "queue", "due"):
        db.execute(f"ALTER TABLE jobs DROP COLUMN {name}")
    db.commit()
    reader = Reader(home)
    assert reader.jobs() == [row]
    store = Store(home)
    row.queue = "long"
    store.update(row, ["queue"])
    store.close()
    reader.close()
    assert reader.jobs() == [row]
    assert (schema.version(Database(home.database)), schema.VERSION) == (3, 3)
    db.close()


def test_a_migration_that_fails_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(home).close()
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_MIGRATIONS", {schema.VERSION: "CREATE TABLE half (b); CREATE TABLE jobs (x)"})
        patch.setattr(schema, "VERSION", schema.VERSION + 1)
        with pytest.raises(DrmCommunicationException, match="already exists"):
            Store(home)
    db = Database(home.database)
    assert schema.version(db) == schema.VERSION
    assert db.rows("SELECT name FROM sqlite_master WHERE name='half'") == []
    db.close()


def test_of_many_that_create_it_at_once_all_succeed(home: Home) -> None:
    script = "import sys; from proctracker.store import Home, Store; Store(Home(*sys.argv[1:])).close()"
    argv = [sys.executable, "-c", script, home.path, "node1"]
    running = [subprocess.Popen(argv, stderr=subprocess.PIPE) for _ in range(6)]
    assert [each.communicate()[1] for each in running] == [b""] * 6
    assert os.path.getsize(home.database) > 0


def test_times_of_version_2_are_on_the_clock_nobody_can_set(home: Home) -> None:
    store = Store(home)
    rows = [submit(store, name=name)[0] for name in ("running", "queued", "ended")]
    store.add_session("all", "process", -1)
    store.add_session("two", "process", 2)
    now = time.time()
    for row in (rows[0], rows[2]):
        row.dispatched, row.running_since, row.kill_at = now - 20, now - 10, now + 5
        store.update(row, ("dispatched", "running_since", "kill_at"))
    end(store, rows[2], now, kill_at=None)
    store.close()
    db = sqlite3.connect(home.database)
    for statement in (*BACK, "UPDATE sessions SET max_running=0 WHERE name='all'", "PRAGMA user_version=2"):
        db.execute(statement)
    db.commit()
    db.close()
    store = Store(home)
    running, queued, ended = store.jobs([row.id for row in rows])
    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert running.since == pytest.approx(up - 10, abs=5)
    assert running.kill_at == pytest.approx(up + 5, abs=5)
    assert (running.changed, running.running_since) == (now - 10, now - 10)
    assert (queued.since, queued.kill_at, queued.changed) == (None, None, queued.submitted)
    assert (ended.kill_at, ended.changed, ended.unseen) == (None, None, None)
    assert (store.session("all"), store.session("two")) == (("process", -1), ("process", 2))
    store.close()
