"""Tells whether a job that ended is tried again, and which attempt that is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.jobs import Job

RERUN = "rerun"
"""Sub-state of a job that is queued again because it was lost."""

NEVER_AGAIN = (126, 127)
"""Codes that another attempt would only repeat."""


def following(job: Job, code: int | None, why: str | None, reran: bool) -> str | None:
    """Return the sub-state of the attempt that the template wants next, or None.

    ``reran``: it was queued again because it was lost, which was none of those attempts.
    """
    attempt, retries = job.row.attempt, int(job.spec.get("retries") or 0)
    if attempt - reran > retries or code in NEVER_AGAIN or why in ("terminated", "deadline"):
        return None
    return f"retry {attempt + 1 - reran}/{retries + 1}"


def begun(job: Job) -> str:
    """Return the sub-state of an attempt that was begun already after the one which is over."""
    attempt, retries = job.row.attempt, int(job.spec.get("retries") or 0)
    return f"retry {attempt + 1}/{retries + 1}" if attempt <= retries else RERUN
