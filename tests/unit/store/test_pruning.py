"""What is removed from the store, and what with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proctracker.store import Reader, Store
from stores import end, submit


def _count(store: Store, table: str) -> int:
    return int(store._db.rows(f"SELECT count(*) FROM {table}")[0][0])


def test_a_job_goes_with_all_that_only_it_needed(store: Store, reader: Reader) -> None:
    first, second = submit(store)[0], submit(store)[0]
    store.delete([first.id, "rubbish", "99"])
    assert reader.ids() == [second.id]
    assert {each.job_id for each in reader.transitions()} == {second.id}
    assert store.spec(first.spec) == ("{}", "")
    assert store.context("ctx") is not None
    store.delete([second.id])
    assert [_count(store, table) for table in ("jobs", "transitions", "specs", "contexts", "arrays")] == [0] * 5
    store.delete([second.id])
    store.delete([])


def test_an_array_goes_with_its_last_task(store: Store) -> None:
    rows = submit(store, tasks=3)
    store.delete([rows[0].id, rows[2].id])
    assert store.array(1) is not None
    assert store.spec(rows[0].spec)[1] == "ctx"
    store.delete([rows[1].id])
    assert store.array(1) is None
    assert store.spec(rows[0].spec) == ("{}", "")


def test_no_number_is_used_again_whatever_goes_first(store: Store, reader: Reader) -> None:
    rows = [submit(store)[0] for _ in range(3)]
    newest = max(each.seq for each in reader.transitions())
    assert reader.spec(rows[2].spec)
    store.delete([rows[2].id])
    store.delete([rows[0].id, rows[1].id])
    after = submit(store)[0]
    assert after.spec > rows[2].spec
    assert min(each.seq for each in reader.transitions()) > newest


def test_thousands_at_once(store: Store, reader: Reader) -> None:
    gone, stays = submit(store, tasks=2000), submit(store, tasks=2)
    store.delete([row.id for row in gone])
    assert reader.ids() == [row.id for row in stays]
    assert _count(store, "transitions") == 2


def test_the_callers_environment_goes_once_no_live_job_needs_it(store: Store, reader: Reader) -> None:
    rows = submit(store, tasks=2, context="a") + submit(store, context="b")
    for row in (rows[0], rows[2]):
        end(store, row, 5.0)
    store.drop_context_if_unused(["a", "b", "none"])
    assert store.context("a") is not None
    assert store.context("b") is None
    assert reader.context("b") == {}
    assert reader.spec_context(rows[2].spec) == "b"
    end(store, rows[1], 6.0)
    store.drop_context_if_unused(["a"])
    assert store.context("a") is None


def test_what_is_not_the_callers_environment_stays_until_the_job_is_reaped(store: Store, reader: Reader) -> None:
    whole = {"env": {"SECRET": "hunter2"}, "job_env": {"GIVEN": "x"}, "umask": 18}
    store.add_context("c", json.dumps(whole))
    store.add_context("box", '{"env": {}, "job_env": {"GIVEN": "y"}}')
    row, box = submit(store, context="c")[0], submit(store, context="box")[0]
    for each in (row, box):
        end(store, each, 5.0)
    store.drop_context_if_unused(["c", "box"])
    assert reader.context("c") == {"job_env": {"GIVEN": "x"}, "umask": 18}
    assert reader.context("box") == {"env": {}, "job_env": {"GIVEN": "y"}}
    store.add_context("c", json.dumps(whole))  # somebody submits with the same once more
    assert reader.context("c") == whole
    store.drop_context_if_unused(["c"])
    store.checkpoint()
    assert b"hunter2" not in Path(store.path).read_bytes()
    store.delete([row.id, box.id])
    assert reader.context("c") is reader.context("box") is None
    assert [_count(store, table) for table in ("given", "contexts")] == [0, 0]


def test_beyond_the_newest_of_each_runtime(store: Store) -> None:
    for runtime in ("podman", "docker"):
        for at in (30.0, 10.0, 20.0):
            end(store, submit(store, runtime=runtime, container="c")[0], at)
    end(store, submit(store)[0], 1.0)
    end(store, submit(store, runtime="podman", container="c")[0], 2.0, saved=1)
    end(store, submit(store, runtime="podman", container="c")[0], 3.0, sub_state="removed")
    submit(store, runtime="podman", container="c")
    assert store.ended_beyond(keep=2) == ["2", "5"]
    assert store.ended_beyond(keep=0) == ["2", "5", "3", "6", "1", "4"]
    assert store.ended_beyond(keep=-1) == store.ended_beyond(keep=0)
    assert store.ended_beyond(keep=2, keeps=lambda runtime: runtime != "podman") == ["5"]


@pytest.mark.parametrize(
    ("before", "expected"), [(15.0, ["2"]), (20.0, ["2"]), (25.0, ["2", "3"]), (99.0, ["2", "3", "1"]), (1.0, [])]
)
def test_older_than(store: Store, before: float, expected: list[str]) -> None:
    for at in (30.0, 10.0, 20.0):
        end(store, submit(store)[0], at)
    submit(store)
    assert store.ended_beyond(before_time=before) == expected
    assert store.ended_beyond() == []


def test_both_reasons_at_once_name_a_job_once(store: Store) -> None:
    for at in (1.0, 2.0, 3.0):
        end(store, submit(store, container="c", runtime="podman")[0], at)
    assert store.ended_beyond(keep=2, before_time=2.5) == ["1", "2"]
