"""What DRMAA 1 tells of a job: its state and, once it has ended, how."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING

from proctracker.compat.drmaa1.const import JobState
from proctracker.model import JobState as State
from proctracker.model import signal_number

if TYPE_CHECKING:
    from proctracker.model import JobInfo as Info

JobInfo = namedtuple(
    "JobInfo", "jobId hasExited hasSignal terminatedSignal hasCoreDump wasAborted exitStatus resourceUsage"
)

_STATES = {
    State.UNDETERMINED: JobState.UNDETERMINED,
    State.QUEUED: JobState.QUEUED_ACTIVE,
    State.QUEUED_HELD: JobState.USER_ON_HOLD,
    State.RUNNING: JobState.RUNNING,
    State.SUSPENDED: JobState.USER_SUSPENDED,
    State.REQUEUED: JobState.QUEUED_ACTIVE,
    State.REQUEUED_HELD: JobState.USER_ON_HOLD,
    State.DONE: JobState.DONE,
    State.FAILED: JobState.FAILED,
}

_GONE = ("lost", "removed")
"""Sub-states of ended jobs of which nobody can tell how they ended."""

_NOT_RUN = 125
"""The exit code of a job that did not run, or ended unknown, never 0."""


def state_of(state: State, sub_state: str | None) -> str:
    """Return the state, a lost job being FAILED, as DRMAA 1 would wait for ever for it."""
    if state is State.UNDETERMINED and sub_state in _GONE:
        return JobState.FAILED
    return _STATES[state]


def info_of(info: Info) -> JobInfo:
    """How a job ended, in the binding's types: ``terminatedSignal`` and the usage are text.

    A job that failed though it exited with 0 (it was terminated, its limit was reached) counts as killed: no program may
    take it for a success.
    """
    signal, status = info.terminating_signal or "", info.exit_status
    ran = info.dispatch_time is not None and info.job_sub_state not in ("start-failed", *_GONE)
    if ran and not signal and (status is None or (status == 0 and info.job_state is not State.DONE)):
        signal = "SIGTERM" if info.job_sub_state == "terminated" else "SIGKILL"
    exited = ran and not signal
    if signal:
        status = 128 + signal_number(signal)
    elif not ran:
        status = status or _NOT_RUN
    return JobInfo(info.job_id, exited, bool(signal), signal, False, not ran, status, _usage(info, status or 0, signal))


def _usage(info: Info, status: int, signal: str) -> dict[str, str]:
    """What the job used, as the binding has it: numbers as text, times in seconds since 1970."""
    numbers = {
        "submission_time": info.submission_time and info.submission_time.timestamp(),
        "start_time": info.dispatch_time and info.dispatch_time.timestamp(),
        "end_time": info.finish_time and info.finish_time.timestamp(),
        "ru_wallclock": info.wallclock_time,
        "cpu": info.cpu_time,
        "ru_maxrss": info.max_rss,
        "exit_status": status,
        "signal": signal_number(signal) if signal else 0,
    }
    return {name: f"{value:.4f}" for name, value in numbers.items() if value is not None}
