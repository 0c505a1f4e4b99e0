"""What a reader is asked for, as SQL."""

from __future__ import annotations

from proctracker.store.selection import clause, criteria, of_begun, of_ended, of_live, of_waiting, picked


def test_nothing_asked_for_is_everything() -> None:
    assert criteria(None, None, None, None, False) == ([], [])
    assert clause([]) == ""


def test_all_that_is_given_counts() -> None:
    terms, values = criteria("night", [7, 8], False, 43, True)
    assert clause(terms) == (
        " WHERE session=? AND finished IS NOT NULL AND state IN (7,8) AND key BETWEEN ? AND ? AND reported=0"
    )
    assert values == ["night", 43 << 32 | 1, 43 << 32 | 0xFFFFFFFF]


def test_those_asked_for_are_picked_in_their_order() -> None:
    rows = [("1", 3, None, None), ("2", 7, None, 5.0), ("3", 1, None, None)]
    assert picked(rows, ["3", "9", "2", "3"]) == [("3", 1, None, None), ("2", 7, None, 5.0)]


WAITING = "(dispatched IS NULL AND container IS NULL)"


def test_what_rows_of_live_jobs_decide_of_a_filter() -> None:
    """A job that was dispatched may be found in another state than its row has."""
    given = {"job_name": "x", "job_state": [1, 2], "exit_status": 3, "pid": 7}
    decided = ["finished IS NULL", "name=?", f"(NOT {WAITING} OR state IN (1,2))"]
    assert of_live(given) == (decided, ["x"])
    assert of_begun(given) == ([*decided, f"NOT {WAITING}"], ["x"])


def test_a_filter_that_rows_of_waiting_jobs_decide() -> None:
    assert of_waiting({"task_id": 7, "job_state": 1}) == (
        ["finished IS NULL", "task=?", f"(NOT {WAITING} OR state IN (1))", WAITING],
        [7],
    )
    for other in ({"exit_status": 3}, {"job_sub_state": "held"}, {"job_name": "x\udcff"}, {"annotation": "x"}):
        assert of_waiting({"job_state": 1, **other}) is None


def test_a_filter_that_rows_of_ended_jobs_decide() -> None:
    assert of_ended({"job_name": "x", "job_state": [7, 8], "cpu_time": 2.5}) == (
        ["finished IS NOT NULL", "name=?", "state IN (7,8)", "cpu>=?"],
        ["x", 2.5],
    )
    for other in ({"finish_time": 1}, {"job_name": "x\udcff"}, {"exit_status": 1 << 64}, {"command": ["x"]}):
        assert of_ended({"job_name": "x", **other}) is None
