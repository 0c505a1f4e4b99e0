"""Why queued jobs have not started."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from proctracker.config import Config
from proctracker.model import JobRow, JobState
from proctracker.store import Home, Reader, Store
from proctracker.tracker import reasons
from stores import end, submit


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """A store with a running job 1, of two slots."""
    opened = Store(home)
    opened.add_session("default", "process", 0)
    opened.add_session("night", "process", 3)
    (row,) = submit(opened, slots=2, session="night")
    row.state, row.dispatched = int(JobState.RUNNING), 5.0
    opened.update(row, ["state", "dispatched"])
    yield opened
    opened.close()


def _job(store: Store, spec: dict[str, Any] | None = None, **columns: Any) -> JobRow:
    row = submit(store, **columns)[0]
    if spec:
        store._db.run("UPDATE specs SET json=? WHERE id=?", (json.dumps(spec), row.spec))
    return row


def _why(store: Store, row: JobRow, **config: Any) -> tuple[str | None, str | None]:
    reader = Reader(store.home)
    (found,) = reasons.explained([row], reader, Config(**config))
    reader.close()
    return found.sub_state, found.annotation


def test_a_job_about_to_start_has_none(store: Store) -> None:
    assert _why(store, _job(store)) == (None, None)
    assert _why(store, _job(store, {"after": ["99"], "start_time": time.time() - 5})) == (None, None)
    running = store.jobs(["1"])[0]
    assert _why(store, running) == (None, None)
    for held in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD):
        assert _why(store, _job(store, state=int(held)))[0] == "held"


def test_many_are_told_what_each_is(store: Store) -> None:
    rows = [_job(store, {"after": ["1"]}), *(_job(store, session="night", slots=2) for _ in range(reasons._FEW))]
    reader = Reader(store.home)
    told = [(row.sub_state, row.annotation) for row in reasons.explained(rows, reader, Config())]
    reader.close()
    assert told == [_why(store, row) for row in rows]
    assert [word for word, _ in told] == ["dependency", *["max-running"] * reasons._FEW]


def test_a_dependency(store: Store) -> None:
    other = submit(store)[0]
    row = _job(store, {"after": ["1"], "after_any": [other.id]})
    assert _why(store, row) == ("dependency", f"it starts after 1 {other.id}")
    end(store, other, 9.0)
    assert _why(store, row) == ("dependency", "it starts after 1")
    array = submit(store, tasks=2)
    waiting = _job(store, {"after": [str(array[0].num)]})
    assert _why(store, waiting) == ("dependency", f"it starts after {array[0].num}")
    for task in array:
        end(store, task, 9.0)
    assert _why(store, waiting) == (None, None)
    many = _job(store, {"after": [submit(store)[0].id for _ in range(5)]})
    assert str(_why(store, many)[1]).endswith("and 2 more")


def test_a_start_time(store: Store) -> None:
    when = time.time() + 3600
    told = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
    assert _why(store, _job(store, {"start_time": when})) == ("start-time", f"it starts at {told}")


def test_no_slot(store: Store) -> None:
    assert _why(store, _job(store, session="night", slots=2)) == (
        *("max-running", "session night runs 2 of 3 at once (max_running)"),
    )
    assert _why(store, _job(store, session="night")) == (None, None)
    assert _why(store, _job(store), max_running_host=2) == (
        *("max-running", "this host runs 2 of 2 at once (max_running_host)"),
    )
    rows = submit(store, tasks=3)
    store._db.run("UPDATE arrays SET max_parallel=1")
    rows[0].dispatched = 7.0
    store.update(rows[0], ["dispatched"])
    assert _why(store, rows[1]) == ("max-running", f"array {rows[0].num} runs 1 at once (max_parallel)")


def test_an_engine_and_what_the_supervisor_says_itself(store: Store) -> None:
    assert _why(store, _job(store, category="image"))[0] == "engine"
    row = _job(store, category="image", annotation="podman is down")
    assert _why(store, row) == ("engine", "podman is down")
    row.host = "elsewhere"
    assert _why(store, row) == (None, "podman is down")
