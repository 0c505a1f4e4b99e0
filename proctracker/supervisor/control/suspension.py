"""Suspends and resumes by signal, all processes of a job or none."""

from __future__ import annotations

import signal

from proctracker.errors import Drmaa2Exception, InternalException
from proctracker.linux import procfs
from proctracker.model import JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.control.fitting import unfit
from proctracker.supervisor.processes import signalling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle

    Done = Callable[[Drmaa2Exception | None], None]

LOOKS = 10
"""Looks at what was told to stop, after 1 ms, then twice the time, as no event tells."""

FIRST = 0.001

_STOPPED = "TtZXx"
"""States of processes that run no code: stopped, traced, ended (proc(5))."""

_DEAF = "D"
"""The state of a process that stops before it runs any code again."""


class Stop:
    """Is one suspension under way, of which what ends meanwhile is no part."""

    def __init__(self, here: Here, lifecycle: Lifecycle, job: Job, sub_state: str | None) -> None:
        self._here, self._lifecycle, self._job, self._sub_state = here, lifecycle, job, sub_state
        self._mark = here.mark(job.row) if job.supervised else ""
        self._attempt, self._ending = job.row.attempt, job.ending
        self._reached: set[signalling.Identity] = set()

    def begin(self, done: Done) -> None:
        """Stop everything, or continue it and tell ``done`` what could not be stopped."""
        found = signalling.signal_all(self._job, self._mark, signal.SIGSTOP)
        self._reached |= found.reached
        if found.denied:
            self._undo()
            done(signalling.beyond(self._job, found.denied))
            return
        self._look(done, 0)

    def _look(self, done: Done, tries: int) -> None:
        job, row = self._job, self._job.row
        others = row.attempt != self._attempt or job.ending != self._ending
        if row.ended or others or row.state != JobState.RUNNING:
            self._undo()
            done(unfit(row, "suspend"))
            return
        over = not self._lives()
        if over:
            self._undo()  # its end is about to be told
        else:
            fresh = signalling.signal_all(job, self._mark, signal.SIGSTOP).reached - self._reached
            self._reached |= fresh
            moving = [pid for pid, ticks in self._reached if self._moves(pid, ticks)]
            if not moving and not fresh:
                self._lifecycle.suspended(job, self._sub_state)
                done(None)
                return
        if tries < LOOKS:
            self._here.loop.after(FIRST * 2**tries, lambda: self._look(done, tries + 1))
            return
        self._undo()
        what = "its process has ended" if over else "its processes do not stop"
        done(InternalException(f"job {row.id} was not suspended: {what}"))

    def _lives(self) -> bool:
        """Whether the job's own process is still there."""
        row = self._job.row
        found = procfs.stat(row.pid) if row.pid else None
        return found is not None and found.state not in "ZXx" and row.ticks in (None, found.ticks)

    @staticmethod
    def _moves(pid: int, ticks: int) -> bool:
        found = procfs.stat(pid)
        return found is not None and found.ticks == ticks and found.state not in _STOPPED + _DEAF

    def _undo(self) -> None:
        """Let everything go on that was stopped here."""
        signalling.send(self._reached, signal.SIGCONT)
