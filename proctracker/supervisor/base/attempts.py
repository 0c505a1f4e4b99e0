"""Tells whether a job that ended is tried again, and which attempt that is."""

from __future__ import annotations

import time

from proctracker.linux import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.store import Store
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


def due(job: Job, store: Store) -> float | None:
    """Return when (``clock.boottime``) a retry may start that is to be delayed, or None where it may now."""
    delay = float(job.spec.get("retry_delay") or 0)
    if job.row.attempt == 1 or not delay or not (job.row.sub_state or "").startswith("retry"):
        return None
    now = clock.boottime()
    if job.row.due is None:  # a release before this one did not put it down
        gone = time.time() - store.began(job.row.id, job.row.attempt)
        job.row.due = now + max(0.0, delay - max(0.0, gone))
    at = min(job.row.due, now + delay)  # another boot's seconds may be more than this one has
    return at if at > now else None
