"""Homes as clients use them: configuration, which supervisor, errors that say where."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import proctracker as pt
from proctracker.errors import (
    DrmCommunicationException,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
)
from proctracker.store import Home, Store
from proctracker.tracker import place
from proctracker.tracker.place import Place
from proctracker.tracker.track import track_of
from stores import submit


@pytest.fixture
def two_hosts(tmp_path: Path) -> tuple[Place, str, str]:
    """A home with a job of this host and one of another."""
    mine, other = Store(Home(str(tmp_path))), Store(Home(str(tmp_path), "login1"))
    ids = (submit(mine, host=mine.home.host)[0].id, submit(other, host="login1", tasks=2)[0].id)
    mine.close()
    other.close()
    return (Place(str(tmp_path)), *ids)


def test_one_place_for_each_home(tmp_path: Path) -> None:
    assert place.at(str(tmp_path)) is place.at(str(tmp_path))
    assert place.here({"PROCTRACKER_HOME": str(tmp_path)}) is place.at(str(tmp_path))


def test_homes_nobody_uses_are_left(tmp_path: Path) -> None:
    for number in range(20):
        track_of(place.at(str(tmp_path / str(number))), "night")
    assert sum(path.startswith(str(tmp_path)) for path in place._places) <= 4


def test_another_hosts_job_says_where_to_go(two_hosts: tuple[Place, str, str]) -> None:
    here, _, theirs = two_hosts
    error = here.better(theirs, "wait", InvalidArgumentException("no job"))
    assert isinstance(error, DrmCommunicationException)
    assert str(error) == f"job {theirs} is on login1: ssh login1 proctracker wait {theirs}"
    other = InvalidStateException("x")
    assert here.better(theirs, "wait", other) is other


def test_targets_are_remembered_until_something_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Place(str(tmp_path))
    config = here.config()
    assert here.target(None, config) is here.target("process", config)
    with pytest.raises(InvalidArgumentException, match="contact: a name is expected"):
        here.target(3, config)  # type: ignore[arg-type]
    first = here.target("podman", config)
    assert here.target("podman", config) is first
    monkeypatch.setenv("CONTAINER_HOST", "unix:///elsewhere")
    assert here.target("podman", config).engine.env["CONTAINER_HOST"] == "unix:///elsewhere"


def test_jobs_go_to_the_supervisor_that_has_them(tmp_path: Path) -> None:
    store = Store(Home(str(tmp_path)))
    mine, theirs, over = submit(store)[0], submit(store, keeper="abc")[0], submit(store, keeper="abc", finished=1.0)[0]
    store.close()
    here = Place(str(tmp_path))
    ids = [mine.id, theirs.id, over.id]
    assert here.by_keeper(ids) == {"main": [mine.id, over.id], "abc": [theirs.id]}
    assert here.by_keeper([over.id, theirs.id]) == {"abc": [over.id, theirs.id]}
    assert here.by_keeper([over.id]) == {None: [over.id]}  # any supervisor can tell


class Refusing(Place):
    """A place whose jobs answer as told."""

    def __init__(self, path: str, problems: dict[str, pt.Drmaa2Exception]) -> None:
        super().__init__(path)
        self.problems = problems

    def act(self, ids: object, action: str, **options: object) -> dict[str, pt.Drmaa2Exception]:
        return self.problems


def test_an_array_reaches_what_fits(tmp_path: Path) -> None:
    unfit, unable = InvalidStateException("it is DONE"), UnsupportedOperationException("not here")
    Refusing(str(tmp_path), {"1_1": unfit}).act_on_all(["1_1", "1_2"], "hold", "array 1")
    with pytest.raises(InvalidStateException, match=r"array 1.*DONE"):
        Refusing(str(tmp_path), {"1_1": unfit, "1_2": unfit}).act_on_all(["1_1", "1_2"], "hold", "array 1")
    with pytest.raises(UnsupportedOperationException, match="job 1_2: not here"):
        Refusing(str(tmp_path), {"1_1": unfit, "1_2": unable}).act_on_all(["1_1", "1_2"], "hold", "array 1")


def test_reading_makes_nothing(tmp_path: Path) -> None:
    here = Place(str(tmp_path / "none"))
    assert here.reader.jobs() == []
    assert not os.path.exists(tmp_path / "none")


def test_a_container_changed_by_hand_is_acted_on_once_its_supervisor_has_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from proctracker.client.client import Client, Outcome
    from proctracker.model import JobState, Observation
    from proctracker.tracker import looks

    store = Store(Home(str(tmp_path)))
    row = submit(store, container="c", state=3, dispatched=1.0)[0]
    store.close()
    asked: list[object] = []

    def control(self: Client, ids: list[str], action: str) -> Outcome:
        asked.append(action)
        return Outcome([], {row.id: InvalidStateException("it is RUNNING")} if len(asked) == 1 else {})

    monkeypatch.setattr(Client, "control", control)
    monkeypatch.setattr(Client, "call", lambda self, op, **fields: asked.append(op))
    monkeypatch.setattr(Client, "wait", lambda self, ids, states, timeout: asked.append(states))
    seen = Observation(JobState.SUSPENDED)
    monkeypatch.setattr(looks, "look", lambda rows, reader, timeout: {row.id: seen for row in rows})
    assert Place(str(tmp_path)).act([row.id], "resume") == {}
    assert asked == ["resume", "look", "SUSPENDED", "resume"]


def test_a_container_that_is_as_recorded_is_not_asked_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from proctracker.client.client import Client, Outcome
    from proctracker.tracker import looks

    store = Store(Home(str(tmp_path)))
    row = submit(store, container="c", state=3, dispatched=1.0)[0]
    store.close()
    error = InvalidStateException("it is RUNNING")
    monkeypatch.setattr(Client, "control", lambda self, ids, action: Outcome([], {row.id: error}))
    monkeypatch.setattr(looks, "look", lambda rows, reader, timeout: {})
    assert Place(str(tmp_path)).act([row.id], "resume") == {row.id: error}
