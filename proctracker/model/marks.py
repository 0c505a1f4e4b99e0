"""Names what marks a job's belongings, and what becomes of a job that is being ended."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.model.row import JobRow

JOB_VARIABLES = ("JOB_ID", "TASK_ID", "TASK_ITEM", "PROCTRACKER_SESSION", "PROCTRACKER_ATTEMPT", "PROCTRACKER_JOB")
"""Environment variables that say which job this is: a job's own submits do not hand them on."""

ENDING = {"terminating": "terminated", "time-limit": "time-limit", "deadline": "deadline"}
"""Why a live job is being ended, its sub-state meanwhile -> its sub-state then."""

STOPPED = "stopped"
"""Sub-state of a container suspended by SIGSTOP, which its engine calls running."""


def group_name(row: JobRow) -> str:
    """Return the name of the control group of a job's present attempt."""
    return f"job-{row.id}.{row.attempt}"
