"""Followers: what they are sent, in which order, how far one that does not read is followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.serving import followers as module
from supervising import Desk


class Client:
    """A connection that keeps what it is sent, and reads when a test says so."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.messages: list[dict[str, Any]] = []
        self.open, self.behind, self.reads, self.sent = True, False, True, 0

    def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)
        self.behind = not self.reads
        self.sent += self.reads

    def read(self) -> None:
        """Take all that was sent."""
        self.sent, self.behind = self.sent + 1, False
        self.desk.service.followers.feed()

    def close(self) -> None:
        self.open = False
        self.desk.service.followers.gone(self)  # type: ignore[arg-type]

    def changes(self) -> list[tuple[str, int]]:
        """All that it was told: job and state."""
        return [(change[0], change[4]) for each in self.messages for change in each["items"]]

    def follow(self, session: str | None = None, since: int | None = None, number: int = 1) -> int:
        return self.desk.service.followers.add(self, number, session, since)  # type: ignore[arg-type]


@pytest.fixture
def reader(desk: Desk) -> Client:
    return Client(desk)


def _settled(desk: Desk, job: Job) -> None:
    """The loop has turned until a job's end is told."""
    desk.ended(job)
    desk.service.followers.feed()


LIFE = [JobState.QUEUED, JobState.RUNNING, JobState.DONE]


def test_every_change_from_now_on(desk: Desk, reader: Client) -> None:
    _settled(desk, desk.submit("true"))
    began = reader.follow()
    job = desk.submit("true")
    assert reader.changes() == [(job.row.id, JobState.QUEUED)]
    _settled(desk, job)
    assert reader.changes() == [(job.row.id, state) for state in LIFE]
    assert began < reader.messages[0]["seq"] < reader.messages[-1]["seq"] == desk.here.store.last_change()
    assert reader.messages[-1]["items"][-1][:3] == [job.row.id, "s", 1]
    assert reader.messages[-1]["items"][-1][3] == job.row.finished


@pytest.mark.parametrize("since", [0, 2])
def test_what_was_missed_comes_first(desk: Desk, reader: Client, since: int) -> None:
    first, second = desk.submit("true"), desk.submit("true", hold=True)
    reader.follow(since=since)
    _settled(desk, first)
    told = [(change[0], change[4]) for change in _all(desk)]
    assert reader.changes() == told[since:]
    assert (second.row.id, JobState.QUEUED_HELD) in told


def _all(desk: Desk) -> list[list[Any]]:
    return [list(change[1:]) for change in desk.here.store.changes(0, 1000)]


def test_a_number_the_store_never_gave_is_the_newest(desk: Desk, reader: Client) -> None:
    desk.submit("true", hold=True)
    assert reader.follow(since=10**9) == 1
    desk.submit("true", hold=True)
    assert reader.changes() == [("2", JobState.QUEUED_HELD)]


def test_one_session_alone(desk: Desk, reader: Client) -> None:
    reader.follow("a")
    desk.submit("true", session="b", hold=True)
    desk.submit("true", session="a", hold=True)
    assert reader.changes() == [("2", JobState.QUEUED_HELD)]


def test_portions_follow_each_other(desk: Desk, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PORTION", 3)
    desk.submit("true", indices=[*range(1, 9)], hold=True)
    reader.follow(since=0)
    desk.until(lambda: len(reader.changes()) == 8)
    assert [name for name, _ in reader.changes()] == [f"1_{task}" for task in range(1, 9)]
    assert [len(each["items"]) for each in reader.messages] == [3, 3, 2]


def test_who_does_not_read_is_sent_no_more_until_it_does(
    desk: Desk, reader: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PORTION", 3)
    reader.reads = False
    reader.follow()
    for _ in range(3):
        desk.submit("true", indices=[*range(1, 9)], hold=True)
    assert len(reader.changes()) == 3
    reader.reads = True
    reader.read()
    desk.until(lambda: len(reader.changes()) == 24)
    assert len(set(reader.changes())) == 24


def test_who_reads_nothing_for_too_long_is_left(desk: Desk, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEHIND", 10)
    reader.reads = False
    reader.follow()
    desk.submit("true", indices=[*range(1, 9)], hold=True)
    desk.submit("true", hold=True)
    assert reader.open
    desk.submit("true", indices=[*range(1, 9)], hold=True)
    assert not reader.open
    assert not desk.service.followers


def test_who_reads_slowly_is_not_left(desk: Desk, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEHIND", 10)
    reader.reads = False
    reader.follow()
    for _ in range(5):
        desk.submit("true", indices=[*range(1, 9)], hold=True)
        reader.sent += 1
    assert reader.open


def test_what_was_reaped_is_passed_over(desk: Desk, reader: Client) -> None:
    job = desk.submit("true")
    desk.ended(job)
    desk.service.forgetting.reap([job.row.id], lambda outcome: None)
    desk.until(lambda: not desk.here.store.jobs([job.row.id]))
    reader.follow(since=0)
    desk.service.followers.feed()
    other = desk.submit("true", hold=True)
    assert reader.changes() == [(other.row.id, JobState.QUEUED_HELD)]


def test_changes_of_another_supervisors_jobs(desks: Callable[..., Desk]) -> None:
    ours, other = desks(), desks(key="other")
    reader = Client(ours)
    reader.follow()
    ours.service.followers.feed()
    other.submit("true", hold=True)
    ours.until(reader.changes, "the change")
    assert reader.changes() == [("1", JobState.QUEUED_HELD)]


@pytest.mark.parametrize("how", ["cancel", "leave"])
def test_who_follows_no_longer(desk: Desk, reader: Client, how: str) -> None:
    reader.follow(number=2)
    if how == "leave":
        desk.service.followers.gone(reader)  # type: ignore[arg-type]
    else:
        desk.service.followers.cancel(reader, 1)  # type: ignore[arg-type]
        assert desk.service.followers
        desk.service.followers.cancel(reader, 2)  # type: ignore[arg-type]
    desk.submit("true", hold=True)
    assert (reader.messages, bool(desk.service.followers)) == ([], False)


def test_a_store_that_cannot_be_read_is_read_again(desk: Desk, reader: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN", 0.0)
    reader.follow()

    def failing(after: int, limit: int) -> list[Any]:
        raise DrmCommunicationException("not now")

    with monkeypatch.context() as patch:
        patch.setattr(desk.here.store, "changes", failing)
        desk.submit("true", hold=True)
    desk.until(reader.changes, "the change")
    assert reader.changes() == [("1", JobState.QUEUED_HELD)]
