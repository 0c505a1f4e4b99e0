"""The integer by which the store knows a job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.model import JobRow
from proctracker.store import rows

_NUMS, _TASKS = st.integers(1, 2**31 - 1), st.integers(0, 2**32 - 1)


@given(_NUMS, _TASKS)
def test_key_and_id_name_the_same_job(num: int, task: int) -> None:
    job = JobRow(f"{num}_{task}" if task else str(num), num, task or None)
    assert rows.key(job.id) == rows.row_key(job)
    assert rows.id_of(rows.key(job.id)) == job.id


@given(st.lists(st.tuples(_NUMS, _TASKS)))
def test_keys_have_the_order_of_number_and_task(jobs: list[tuple[int, int]]) -> None:
    ordered = [rows.row_key(JobRow("", num, task)) for num, task in sorted(jobs)]
    assert ordered == sorted(ordered)


@pytest.mark.parametrize("text", ["", "a", "1_", "_1", "01", "1_01", "1_0", "-1", "1_-1", " 1", "1_2_3", "٣", "1" * 30])
def test_text_that_is_no_id_is_nobodys(text: str) -> None:
    assert rows.key(text) == -1
    assert rows.keys([text, "7"]) == [7 << 32]


def test_marks() -> None:
    assert rows.marks(3) == "(?,?,?)"
    assert rows.marks(0) == "()"


def test_arrays_with_and_without_items() -> None:
    assert rows.array_row((4, "s", 1, "[1, 3]", 2, '["a", "b"]')) == rows.ArrayRow(4, "s", 1, [1, 3], 2, ["a", "b"])
    assert rows.array_row((4, "s", 1, "[1]", 0, None)).items is None
