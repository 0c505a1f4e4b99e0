"""The store as its writer uses it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.store import ArrayRow, Home, Reader, Store
from stores import end, submit


def test_sessions(store: Store) -> None:
    store.add_session("night", "podman", 4)
    store.add_session("day", "process", 0)
    assert store.session("night") == ("podman", 4)
    assert store.session("none") is None
    with pytest.raises(InvalidArgumentException, match="session 'night' exists already: open it, or choose"):
        store.add_session("night", "process", 0)
    store.set_session("night", 9)
    assert [(each.name, each.max_running) for each in store.sessions()] == [("day", 0), ("night", 9)]
    store.remove_session("night")
    assert [each.name for each in store.sessions()] == ["day"]


def test_every_column_comes_back(store: Store, reader: Reader) -> None:
    row = JobRow(
        "7_3", 7, 3, "night", "podman:/x", "podman", "n", 5, 3, "sub", "why", 1, "SIGTERM", 1.5, 2.5, None, 3.5, 4.5, 5.5,
        6, 7, 8, "boot", "node1", "c", "cid", 2, -1, 3, "slurm", 0, 1, "6", "/w", "/i", "/o", "/e", '["a"]', "img",
    )  # fmt: skip
    store.add_jobs([row])
    assert store.jobs(["7_3"]) == reader.jobs() == [row]


@pytest.mark.parametrize("differs", [None, "command", "output", "priority"])
def test_tasks_that_are_alike_come_back_as_they_were(store: Store, reader: Reader, differs: str | None) -> None:
    rows = [
        JobRow(f"7_{task}", 7, task, "night", "slurm", "slurm", "n", 5, 3, submitted=1.5, command='["a"]', output="/o")
        for task in (1, 2, 5)
    ]
    if differs:
        setattr(rows[2], differs, {"command": '["b"]', "output": "/p", "priority": 4}[differs])
    store.add_jobs(rows)
    assert store.jobs([row.id for row in rows]) == reader.jobs() == rows
    assert [each.job_id for each in reader.transitions()] == [row.id for row in rows]


def test_paths_and_names_need_be_no_text(store: Store, reader: Reader) -> None:
    odd = os.fsdecode(b"/caf\xe9")
    row = submit(store, name=odd, output=odd)[0]
    row.error = odd
    store.update(row, ["error"])
    store.transitions_many([(row.id, 1, 1.0, 3, odd)])
    assert store.jobs([row.id]) == reader.jobs([row.id]) == [row]
    assert reader.transitions()[-1].sub_state == odd


def test_numbers_are_consecutive_and_never_more_than_a_block(store: Store) -> None:
    store.begin()
    found = [store.allocate(count) for count in (1, 5, 1, 990, 999, 1)]
    assert found == [1, 2, 7, 1000, 2000, 2999]
    for count in (0, 1000, -1):
        with pytest.raises(InvalidArgumentException, match="ask for 1 to 999"):
            store.allocate(count)
    store.commit()


def test_ids_and_numbers_are_never_used_again(home: Home, reader: Reader) -> None:
    store = Store(home)
    rows = [submit(store)[0] for _ in range(3)]
    last, spec = reader.transitions()[-1].seq, rows[-1].spec
    store.delete([row.id for row in rows])
    assert (reader.ids(), reader.transitions()) == ([], [])
    store.close()
    store = Store(home)
    row = submit(store)[0]
    assert row.num > rows[-1].num
    assert row.spec > spec
    assert reader.transitions()[-1].seq > last
    store.close()


def test_specs_and_contexts(store: Store) -> None:
    store.add_context("k", '{"a": 1, "b": 2}')
    store.add_context("k", '{"b": 2, "a": 1}')
    with pytest.raises(InvalidArgumentException, match="other surroundings"):
        store.add_context("k", '{"a": 2, "b": 2}')
    assert store.context("k") == '{"a": 1, "b": 2}'
    assert store.context("none") is None
    first, second = store.add_spec('{"x": 1}', "k"), store.add_spec("{}", "k")
    assert store.spec(first) == ('{"x": 1}', "k")
    assert store.spec(99) == ("{}", "")
    assert sorted(store.specs([first, second, 99])) == [first, second]


def test_arrays(store: Store) -> None:
    store.add_array(4, "night", 1, range(1, 6, 2), 2, ["a", "é", "c"])
    store.add_array(5, "night", 1, [1], 0, None)
    assert store.array(4) == ArrayRow(4, "night", 1, [1, 3, 5], 2, ["a", "é", "c"])
    assert store.array(5) == ArrayRow(5, "night", 1, [1], 0)
    assert store.array(6) is None


def test_new_jobs_begin_with_a_transition(store: Store, reader: Reader) -> None:
    row = submit(store, submitted=5.0, state=int(JobState.QUEUED_HELD))[0]
    assert [tuple(each) for each in reader.transitions()] == [(1, row.id, 1, 5.0, 2, None)]
    store.transitions_many([(row.id, 1, 6.0, 1, None), (row.id, 2, 7.0, 5, "retry 2/3")])
    store.transitions_many([])
    assert [(each.seq, each.attempt, each.sub_state) for each in reader.transitions(after_seq=1)] == [
        (2, 1, None),
        (3, 2, "retry 2/3"),
    ]


def test_updates_touch_the_named_columns_of_the_named_rows(store: Store) -> None:
    rows = submit(store, tasks=3)
    rows[0].name, rows[0].pid, rows[2].name = "a", 5, "c"
    store.update_many([rows[0], rows[2]], ["name"])
    assert [(row.name, row.pid) for row in store.jobs([row.id for row in rows])] == [
        ("a", None),
        (None, None),
        ("c", None),
    ]


def test_a_supervisor_finds_its_own_live_jobs(store: Store) -> None:
    mine = submit(store, tasks=2)
    submit(store, keeper="slurm-7")
    end(store, mine[0], 5.0)
    assert [row.id for row in store.live("main")] == [mine[1].id]
    assert [row.id for row in store.session_jobs("default")] == ["1_1", "1_2", "2"]


def test_slots_are_counted_over_all_supervisors(store: Store) -> None:
    running, suspended, undetermined, queued = (
        JobState.RUNNING,
        JobState.SUSPENDED,
        JobState.UNDETERMINED,
        JobState.QUEUED,
    )
    submit(store, state=int(running), dispatched=1.0, slots=4)
    submit(store, state=int(suspended), dispatched=1.0, keeper="slurm", session="night")
    submit(store, state=int(undetermined), dispatched=1.0, keeper="slurm")
    submit(store, state=int(queued), slots=9)
    submit(store, state=int(queued), dispatched=1.0, slots=3, session="night")  # its start has begun
    end(store, submit(store, dispatched=1.0, slots=9)[0], 2.0)
    assert store.running_slots() == 9
    assert store.running_slots("night") == 4
    assert store.running_slots(but="main") == 2
    assert store.running_slots("default", but="slurm") == 4


def test_reported_jobs(store: Store, reader: Reader) -> None:
    rows = submit(store, tasks=3)
    store.mark_reported([rows[1].id, "rubbish"])
    assert reader.ids(unreported=True) == ["1_1", "1_3"]


def test_thousands_of_ids_at_once(store: Store) -> None:
    rows = submit(store, tasks=2500)
    wanted = [row.id for row in rows]
    assert [row.id for row in store.jobs([*wanted, "99", "x"])] == wanted
    assert len(store.specs([rows[0].spec, *range(5000)])) == 1


def test_secrets_of_deleted_jobs_are_overwritten(home: Home) -> None:
    store = Store(home)
    row = submit(store, name="hunter2-" * 20, context="hunter2-ctx")[0]
    store.delete([row.id])
    store.close()
    files = [Path(home.database), *Path(home.here).glob("jobs.db-*")]
    assert b"hunter2" not in b"".join(file.read_bytes() for file in files)
