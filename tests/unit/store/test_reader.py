"""The store as everybody else reads it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from proctracker.model import JobState
from proctracker.store import Home, Reader, Store
from proctracker.store.rows import UNSET
from stores import end, submit


def test_nothing_there_is_no_jobs(reader: Reader) -> None:
    many = [str(number) for number in range(2000)]
    for nothing in (reader.jobs(), reader.jobs(["1"]), reader.ids(), reader.sessions()):
        assert nothing == []
    for empty in (reader.states(["1"]), reader.states(many), reader.counts(), reader.spec(1)):
        assert empty == {}
    for unknown in (reader.array(1), reader.session("a"), reader.context("a")):
        assert unknown is None
    assert (reader.live_count(), reader.live_elsewhere(), reader.spec_context(1)) == (0, 0, "")
    assert not os.path.exists(reader.home.path)


def test_it_looks_again_once_there_is_something(home: Home, reader: Reader) -> None:
    assert reader.ids() == []
    home.prepare()
    assert reader.ids() == []
    store = Store(home)
    submit(store)
    assert reader.ids() == ["1"]
    store.close()


@pytest.fixture
def filled(store: Store) -> Store:
    """1 queued, 2 running in ``night``, 3_1 done, 3_2 held and reported."""
    submit(store)
    submit(store, session="night", state=int(JobState.RUNNING))
    tasks = submit(store, tasks=2)
    end(store, tasks[0], 9.0, sub_state="x")
    tasks[1].state, tasks[1].reported = int(JobState.QUEUED_HELD), 1
    store.update(tasks[1], ["state", "reported"])
    store.add_session("night", "podman", 3)
    return store


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, "1 2 3_1 3_2"),
        ({"session": "night"}, "2"),
        ({"session": "none"}, ""),
        ({"live": True}, "1 2 3_2"),
        ({"live": False}, "3_1"),
        ({"states": [JobState.RUNNING, JobState.DONE]}, "2 3_1"),
        ({"states": []}, ""),
        ({"array": 3}, "3_1 3_2"),
        ({"array": 1}, ""),
        ({"limit": 2}, "3_1 3_2"),
        ({"limit": 0}, ""),
        ({"unreported": True, "live": True}, "1 2"),
        ({"session": "default", "live": True, "limit": 1}, "3_2"),
    ],
)
@pytest.mark.usefixtures("filled")
def test_what_fits_all_that_is_asked(reader: Reader, terms: dict[str, object], expected: str) -> None:
    assert reader.ids(**terms) == [row.id for row in reader.jobs(**terms)] == expected.split()  # type: ignore[arg-type]


@pytest.mark.usefixtures("filled")
def test_jobs_by_id(reader: Reader) -> None:
    assert [row.id for row in reader.jobs(["3_2", "1", "77", "x", "1"])] == ["1", "3_2"]
    assert [row.id for row in reader.jobs(["3_2", "1", "2"], limit=2)] == ["2", "3_2"]
    assert reader.jobs([]) == []
    assert reader.jobs(["1", "2"], session="night")[0].id == "2"
    assert reader.keepers(["3_1", "1", "9", "2"]) == {"1": "main", "2": "main"}
    assert list(reader.states(["3_1", "1", "9"]).items()) == [("3_1", (7, "x", 9.0)), ("1", (1, None, None))]


@pytest.mark.usefixtures("filled")
def test_counts_sessions_and_arrays(reader: Reader) -> None:
    assert reader.counts() == {"default": {1: 1, 2: 1, 7: 1}, "night": {3: 1}}
    assert reader.counts("night") == {"night": {3: 1}}
    assert reader.live_count() == 3
    assert [(each.name, each.contact, each.max_running) for each in reader.sessions()] == [("night", "podman", 3)]
    assert reader.session("night") == reader.sessions()[0]
    array = reader.array(3)
    assert array is not None
    assert array.indices == [1, 2]


def test_all_states_of_a_session(filled: Store, reader: Reader) -> None:
    assert reader.session_states("night") == {"2": (3, None, None)}
    assert set(reader.session_states(filled.jobs(["1"])[0].session)) == {"1", "3_1", "3_2"}
    assert reader.session_states("none") == {}


def test_the_mark_changes_with_every_commit(store: Store, reader: Reader) -> None:
    marks = [reader.mark()]
    for _ in range(3):
        submit(store)
        marks.append(reader.mark())
    assert reader.mark() == marks[-1]
    assert len({str(mark) for mark in marks}) == 4


@pytest.mark.usefixtures("filled")
def test_specs_and_contexts(reader: Reader) -> None:
    number = reader.jobs(["1"])[0].spec
    assert reader.spec(number) == {**UNSET, "name": "night"}
    assert reader.spec(number) is reader.spec(number)
    assert reader.context(reader.spec_context(number)) == {"env": {"NAME": "ctx"}}


@pytest.mark.usefixtures("filled")
def test_transitions_from_a_point_on(reader: Reader) -> None:
    assert [each.job_id for each in reader.transitions()] == ["1", "2", "3_1", "3_2"]
    assert [each.job_id for each in reader.transitions(session="night")] == ["2"]
    assert [each.job_id for each in reader.transitions(["3_2", "1"])] == ["1", "3_2"]
    assert [each.job_id for each in reader.transitions(["3_2", "1"], after_seq=1)] == ["3_2"]
    assert [each.job_id for each in reader.transitions(["2", *map(str, range(1000, 3000))])] == ["2"]
    assert reader.transitions(after_seq=reader.transitions()[-1].seq) == []


def test_ten_thousand_jobs(store: Store, reader: Reader) -> None:
    rows = [row for _ in range(10) for row in submit(store, tasks=1000, command='["sleep", "5"]')]
    ids = [row.id for row in rows]
    assert reader.ids() == ids
    assert reader.jobs() == rows
    assert [row.id for row in reader.jobs(ids[::3])] == ids[::3]
    assert list(reader.states(ids[::-1])) == ids[::-1]
    sparse = [*ids[:500], *(str(number) for number in range(5000, 900_000, 1000))]
    assert list(reader.states(sparse)) == ids[:500]
    assert reader.counts() == {"default": {1: 10_000}}
    assert reader.ids(limit=1) == [ids[-1]]


def test_many_processes_read_while_one_writes(home: Home, store: Store) -> None:
    script = """
