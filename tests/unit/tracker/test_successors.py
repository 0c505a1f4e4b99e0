"""Which job stands for which."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobRow, JobState
from proctracker.store import Home, Store
from proctracker.tracker.place import Place
from proctracker.tracker.successors import Successors
from stores import end, submit


@pytest.fixture
def rows(home: Home) -> Iterator[list[JobRow]]:
    """A job that failed, one that is DONE, and an array of which the second task failed."""
    store = Store(home)
    found = [*submit(store), *submit(store), *submit(store, tasks=3)]
    for row in found:
        failed = row.id in ("1", "3_2")
        end(store, row, 5.0, **({"state": int(JobState.FAILED)} if failed else {}))
    yield found
    store.close()


def _named(home: Home, rows: list[JobRow], *ids: str, **given: list[str]) -> Successors:
    return Successors(Place(home.path), [row for row in rows if row.id in ids], **given)


LAST = JobRow("9", 9)


def test_a_job_submitted_again_is_followed(home: Home, rows: list[JobRow]) -> None:
    successors = _named(home, rows, "1", "2")
    successors.add(rows[:1], "11")
    spec = {"after": ["1", "2"], "after_any": ["2"]}
    assert successors.dependencies(spec, LAST) == {"after": ["11", "2"], "after_any": ["2"]}
    assert successors.dependencies({}, LAST) == {"after": [], "after_any": []}


def test_others_are_to_be_named_or_given(home: Home, rows: list[JobRow]) -> None:
    with pytest.raises(
        InvalidArgumentException, match=r"^job 9 followed on 2, which .*: name that too, or say after 2$"
    ):
        _named(home, rows, "1").dependencies({"after": ["2"]}, LAST)
    with pytest.raises(InvalidArgumentException, match=r"followed on 1, .*after_any 1$"):
        _named(home, rows).dependencies({"after_any": ["1"]}, LAST)
    with pytest.raises(InvalidArgumentException, match=r"followed on 1,"):  # named, but it could not be submitted again
        _named(home, rows, "1").dependencies({"after": ["1"]}, LAST)
    with pytest.raises(InvalidArgumentException, match=r"followed on 3 \(3_1 3_2 3_3\),"):
        _named(home, rows).dependencies({"after": ["3"]}, LAST)
    given = _named(home, rows, "2", after=["7", "2"], after_any=["8"])
    assert given.dependencies({"after": ["1", "2"]}, LAST) == {"after": ["2", "7"], "after_any": ["8"]}


def test_of_an_array_the_tasks_that_were_submitted_again_count(home: Home, rows: list[JobRow]) -> None:
    successors = _named(home, rows, "3_1", "3_2", "3_3")
    successors.add([rows[3]], "12")
    assert successors.dependencies({"after": ["3"]}, LAST)["after"] == ["12"]
    assert successors.dependencies({"after": ["3_2", "3_1"]}, LAST)["after"] == ["12_2", "3_1"]
    only = _named(home, rows, "3_2")
    only.add([rows[3]], "12")
    with pytest.raises(InvalidArgumentException, match=r"\(3_1 3_3\)"):
        only.dependencies({"after": ["3"]}, LAST)
