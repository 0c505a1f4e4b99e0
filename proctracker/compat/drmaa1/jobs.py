"""What the methods of a session do to its jobs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from proctracker.compat.drmaa1 import const, errors
from proctracker.compat.drmaa1.told import state_of
from proctracker.errors import InvalidArgumentException

if TYPE_CHECKING:
    from proctracker.compat.drmaa1.active import Active
    from proctracker.sessions.job import Job

UNFIT = {"suspend": errors.SUSPEND, "resume": errors.RESUME, "hold": errors.HOLD, "release": errors.RELEASE}
_INCONSISTENT = (
    errors.SuspendInconsistentStateException,
    errors.ResumeInconsistentStateException,
    errors.HoldInconsistentStateException,
    errors.ReleaseInconsistentStateException,
)
_ENDED = (const.JobState.DONE, const.JobState.FAILED)


def control_all(now: Active, operation: str) -> None:
    """Control every job of the session that fits.

    Raises if one fails for another reason, or if live ones are all unfit.
    """
    done, unfit, failed = False, "", None
    for name, job in list(now.jobs.items()):
        try:
            with errors.translated(InvalidArgument=errors.JOB, InvalidState=UNFIT.get(operation, errors.JOB)):
                getattr(job, operation)()
            done = True
        except errors.InvalidJobException:
            if operation != const.JobControlAction.TERMINATE:
                now.forget(name)
        except _INCONSISTENT as error:
            unfit = unfit if state_of(*job.get_state()) in _ENDED else str(error)
        except errors.DrmaaException as error:
            failed = error
    if failed is not None:
        raise failed
    if unfit and not done:
        errors.raise_code(UNFIT[operation], unfit.partition(": ")[2])


def until(timeout: float) -> float | None:
    """Return when a time-out is over, None for never, or raise InvalidArgumentException."""
    forever = timeout == const.TIMEOUT_WAIT_FOREVER
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not (forever or timeout >= 0):
        errors.raise_code(errors.ARGUMENT, f"timeout: seconds from 0 are expected, or -1 for no limit, not {timeout!r}")
    return None if forever else time.monotonic() + timeout


def left(end: float | None) -> float:
    """Seconds that are left of a time-out."""
    return const.TIMEOUT_WAIT_FOREVER if end is None else max(end - time.monotonic(), 0)


def await_end(job: Job, end: float | None, may_be_reaped: bool) -> None:
    """Wait for a job, until it has ended or, with ``may_be_reaped``, was reaped."""
    with errors.translated(InvalidArgument=errors.JOB):
        try:
            job.wait_terminated(left(end))
        except InvalidArgumentException:
            if not may_be_reaped:
                raise


def reap(now: Active, job: Job) -> None:
    """Reap a job. InvalidJobException where another has done so."""
    now.forget(job.id)
    with errors.translated(InvalidArgument=errors.JOB, InvalidState=errors.JOB):
        try:
            job.reap()
        except InvalidArgumentException:
            raise
        except BaseException:
            now.jobs[job.id] = job
            raise


def forget_reaped(now: Active, jobs: list[Job]) -> bool:
    """Forget which of the jobs were reaped, and return whether any was."""
    found = False
    for job in jobs:
        try:
            job.get_state()
        except InvalidArgumentException:
            now.forget(job.id)
            found = True
    return found
