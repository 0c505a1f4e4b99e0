"""Exit codes and lines about ends."""

from __future__ import annotations

import pytest

from proctracker.cli import ends
from proctracker.model import JobRow, JobState


def row(state: JobState, job_id: str = "1", **values) -> JobRow:
    return JobRow(job_id, 1, state=int(state), finished=1.0, **values)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (row(JobState.DONE, exit_status=0), 0),
        (row(JobState.FAILED, exit_status=3), 3),
        (row(JobState.FAILED, signal="SIGKILL"), 137),
        (row(JobState.FAILED, signal="SIGRTMIN+2"), 164),
        (row(JobState.FAILED, exit_status=0, sub_state="terminated"), 125),
        (row(JobState.FAILED, exit_status=127, annotation="x: not found"), 127),
        (row(JobState.UNDETERMINED, sub_state="lost"), 125),
        (row(JobState.UNDETERMINED, sub_state="removed"), 125),
    ],
)
def test_codes(found, code):
    assert ends.code(found) == code


def test_of_several_the_first_that_failed_counts_and_all_are_named(capsys):
    rows = [row(JobState.DONE, "1"), row(JobState.FAILED, "2", exit_status=4), row(JobState.FAILED, "3", exit_status=5)]
    assert ends.code_of_all(rows) == 4
    assert capsys.readouterr().err == "2 of 3 failed: 2 3\n"
    assert ends.code_of_all(rows[1:2]) == 4
    assert capsys.readouterr().err == ""


def test_of_many_a_few_reasons_are_told_and_ids_are_folded(capsys):
    tasks = [
        JobRow(f"7_{task}", 7, task, state=int(JobState.FAILED), finished=1.0, signal="SIGKILL")
        for task in range(1, 501)
    ]
    assert ends.code_of_all(tasks) == 137
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "proctracker: job 7_1: ended by SIGKILL"
    assert (len(lines), lines[-1]) == (6, "500 of 500 failed: 7_[1-500]")
    other = JobRow("8_9", 8, 9)
    assert ends.folded([tasks[0], tasks[1], tasks[4], *tasks[6:9], other]) == ["7_1", "7_2", "7_5", "7_[7-9]", "8_9"]
    assert ends.folded([JobRow("1", 1), JobRow("2", 2), JobRow("3", 3)]) == ["1", "2", "3"]


def test_one_that_nobody_named_is_named(capsys):
    assert ends.code_of_all([row(JobState.FAILED, "5", exit_status=4)], every=True) == 4
    assert capsys.readouterr().err == "1 of 1 failed: 5\n"


def test_reasons_are_told_where_the_code_says_nothing():
    assert ends.reason(row(JobState.DONE, annotation="x")) is None
    assert ends.reason(row(JobState.FAILED, exit_status=1)) is None
    assert ends.reason(row(JobState.FAILED, sub_state="time-limit")) == "job 1: time-limit"
    assert (
        ends.reason(row(JobState.FAILED, exit_status=127, annotation="x: command not found"))
        == "job 1: x: command not found"
    )


def test_leaving_says_what_goes_on(capsys):
    ends.go_on(["42"])
    ends.go_on(["1", "2"])
    assert capsys.readouterr().err == "job 42 goes on\n2 jobs go on\n"


def test_a_job_that_never_started_has_a_reason_and_a_code_of_ours():
    assert ends.never_started(row(JobState.FAILED, exit_status=127, annotation="x"))
    assert not ends.never_started(row(JobState.FAILED, exit_status=127))
    assert not ends.never_started(row(JobState.FAILED, exit_status=1, annotation="x"))
