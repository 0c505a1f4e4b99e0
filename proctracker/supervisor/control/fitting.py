"""Which action fits which state of a job, and what is said of those that do not."""

from __future__ import annotations

from collections.abc import Callable

from proctracker.errors import InvalidStateException
from proctracker.model import JobRow, JobState

FITTING = {
    "suspend": (JobState.RUNNING,),
    "resume": (JobState.SUSPENDED,),
    "hold": (JobState.QUEUED, JobState.REQUEUED),
    "release": (JobState.QUEUED_HELD, JobState.REQUEUED_HELD),
    "terminate": tuple(state for state in JobState if not state.ended),
}
"""An action -> the states it fits (GFD.194 8.2.4)."""

DONE: dict[str, Callable[[JobRow], bool]] = {
    "suspend": lambda row: row.state == JobState.SUSPENDED,
    "resume": lambda row: row.state == JobState.RUNNING,
    "hold": lambda row: row.state in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD),
    "release": lambda row: not row.ended and row.state not in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD),
    "terminate": lambda row: row.ended and row.sub_state == "terminated",
}
"""An action -> whether a row looks as if it was done."""


class Unfit(Exception):
    """An action does not fit the state of a job."""

    def __init__(self, row: JobRow, action: str, starting: bool = False) -> None:
        super().__init__(row.id, action)
        self.row, self.told = row, unfit(row, action, starting)


def unfit(row: JobRow, action: str, starting: bool = False) -> InvalidStateException:
    """Say that an action does not fit a job's state, or a start under way."""
    state = JobState(row.state).name + (f" ({row.sub_state})" if row.sub_state else "")
    state += ", just being started" if starting else ""
    fitting = [each.name for each in FITTING[action]] if action != "terminate" else ["a job that has not ended"]
    return InvalidStateException(f"job {row.id} is {state}: {action} takes {' or '.join(fitting)}")


def unreaped(row: JobRow) -> InvalidStateException:
    """A job that has not ended is not reaped."""
    return InvalidStateException(f"job {row.id} is {JobState(row.state).name}: reap takes ended jobs")
