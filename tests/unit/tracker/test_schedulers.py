"""Jobs that a scheduler has, as clients see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mill import Mill
from proctracker.errors import DrmCommunicationException
from proctracker.model import JobRow, JobState
from proctracker.tracker import schedulers


class Fake:
    """A client whose supervisor says what it is told to."""

    def __init__(self, says: str | None = None) -> None:
        self.says, self.asked, self.rows, self.late = says, [""][:0], [[0]][:0], False

    def call(self, op: str, ids: list[str]) -> Any:
        self.asked += [op, *ids]
        if self.says == "gone":
            raise DrmCommunicationException("no supervisor")
        return {"wrong": self.says, "rows": self.rows, **({"late": True} if self.late else {})}


HANDED = JobRow("2", 2, runtime="mill", container="proctracker-x-2-1")
PLAIN = JobRow("1", 1, runtime="process")


def _read(ids: Sequence[str]) -> list[JobRow]:
    return [JobRow(each, int(each), runtime="mill", state=int(JobState.DONE), finished=1.0) for each in ids]


def test_what_a_scheduler_has_is_read_again(mill: Mill) -> None:
    client, told = Fake(), [""][:0]
    rows = schedulers.refreshed([PLAIN, HANDED], "h", lambda keeper: client, _read, told.append)  # type: ignore[arg-type,return-value]
    assert client.asked == ["refresh", "2"]
    assert [(row.id, row.state) for row in rows] == [("1", JobState.QUEUED), ("2", JobState.DONE)]
    assert told == []


def test_nobody_is_asked_where_there_is_none(mill: Mill) -> None:
    client = Fake()
    over = JobRow("3", 3, runtime="mill", container="x", finished=1.0)
    schedulers.refreshed([PLAIN, over], "h", lambda keeper: client, _read, print)  # type: ignore[arg-type,return-value]
    assert client.asked == []


@pytest.mark.parametrize(
    ("says", "said"), [("the controller is away", "the controller is away"), ("gone", "no supervisor")]
)
def test_why_it_could_not_be_seen_is_said(mill: Mill, says: str, said: str) -> None:
    told: list[str] = []
    rows = schedulers.refreshed([HANDED], "h", lambda keeper: Fake(says), _read, told.append)  # type: ignore[arg-type,return-value]
    assert told == [said]
    assert len(rows) == 1


def test_another_hosts_are_told_of_by_our_own_supervisor(mill: Mill) -> None:
    client, keepers = Fake(), [None][:0]
    seen = JobRow("2", 2, runtime="mill", container="x", host="other", state=int(JobState.RUNNING))
    client.rows = [[*vars(seen).values()]]  # type: ignore[list-item]

    def of(keeper: str | None) -> Fake:
        keepers.append(keeper)  # type: ignore[arg-type]
        return client

    there = JobRow("2", 2, runtime="mill", container="x", host="other")
    rows = schedulers.refreshed([there], "h", of, lambda ids: [], print)  # type: ignore[arg-type]
    assert keepers == [None]
    assert [row.state for row in rows] == [JobState.RUNNING]


@pytest.mark.parametrize(("number", "state"), [("7", JobState.UNDETERMINED), (None, JobState.QUEUED)])
def test_of_what_cannot_be_asked_nobody_knows_the_state(mill: Mill, number: str | None, state: JobState) -> None:
    """What is just being handed over waits, whoever can be asked."""
    row = JobRow("2", 2, runtime="mill", container="x", container_id=number)
    rows = schedulers.refreshed([row], "h", lambda keeper: Fake("away"), lambda ids: [row], lambda text: None)  # type: ignore[arg-type,return-value]
    assert (rows[0].state, rows[0].annotation) == (state, "away" if number else None)


def test_what_was_known_stands_where_the_answer_is_late(mill: Mill) -> None:
    client, told = Fake("no answer yet"), [""][:0]
    client.late = True
    row = JobRow("2", 2, runtime="mill", container="x", container_id="7", state=int(JobState.RUNNING))
    rows = schedulers.refreshed([row], "h", lambda keeper: client, lambda ids: [row], told.append)  # type: ignore[arg-type,return-value]
    assert ([each.state for each in rows], told) == ([JobState.RUNNING], ["no answer yet"])
