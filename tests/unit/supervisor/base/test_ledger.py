"""The ledger: batches, what is told when, and a store that refuses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from proctracker.errors import OutOfResourceException
from proctracker.model import JobRow, JobState
from proctracker.store import Home, Reader, Store
from proctracker.supervisor.base import ledger as module
from proctracker.supervisor.base.journal import Journal
from proctracker.supervisor.base.ledger import CHANGING, Ledger
from proctracker.supervisor.base.loop import Loop


class Desk:
    """A ledger with all that is around it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(str(folder / "state"))
        self.store, self.journal, self.loop = Store(self.home), Journal(), Loop()
        self.ledger = Ledger(self.store, self.journal, self.loop)
        self.reader = Reader(self.home)
        self.told: list[tuple[str, int]] = []
        self.ledger.on_change = lambda row: self.told.append((row.id, row.state))

    def accept(self, number: int) -> JobRow:
        row = JobRow(str(number), number)
        self.ledger.accept(lambda store: store.add_jobs([row]))
        return row

    def kept(self, job_id: str = "1") -> JobRow:
        return self.reader.jobs([job_id])[0]

    def refuse(self, patch: pytest.MonkeyPatch) -> None:
        """Have every commit fail until the patch is undone."""

        def commit() -> None:
            raise OutOfResourceException("disk full")

        patch.setattr(self.store, "commit", commit)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.reader.close()
    made.ledger.close()
    made.loop.close()


def test_what_changes_is_in_the_row() -> None:
    names = {field.name for field in fields(JobRow)}
    assert set(CHANGING) < names
    constant = (
        "id num task session contact runtime name spec submitted host priority slots keeper reported resubmitted_from"
    )
    assert names - set(CHANGING) == {*constant.split(), "command", "category"}


def test_a_change_is_written_with_the_next_commit(desk: Desk) -> None:
    row = desk.accept(1)
    before = desk.ledger.change(row, JobState.RUNNING)
    row.pid = 7
    assert desk.kept().state == JobState.QUEUED
    assert not desk.ledger.clean
    desk.loop.round()
    assert replace(desk.kept()) == row
    assert (desk.kept().pid, desk.kept().running_since) == (7, before)
    assert [(each.state, each.time) for each in desk.reader.transitions(after_seq=1)] == [(JobState.RUNNING, before)]
    assert desk.told == [("1", JobState.RUNNING)]
    assert desk.ledger.clean


@pytest.mark.parametrize("also", [False, True])
def test_a_handing_over_is_written_with_the_next_commit(desk: Desk, also: bool) -> None:
    row = desk.accept(1)
    row.container, row.dispatched, row.boot = "proctracker-1", 5.0, "b"
    desk.ledger.handed(row)
    if also:
        row.pid = 7
        desk.ledger.change(row)
    assert (desk.ledger.due("1"), desk.ledger.clean) == (row, False)
    desk.ledger.flush()
    assert replace(desk.kept()) == row
    assert (desk.ledger.due("1"), desk.ledger.clean) == (None, True)


def test_what_is_about_to_be_written_can_be_completed(desk: Desk) -> None:
    row = desk.accept(1)

    def complete() -> None:
        row.pid = 7

    desk.ledger.before = complete
    desk.accept(2)
    assert row.pid is None
    desk.ledger.change(row)
    desk.ledger.flush()
    assert desk.kept().pid == 7


def test_the_same_state_again_is_no_transition(desk: Desk) -> None:
    row = desk.accept(1)
    desk.ledger.change(row, JobState.RUNNING)
    desk.ledger.change(row, JobState.RUNNING)
    desk.ledger.change(row)
    desk.ledger.change(row, JobState.RUNNING, "restarting")
    desk.ledger.flush()
    assert [each.sub_state for each in desk.reader.transitions(after_seq=1)] == [None, "restarting"]


def test_an_end_has_its_own_time(desk: Desk) -> None:
    row = desk.accept(1)
    assert desk.ledger.change(row, JobState.DONE, finished=5.0) == 5.0
    desk.ledger.flush()
    assert (desk.kept().finished, desk.reader.transitions()[-1].time) == (5.0, 5.0)


def test_times_never_go_back(desk: Desk) -> None:
    row = desk.accept(1)
    ran = desk.ledger.change(row, JobState.RUNNING, at=9.0)
    assert (ran, row.running_since) == (9.0, 9.0)
    assert desk.ledger.change(row, JobState.DONE, finished=5.0) == row.finished == 9.0
    desk.ledger.flush()
    assert [each.time for each in desk.reader.transitions()] == [0.0, 9.0, 9.0]


def test_times_never_go_back_after_a_kill(desk: Desk) -> None:
    row = desk.accept(1)
    desk.ledger.change(row, JobState.RUNNING, at=9.0)
    desk.ledger.flush()
    later = Ledger(desk.store, desk.journal, desk.loop)
    assert later.change(desk.store.jobs(["1"])[0], JobState.DONE, finished=5.0) == 9.0
    later.flush()


