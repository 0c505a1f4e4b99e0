"""What is told of jobs: never a success that did not happen."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from proctracker.compat.drmaa1.told import info_of, state_of
from proctracker.model import JobInfo, JobState

WHEN = datetime(2026, 1, 1, tzinfo=timezone.utc)


def ended(**more: Any) -> JobInfo:
    return JobInfo(job_id="7", dispatch_time=WHEN, finish_time=WHEN, **more)


def test_an_exit() -> None:
    told = info_of(ended(job_state=JobState.FAILED, exit_status=3, cpu_time=1.5))
    assert told[:7] == ("7", True, False, "", False, False, 3)
    assert told.resourceUsage["cpu"] == "1.5000" and told.resourceUsage["end_time"] == "1767225600.0000"


def test_a_signal() -> None:
    told = info_of(ended(job_state=JobState.FAILED, terminating_signal="SIGKILL"))
    assert told[:7] == ("7", False, True, "SIGKILL", False, False, 137)


@pytest.mark.parametrize(
    ("sub_state", "signal"), [("terminated", "SIGTERM"), ("time-limit", "SIGKILL"), ("oom-killed", "SIGKILL")]
)
def test_failed_with_code_0_counts_as_killed(sub_state: str, signal: str) -> None:
    told = info_of(ended(job_state=JobState.FAILED, exit_status=0, job_sub_state=sub_state))
    assert (told.hasExited, told.hasSignal, told.terminatedSignal) == (False, True, signal)
    assert told.exitStatus > 128


@pytest.mark.parametrize("sub_state", ["lost", "removed"])
def test_nobody_knows_how_it_ended(sub_state: str) -> None:
    told = info_of(ended(job_state=JobState.UNDETERMINED, job_sub_state=sub_state))
    assert (told.hasExited, told.hasSignal, told.wasAborted, told.exitStatus) == (False, False, True, 125)


@pytest.mark.parametrize(("code", "status"), [(127, 127), (None, 125)])
def test_it_did_not_run(code: int | None, status: int) -> None:
    told = info_of(JobInfo(job_id="7", job_state=JobState.FAILED, exit_status=code))
    assert (told.hasExited, told.wasAborted, told.exitStatus) == (False, True, status)


def test_states() -> None:
    assert state_of(JobState.REQUEUED_HELD, None) == "user_on_hold"
    assert state_of(JobState.SUSPENDED, None) == "user_suspended"
    assert state_of(JobState.UNDETERMINED, None) == "undetermined"
    assert state_of(JobState.UNDETERMINED, "lost") == "failed"
