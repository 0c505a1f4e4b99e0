"""Who is told of what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.store.schema import COLUMNS
from proctracker.supervisor.base.jobs import Job, Jobs
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.serving.waits import Wait, Waits, values


class Client:
    """A connection that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.columns = len(COLUMNS)
        self.open = True

    def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)


class Stand:
    """Waits, and live and ended jobs around them."""

    def __init__(self) -> None:
        self.loop, self.jobs = Loop(), Jobs()
        self.over: dict[str, JobRow] = {}
        self.due: list[Callable[[], None]] = []
        self.store = SimpleNamespace(jobs=lambda ids: [self.over[name] for name in ids if name in self.over])
        self.ledger = SimpleNamespace(then=self.due.append)
        guests = SimpleNamespace(find=lambda name: None, take=lambda ids: None)
        self.waits = Waits(self, guests)  # type: ignore[arg-type]
        self.client = Client()

    def live(self, name: str, **columns: Any) -> JobRow:
        row = JobRow(name, int(name), **columns)
        self.jobs.add(Job(row, {}, ""))
        return row

    def ask(self, *ids: str, kind: str = "ended", number: int = 1, durable: bool = True) -> None:
        self.waits.add(self.client, number, list(ids), kind)  # type: ignore[arg-type]
        if durable:
            self.settle()

    def settle(self) -> None:
        while self.due:
            self.due.pop(0)()

    def change(self, row: JobRow, state: JobState, sub_state: str | None = None) -> None:
        row.state, row.sub_state = int(state), sub_state
        row.finished = 5.0 if state.ended else row.finished
        self.waits.changed(row)
        while self.loop._wait() == 0:
            self.loop.round()

    def pushed(self) -> list[tuple[int, list[str]]]:
        return [(each["push"], [item[0] for item in each["items"]]) for each in self.client.sent]


@pytest.fixture
def stand() -> Iterator[Stand]:
    made = Stand()
    yield made
    made.loop.close()


@pytest.mark.parametrize(("kind", "fitting"), [
    ("ended", "DONE FAILED UNDETERMINED"),
    ("started", "RUNNING SUSPENDED REQUEUED REQUEUED_HELD DONE FAILED UNDETERMINED"),
    ("SUSPENDED,QUEUED_HELD", "SUSPENDED QUEUED_HELD DONE FAILED UNDETERMINED"),
])  # fmt: skip
def test_what_fits(kind: str, fitting: str) -> None:
    wait = Wait(Client(), 1, [], kind)  # type: ignore[arg-type]
    found = set()
    for state in JobState:
        over = state.name in ("DONE", "FAILED", "UNDETERMINED")
        if wait.fits(JobRow("1", 1, state=int(state), finished=1.0 if over else None)):
            found.add(state.name)
    assert found == set(fitting.split())


def test_a_container_that_cannot_be_asked_has_not_ended() -> None:
    wait = Wait(Client(), 1, [], "ended")  # type: ignore[arg-type]
    assert not wait.fits(JobRow("1", 1, state=int(JobState.UNDETERMINED)))


def test_what_cannot_be_awaited(stand: Stand) -> None:
    stand.live("1")
    with pytest.raises(InvalidArgumentException, match=r"no job 2"):
        stand.ask("1", "2")
    with pytest.raises(InvalidArgumentException, match=r"no state 'RUNING': .*RUNNING"):
        stand.ask("1", kind="RUNNING,RUNING")
    assert stand.waits._of[stand.client] == {}  # type: ignore[index]


def test_an_answer_that_is_there_comes_once_it_is_durable(stand: Stand) -> None:
    stand.over["1"] = JobRow("1", 1, finished=1.0)
    stand.live("2", state=int(JobState.RUNNING))
    stand.ask("1", "2", "2", kind="started", durable=False)
    assert stand.client.sent == []
    stand.settle()
    assert stand.pushed() == [(1, ["1", "2"])]
    assert JobRow(*stand.client.sent[0]["items"][0]) == stand.over["1"]


def test_each_job_is_told_as_it_ends(stand: Stand) -> None:
    first, second = stand.live("1"), stand.live("2")
    stand.ask("1", "2")
    assert not stand.waits.wanted(first)
    stand.change(first, JobState.RUNNING)
    stand.change(second, JobState.FAILED)
    stand.change(second, JobState.FAILED, "again")
    assert stand.pushed() == [(1, ["2"])]
    stand.change(first, JobState.DONE)
    assert stand.pushed() == [(1, ["2"]), (1, ["1"])]
    assert not stand.waits.wanted(first)
    assert stand.client.sent[1]["items"] == [list(values(first))] or stand.client.sent[1]["items"] == [values(first)]


def test_one_push_for_what_happens_at_once(stand: Stand) -> None:
    rows = [stand.live(name) for name in "123"]
    stand.ask("1", "2", "3")
    for row in rows[:2]:
        row.finished = 1.0
        stand.waits.changed(row)
    stand.change(rows[2], JobState.DONE)
    assert stand.pushed() == [(1, ["1", "2", "3"])]


def test_a_job_reaped_while_somebody_waits(stand: Stand) -> None:
    stand.live("1")
    stand.ask("1")
    stand.waits.removed(["1", "2"])
    assert stand.client.sent == [{"push": 1, "error": ["InvalidArgumentException", "job 1 was reaped"]}]
    stand.over["2"] = JobRow("2", 2, finished=1.0)
    stand.ask("2", number=2, durable=False)
    stand.over.clear()
    stand.settle()
    assert not stand.waits.wanted(JobRow("1", 1, finished=1.0))


def test_who_waits_for_all_is_in_no_hurry_before_the_last(stand: Stand) -> None:
    rows = [stand.live(name) for name in "123"]
    stand.waits.add(stand.client, 1, ["1", "2", "3"], "ended", True)  # type: ignore[arg-type]
    stand.settle()
    wanted = []
    for row in rows:
        row.finished = 1.0
        wanted.append(stand.waits.wanted(row))
    assert wanted == [False, False, True]


@pytest.mark.parametrize("how", ["cancel", "leave"])
def test_nobody_is_told_who_does_not_wait_any_more(stand: Stand, how: str) -> None:
    row, other = stand.live("1"), Client()
    stand.ask("1")
    stand.waits.add(other, 1, ["1"], "ended")  # type: ignore[arg-type]
    stand.settle()
    if how == "leave":
        stand.waits.gone(stand.client)  # type: ignore[arg-type]
    else:
        stand.waits.cancel(stand.client, 1)  # type: ignore[arg-type]
    stand.change(row, JobState.DONE)
    assert (stand.client.sent, len(other.sent)) == ([], 1)


def test_a_client_that_left_before_its_answer(stand: Stand) -> None:
    stand.live("1")
    stand.ask("1", durable=False)
    stand.client.open = False
    stand.settle()
    assert not stand.waits.wanted(JobRow("1", 1, finished=1.0))