import sys
from proctracker.store import Home, Reader
reader, seen = Reader(Home(*sys.argv[1:])), 0
while seen < 60:
    rows = reader.jobs()
    changes = reader.transitions()
    assert len(rows) >= seen and len(rows) % 3 == 0, (len(rows), seen)
    assert len(changes) >= len(rows)
    seen = len(rows)
"""
    argv = [sys.executable, "-c", script, home.path, home.host]
    readers = [subprocess.Popen(argv, stderr=subprocess.PIPE) for _ in range(6)]
    for _ in range(20):
        submit(store, tasks=3)
    assert [each.communicate(timeout=60)[1] for each in readers] == [b""] * 6


def test_it_pickles(filled: Store, reader: Reader) -> None:
    assert reader.ids()
    again = pickle.loads(pickle.dumps(reader))
    assert again.home == filled.home
    assert again.ids() == reader.ids()
    again.close()


def test_other_hosts_jobs(home: Home, store: Store, reader: Reader) -> None:
    second = Store(Home(home.path, "node2"))
    rows = submit(second, tasks=3)
    end(second, rows[0], 1.0)
    submit(store)
    assert [each.host for each in home.others()] == ["node2"]
    assert reader.live_elsewhere() == 2
    assert set(Reader(home.others()[0]).ids()).isdisjoint(reader.ids())
    second.close()


def test_the_specs_of_a_replaced_file_are_forgotten(home: Home, store: Store, reader: Reader, tmp_path: Path) -> None:
    spec = submit(store, tasks=2)[0].spec
    assert reader.spec(spec)["name"] == "night"
    other = Store(Home(str(tmp_path / "other")))
    other.close()
    os.replace(other.path, home.database)
    for rest in ("-wal", "-shm"):
        os.unlink(home.database + rest)
    assert reader.ids() == []
    assert reader.spec(spec) == {}
