"""What an exit code says."""

from __future__ import annotations

import pytest

from proctracker.model import JobState, Observation, ended


@pytest.mark.parametrize(
    ("code", "state", "status", "signal"),
    [
        (0, JobState.DONE, 0, None),
        (1, JobState.FAILED, 1, None),
        (127, JobState.FAILED, 127, None),
        (128, JobState.FAILED, 128, None),
        (137, JobState.FAILED, None, "SIGKILL"),
        (143, JobState.FAILED, None, "SIGTERM"),
        (145, JobState.FAILED, 145, None),  # 17 is SIGCHLD, of which nothing dies
        (160, JobState.FAILED, 160, None),
        (162, JobState.FAILED, None, "SIGRTMIN"),
        (255, JobState.FAILED, 255, None),
    ],
)
def test_the_end_a_code_stands_for(code: int, state: JobState, status: int | None, signal: str | None) -> None:
    seen = ended(code, error="", pid=7)
    assert (seen.state, seen.sub_state, seen.exit_status, seen.terminating_signal) == (state, None, status, signal)
    assert (seen.pid, seen.annotation) == (7, None)


@pytest.mark.parametrize("code", [0, 137])
def test_out_of_memory_is_always_failed(code: int) -> None:
    seen = ended(code, oom=True, error="killed")
    assert (seen.state, seen.sub_state, seen.oom, seen.annotation) == (JobState.FAILED, "oom-killed", True, "killed")


def test_labels_are_each_observations_own() -> None:
    assert Observation(JobState.RUNNING).labels is not Observation(JobState.RUNNING).labels
