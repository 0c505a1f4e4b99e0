"""Waits: time-outs as given, what needs no supervisor, several supervisors at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from proctracker.client.client import Client
from proctracker.errors import DrmCommunicationException, InvalidArgumentException, TimeoutException
from proctracker.store import Home, Store
from proctracker.tracker import waits
from proctracker.tracker.place import Place
from stores import end, submit


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, -1),
        (-1, -1),
        (0, 0),
        (2.5, 2.5),
        (float("inf"), -1),
        (10**400, -1),
        (86400 * 365, 86400 * 365),
        (timedelta(minutes=1), 60.0),
        (pt.Time.INFINITE_TIME, -1),
    ],
)
def test_time_outs(given: Any, seconds: float) -> None:
    assert waits.seconds(given) == seconds


@pytest.mark.parametrize("given", [-2, -0.5, "5", True, float("nan"), [1]])
def test_time_outs_that_are_none(given: Any) -> None:
    with pytest.raises(InvalidArgumentException, match="timeout"):
        waits.seconds(given)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(Home(str(tmp_path)))
    yield made
    made.close()


def test_what_has_ended_needs_no_supervisor(store: Store) -> None:
    rows = submit(store, tasks=3)
    place = Place(store.home.path)
    for row in rows:
        end(store, row, 1.0)
    ids = [row.id for row in rows]
    assert [row.id for row in waits.wait(place, ids[::-1])] == ids[::-1]
    assert [row.id for row in waits.wait(place, [ids[1]], any_=True, timeout=0)] == [ids[1]]
    assert not (Path(store.home.run) / "main.sock").exists()


def test_one_that_has_ended_is_enough_for_any(store: Store) -> None:
    held, over = submit(store)[0], submit(store)[0]
    end(store, over, 1.0)
    assert [row.id for row in waits.wait(Place(store.home.path), [held.id, over.id], any_=True)] == [over.id]


def test_another_hosts_job(store: Store, tmp_path: Path, served: Home) -> None:
    other = Store(Home(served.path, "login9"))
    theirs = submit(other, host="login9")[0]
    other.close()
    with pytest.raises(DrmCommunicationException, match=f"ssh login9 proctracker wait {theirs.id}"):
        waits.wait(Place(served.path), [theirs.id], timeout=5)


def test_an_unknown_job(session: pt.JobSession, served: Home) -> None:
    with pytest.raises(InvalidArgumentException, match="no job 999999"):
        waits.wait(Place(served.path), ["999999"], timeout=5)


def test_listening_tells_of_each_once(session: pt.JobSession, served: Home) -> None:
    place = Place(served.path)
    jobs = [session.run_job({"remote_command": "sleep", "args": [f"0.{number}"]}) for number in (2, 1)]
    ids = [job.job_id for job in jobs]
    found = [row.id for row in waits.as_ended(place, ids)]
    assert sorted(found) == sorted(ids)
    assert [*waits.as_ended(place, [])] == []


def test_several_supervisors_are_listened_to_together(session: pt.JobSession, served: Home) -> None:
    place = Place(served.path)
    key = place.client().supervisor.key
    jobs = [session.run_job({"remote_command": "sleep", "args": [time]}) for time in ("0.1", "0.2")]
    groups: dict[str | None, list[str]] = {None: [jobs[0].job_id], key: [jobs[1].job_id]}
    rows = waits._several(place, groups, "ended", False, 20)
    assert rows is not None
    assert {row.id for row in rows} == {job.job_id for job in jobs}
    held = session.run_job({"remote_command": "true", "submit_as_hold": True})
    assert waits._several(place, {None: [held.job_id]}, "ended", False, 0.05) is None


def test_a_time_out(session: pt.JobSession, served: Home) -> None:
    held = session.run_job({"remote_command": "true", "submit_as_hold": True})
    for timeout in (0, 0.02):
        with pytest.raises(TimeoutException):
            waits.wait(Place(served.path), [held.job_id], timeout=timeout)


@pytest.mark.parametrize(("noted", "how"), [(False, "tell"), (True, "call")])
def test_an_end_is_told_with_or_without_waiting_for_the_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch, noted: bool, how: str
) -> None:
    asked: list[Any] = []
    for name in ("tell", "call"):
        monkeypatch.setattr(Client, name, lambda self, op, name=name, **fields: asked.append((name, op, fields)))
    row, told, live = submit(store)[0], submit(store)[0], submit(store)[0]
    end(store, row, 1.0)
    end(store, told, 1.0)
    told.reported = 1
    waits.told(Place(store.home.path), [row, told, live], noted)
    assert asked == [(how, "reported", {"ids": [row.id]})]
