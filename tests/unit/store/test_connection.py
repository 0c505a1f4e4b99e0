"""One open SQLite file."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proctracker import errors
from proctracker.errors import DeniedByDrmsException, DrmCommunicationException
from proctracker.store import Home, Reader, Store, connection
from proctracker.store.connection import Database

_ODD = "caf\udce9 ü €"


@pytest.fixture
def table(tmp_path: Path) -> Database:
    db = Database(str(tmp_path / "a.db"), "mode=rwc")
    db.run("CREATE TABLE t (a TEXT, b)")
    return db


@pytest.mark.parametrize("name", ["a b", "50%", "a?mode=ro#x", "ü", os.fsdecode(b"caf\xe9"), "a//b"])
def test_any_path_is_the_file_it_names(name: str, tmp_path: Path) -> None:
    path = os.path.join(str(tmp_path), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    db = Database(path, "mode=rwc")
    db.run("CREATE TABLE t (a)")
    db.close()
    assert os.path.getsize(path) > 0


def test_text_that_is_not_utf8_stays_as_it_is(table: Database) -> None:
    table.run("INSERT INTO t VALUES (?, ?)", (_ODD, 1))
    table.many("INSERT INTO t VALUES (?, ?)", [("plain", 2), (_ODD * 2, 3), ("plain", _ODD)])
    assert table.rows("SELECT a, b FROM t WHERE a=?", (_ODD,)) == [(_ODD, 1)]
    assert table.rows("SELECT a, b FROM t ORDER BY rowid") == [
        (_ODD, 1),
        ("plain", 2),
        (_ODD * 2, 3),
        ("plain", _ODD),
    ]
    assert table.rows("SELECT typeof(a) FROM t LIMIT 1") == [("text",)]
    table.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=9).map(os.fsdecode), max_size=5))
def test_any_bytes_come_back(table: Database, texts: list[str]) -> None:
    table.run("DELETE FROM t")
    table.many("INSERT INTO t VALUES (?, 0)", [(text,) for text in texts])
    assert [row[0] for row in table.rows("SELECT a FROM t ORDER BY rowid")] == texts


@pytest.mark.parametrize("call", ["run", "rows", "many"])
def test_text_that_stands_for_no_bytes_is_refused(table: Database, call: str) -> None:
    values: Any = [("\ud800",)] if call == "many" else ("\ud800",)
    with pytest.raises(errors.InvalidArgumentException, match="is no text"):
        getattr(table, call)("SELECT a FROM t WHERE a=?" if call == "rows" else "INSERT INTO t VALUES (?, 0)", values)
    table.close()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (sqlite3.OperationalError("database or disk is full"), errors.OutOfResourceException, "make room in /x"),
        (sqlite3.OperationalError("disk I/O error"), errors.OutOfResourceException, "over quota or failing"),
        (sqlite3.OperationalError("database is locked"), errors.TryLaterException, "another process is writing"),
        (sqlite3.DatabaseError("file is not a database"), errors.DrmCommunicationException, "proctracker adopt"),
        (
            sqlite3.OperationalError("unable to open database file"),
            errors.DrmCommunicationException,
            "make /x readable",
        ),
        (sqlite3.IntegrityError("UNIQUE constraint failed"), errors.InternalException, "UNIQUE"),
    ],
)
def test_what_sqlite_said(error: sqlite3.Error, kind: type[Exception], words: str) -> None:
    found = connection.said(error, "/x/jobs.db")
    assert type(found) is kind
    assert words in found.message
    assert found.message.startswith("/x/jobs.db: ")


@pytest.mark.parametrize(
    "call",
    [
        lambda db: db.run("INSERT INTO none VALUES (1)"),
        lambda db: db.rows("SELECT * FROM none"),
        lambda db: db.many("INSERT INTO none VALUES (?)", [(1,)]),
        lambda db: db.rows("SELECT a FROM none WHERE a=?", (_ODD,)),
    ],
)
def test_every_way_in_translates(table: Database, call: Callable[[Database], Any]) -> None:
    with pytest.raises(errors.DrmCommunicationException, match="no such table"):
        call(table)
    table.close()
    with pytest.raises(errors.InternalException, match="closed"):
        call(table)


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(errors.DrmCommunicationException, match="unable to open"):
        Database(str(tmp_path / "none.db"))
    assert not os.listdir(tmp_path)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"x" * 9000)
    db = Database(str(tmp_path / "a.db"))
    with pytest.raises(errors.DrmCommunicationException, match="move it away"):
        db.rows("SELECT * FROM sqlite_master")
    db.close()


def test_a_lock_that_is_not_given_up(table: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY", 0.01)
    second = Database(table.path)
    table.run("BEGIN EXCLUSIVE")
    assert table.in_transaction
    with pytest.raises(errors.TryLaterException, match="try again"):
        second.run("INSERT INTO t VALUES ('a', 1)")
    with pytest.raises(errors.TryLaterException):
        second.patiently("PRAGMA journal_mode=wal")
    table.run("COMMIT")
    assert second.patiently("PRAGMA journal_mode=wal") == "wal"
    second.close()
    table.close()


def test_a_full_disk(small_disk: Path) -> None:
    db = Database(str(small_disk / "a.db"), "mode=rwc")
    db.run("CREATE TABLE t (a)")
    with pytest.raises(errors.OutOfResourceException, match=f"make room in {small_disk}"):
        db.run("INSERT INTO t VALUES (zeroblob(2000000))")
    assert db.rows("SELECT count(*) FROM t") == [(0,)]
    db.close()


def test_a_file_size_limit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    assert "make room" in connection.said(error, "/h/jobs.db").message
    monkeypatch.setattr(resource, "getrlimit", lambda number: (2**21, 2**21))
    assert "no file here may have more than 2048 KiB (ulimit -Hf)" in connection.said(error, "/h/jobs.db").message


@pytest.mark.parametrize("size", [0, 1, 50, 511])
def test_a_file_that_was_cut_off_is_not_an_empty_one(tmp_path: Path, size: int) -> None:
    home = Home(str(tmp_path / "state"))
    store = Store(home)
    store.add_context("a", "{}")
    store.close()
    os.truncate(home.database, size)
    told = f"^{home.database}: cut off, {size} bytes are left: move it away; `proctracker adopt`"
    with pytest.raises(DrmCommunicationException, match=told):
        Reader(home).jobs()
    with pytest.raises(DrmCommunicationException, match=told):
        Store(home)


def test_a_new_store_is_never_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets its name with the tables in it; of two that make one, one wins and nothing else stays."""
    home = Home(str(tmp_path / "state"))
    link = os.link

    def slow(source: str, target: str) -> None:
        if target.endswith("jobs.db"):
            assert os.stat(source).st_size >= 512
            monkeypatch.setattr(os, "link", link)
            Store(home).close()
        link(source, target)

    monkeypatch.setattr(os, "link", slow)
    home.prepare()
    Store(home).close()
    assert sorted(name for name in os.listdir(home.here) if name.startswith("jobs")) == ["jobs.db"]
    os.symlink("elsewhere", f"{home.database}2")
    os.unlink(home.database)
    os.rename(f"{home.database}2", home.database)
    with pytest.raises(DeniedByDrmsException, match=f"{home.database} is not a file of your own"):
        Store(home)
