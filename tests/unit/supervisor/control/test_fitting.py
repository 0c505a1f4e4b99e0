"""Which action fits which state."""

from __future__ import annotations

import pytest

from proctracker.model import JobRow, JobState
from proctracker.supervisor.control.fitting import DONE, FITTING, Unfit, unfit


def test_every_action_knows_what_it_fits_and_when_it_is_done() -> None:
    assert list(FITTING) == list(DONE)


@pytest.mark.parametrize(("action", "states"), [
    ("suspend", "SUSPENDED"), ("resume", "RUNNING"), ("hold", "QUEUED_HELD REQUEUED_HELD"),
    ("release", "QUEUED RUNNING SUSPENDED REQUEUED"), ("terminate", "FAILED"),
])  # fmt: skip
def test_what_looks_done(action: str, states: str) -> None:
    found = set()
    for state in JobState:
        over = state in (JobState.DONE, JobState.FAILED)
        row = JobRow("1", 1, state=int(state), sub_state="terminated" if over else None, finished=1.0 if over else None)
        if DONE[action](row) and state not in (JobState.UNDETERMINED, JobState.DONE):
            found.add(state.name)
    assert found == set(states.split())


def test_what_is_said() -> None:
    row = JobRow("7", 7, state=int(JobState.REQUEUED), sub_state="retry 2/3")
    assert unfit(row, "resume").message == "job 7 is REQUEUED (retry 2/3): resume takes SUSPENDED"
    said = Unfit(JobRow("7", 7), "hold", starting=True).told.message
    assert said == "job 7 is QUEUED, just being started: hold takes QUEUED or REQUEUED"