def test_who_waits_is_called_once_it_is_durable(desk: Desk) -> None:
    row = desk.accept(1)
    found: list[int] = []
    desk.ledger.change(row, JobState.DONE)
    desk.ledger.then(lambda: found.append(desk.kept().state))
    assert found == []
    desk.loop.round()
    assert found == [JobState.DONE]
    assert desk.loop._wait() is None


def test_what_somebody_waits_for_does_not_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 1000.0)
    first, second = desk.accept(1), desk.accept(2)
    desk.ledger.urgent = lambda row: row.id == "2"
    desk.ledger.change(first, JobState.RUNNING)
    assert (desk.loop._wait() or 0) > 100
    desk.ledger.change(second, JobState.RUNNING)
    desk.loop.round()
    assert [row.state for row in desk.reader.jobs()] == [JobState.RUNNING] * 2


def test_new_rows_are_written_at_once_and_what_is_due_in_its_time(desk: Desk) -> None:
    row = desk.accept(1)
    desk.ledger.change(row, JobState.RUNNING)
    desk.accept(2)
    assert desk.reader.ids() == ["1", "2"]
    assert desk.kept().state == JobState.QUEUED
    desk.loop.round()
    assert desk.kept().state == JobState.RUNNING
    assert desk.loop._wait() is None


def test_rows_the_store_refuses_leave_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.accept(1)
    desk.ledger.change(row, JobState.RUNNING)
    with monkeypatch.context() as patch:
        desk.refuse(patch)
        with pytest.raises(OutOfResourceException):
            desk.accept(2)
    assert desk.reader.ids() == ["1"]
    assert desk.told == []
    desk.ledger.flush()
    assert desk.kept().state == JobState.RUNNING
    assert desk.reader.ids() == ["1"]


def test_what_cannot_be_written_is_kept_and_tried_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.0)
    row = desk.accept(1)
    called: list[str] = []
    desk.journal.ended(7, 8, 0, 5.0)
    with monkeypatch.context() as patch:
        desk.refuse(patch)
        desk.ledger.change(row, JobState.DONE, finished=5.0)
        desk.ledger.then(lambda: called.append("then"))
        desk.loop.round()
        desk.loop.round()
        with pytest.raises(OutOfResourceException):
            desk.accept(2)
    assert (called, desk.told, desk.kept().state) == ([], [], JobState.QUEUED)
    assert desk.journal.read()[1] != []
    desk.loop.round()
    assert (called, desk.kept().state) == (["then"], JobState.DONE)
    assert desk.told == [("1", JobState.DONE)]
    assert desk.journal.read() == ([], [])


def test_there_is_one_time_for_the_next_try(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row = desk.accept(1)
    with monkeypatch.context() as patch:
        desk.refuse(patch)
        desk.ledger.change(row, JobState.DONE, finished=5.0)
        for _ in range(9):
            desk.ledger.flush()
    assert sum(timer.call is not None for _, _, timer in desk.loop._timers) == 1


def test_closing_writes_the_rest(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.ledger.change(desk.accept(1), JobState.SUSPENDED)
    desk.ledger.close()
    assert desk.kept().state == JobState.SUSPENDED
    desk.loop.close()


def test_a_commit_after_a_failed_one_counts_once_a_new_connection_reads_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = desk.accept(1)
    with monkeypatch.context() as patch:
        desk.refuse(patch)
        desk.ledger.change(row, JobState.RUNNING)
        desk.ledger.flush()
    with monkeypatch.context() as patch:
        # What a server refused after it had taken it.
        patch.setattr(Store, "jobs", lambda self, ids: [replace(row, state=int(JobState.QUEUED))])
        desk.ledger.flush()
        assert not desk.ledger.clean
    desk.ledger.flush()
    assert desk.ledger.clean
    assert desk.kept().state == JobState.RUNNING


@pytest.mark.parametrize(
    ("column", "value"),
    [("max_rss", 2**70), ("cpu", {}), ("annotation", "half \ud800"), ("sub_state", "half \ud800"), ("nodes", ["n1"])],
)
def test_a_row_that_no_store_takes_keeps_no_other_from_being_written(desk: Desk, column: str, value: object) -> None:
    one, other = desk.accept(1), desk.accept(2)
    desk.ledger.change(one, JobState.FAILED, str(value) if column == "sub_state" else None)
    setattr(one, column, value)
    desk.ledger.change(other, JobState.DONE)
    desk.ledger.flush()
    assert desk.ledger.clean
    kept = desk.kept()
    assert (kept.state, kept.sub_state, desk.kept("2").state) == (JobState.FAILED, None, JobState.DONE)
    assert f"as {column}, " in (kept.annotation or "")
