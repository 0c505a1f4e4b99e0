"""Tests the connection that is opened anew after a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctracker.errors import DrmCommunicationException, OutOfResourceException, TryLaterException
from proctracker.store.connection import Database
from proctracker.store.renewed import Renewed


class Failing(Database):
    """A real connection that raises what it is told to, as SQLite does where its pages differ from the file's."""

    problem: Exception | None = None

    def _raise(self) -> None:
        if self.problem is not None:
            raise self.problem

    def run(self, statement: str, values=()):  # type: ignore[no-untyped-def]
        self._raise()
        return super().run(statement, values)

    def rows(self, statement: str, values=()):  # type: ignore[no-untyped-def]
        self._raise()
        return super().rows(statement, values)


MALFORMED = DrmCommunicationException("jobs.db: database disk image is malformed: move it away")
FULL = OutOfResourceException("jobs.db: database or disk is full")


class Opened:
    """A Renewed over a file with one table, and the connections it has had."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.had: list[Failing] = []
        self.db = Renewed(self.open)
        self.db.run("CREATE TABLE t (x)")
        self.db.run("INSERT INTO t VALUES (1)")

    def open(self) -> Failing:
        """Another connection."""
        self.had.append(Failing(self.path, "mode=rwc"))
        return self.had[-1]

    def fail(self, problem: Exception) -> None:
        """Have the present connection fail from now on."""
        self.had[-1].problem = problem


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A file with one table."""
    return Opened(str(tmp_path / "x.db"))


@pytest.mark.parametrize("problem", [MALFORMED, FULL], ids=["malformed", "full"])
def test_a_query_is_tried_again_on_a_new_connection(opened: Opened, problem: Exception) -> None:
    opened.fail(problem)
    assert opened.db.rows("SELECT x FROM t") == [(1,)]
    assert len(opened.had) == 2


def test_what_stays_wrong_is_raised(opened: Opened) -> None:
    Failing.problem = MALFORMED
    try:
        opened.fail(MALFORMED)
        with pytest.raises(DrmCommunicationException, match="malformed"):
            opened.db.rows("SELECT x FROM t")
    finally:
        Failing.problem = None
    assert opened.db.rows("SELECT x FROM t") == [(1,)]


def test_a_lock_is_no_reason_for_a_new_connection(opened: Opened) -> None:
    opened.fail(TryLaterException("locked"))
    with pytest.raises(TryLaterException):
        opened.db.rows("SELECT x FROM t")
    assert len(opened.had) == 1


def test_a_transaction_fails_as_a_whole_and_the_next_has_a_new_connection(opened: Opened) -> None:
    db = opened.db
    db.run("BEGIN IMMEDIATE")
    db.run("INSERT INTO t VALUES (2)")
    opened.fail(FULL)
    with pytest.raises(OutOfResourceException):
        db.run("INSERT INTO t VALUES (3)")
    db.rollback()
    assert not db.in_transaction
    db.run("BEGIN IMMEDIATE")
    db.run("INSERT INTO t VALUES (4)")
    db.run("COMMIT")
    assert db.rows("SELECT x FROM t ORDER BY x") == [(1,), (4,)]
    assert len(opened.had) == 2


def test_a_rollback_on_a_sound_connection_keeps_it(opened: Opened) -> None:
    opened.db.run("BEGIN IMMEDIATE")
    opened.db.many("INSERT INTO t VALUES (?)", [(2,), (3,)])
    opened.db.rollback()
    assert opened.db.rows("SELECT x FROM t") == [(1,)]
    assert len(opened.had) == 1


def test_a_rollback_that_fails_closes_the_connection(opened: Opened) -> None:
    opened.db.run("BEGIN IMMEDIATE")
    opened.fail(FULL)
    opened.db.rollback()
    assert opened.db.rows("SELECT x FROM t") == [(1,)]
    assert len(opened.had) == 2
