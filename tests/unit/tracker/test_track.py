"""States: from the store, in one read for many, and never stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobState, Observation
from proctracker.store import Home, Store
from proctracker.tracker import looks, track
from proctracker.tracker.place import Place
from proctracker.tracker.track import Track, track_of
from stores import end, submit


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(Home(str(tmp_path)))
    yield made
    made.close()


@pytest.fixture
def tracked(store: Store, monkeypatch: pytest.MonkeyPatch) -> Track:
    monkeypatch.setattr(track, "TRUSTED", 0.0)
    return Track(Place(store.home.path), "default")


def reads(tracked: Track, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the store from now on."""
    asked: list[str] = []
    current = tracked.place.reader._current
    original = current.rows
    monkeypatch.setattr(current, "rows", lambda text, values=(): asked.append(text) or original(text, values))
    return asked


def test_one_read_tells_of_all_that_have_ended(store: Store, tracked: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = submit(store, tasks=50)
    for row in rows:
        end(store, row, 1.0)
    asked = reads(tracked, monkeypatch)
    assert {tracked.state(row.id) for row in rows} == {(JobState.DONE, None)}
    assert len([text for text in asked if "PRAGMA" not in text]) == 1


def test_a_change_is_seen_at_once(store: Store, tracked: Track) -> None:
    row = submit(store, state=3, dispatched=1.0)[0]
    assert tracked.state(row.id)[0] == JobState.RUNNING or tracked.state(row.id)[1] == "lost"
    end(store, row, 2.0, sub_state="time-limit")
    assert tracked.state(row.id) == (JobState.DONE, "time-limit")


def test_a_reaped_job_is_unknown(store: Store, tracked: Track) -> None:
    row = submit(store)[0]
    end(store, row, 1.0)
    tracked.state(row.id)
    store.delete([row.id])
    with pytest.raises(InvalidArgumentException, match=f"no job {row.id}"):
        tracked.state(row.id)


def test_a_changing_store_is_not_read_whole_each_time(
    store: Store, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = submit(store, tasks=20)
    for row in rows[:10]:
        end(store, row, 1.0)
    tracked._prefetch()
    tracked._rest = float("inf")
    asked = reads(tracked, monkeypatch)
    end(store, rows[10], 1.0)
    assert tracked.state(rows[10].id)[0] == JobState.DONE
    assert not any("session=" in text for text in asked)


def test_a_live_container_is_looked_at_with_all_others(
    store: Store, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: dict[str, Any] = {"state": 3, "dispatched": 1.0, "host": store.home.host}
    rows = [submit(store, container=name, **values)[0] for name in "abc"]
    asked: list[list[str]] = []

    def look(rows: Any, reader: Any, timeout: float) -> dict[str, Observation]:
        asked.append([row.container for row in rows])
        return {row.id: Observation(JobState.SUSPENDED) for row in rows}

    monkeypatch.setattr(looks, "look", look)
    monkeypatch.setattr(looks, "LONGEST", 60.0)
    tracked.looks._clock = iter([0.0, 0.0, 60.0, *[61.0] * 50]).__next__
    assert [tracked.state(row.id)[0] for row in rows] == [JobState.SUSPENDED] * 3
    assert asked == [["a", "b", "c"]]
    end(store, rows[2], 2.0)
    assert [tracked.state(row.id)[0] for row in rows[1:]] == [JobState.SUSPENDED, JobState.DONE]
    assert asked == [["a", "b", "c"]]
    tracked.forget(rows[0].id)
    tracked.state(rows[0].id)
    assert len(asked) == 2


def test_nothing_is_read_again_for_what_was_just_looked_at(
    store: Store, tracked: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: dict[str, Any] = {"state": 3, "dispatched": 1.0, "host": store.home.host}
    rows = [submit(store, container=name, **values)[0] for name in "abc"]
    monkeypatch.setattr(looks, "look", lambda rows, reader, timeout: {})
    tracked.looks._clock = iter([0.0, 60.0, *[60.1] * 50]).__next__
    tracked.state(rows[0].id)
    tracked._rest = float("inf")
    asked = reads(tracked, monkeypatch)
    assert [tracked.state(row.id)[0] for row in rows] == [JobState.RUNNING] * 3
    assert set(asked) == {"PRAGMA data_version"}


def test_one_track_for_each_session(tmp_path: Path) -> None:
    here = Place(str(tmp_path))
    assert track_of(here, "a") is track_of(here, "a") is not track_of(here, "b")
