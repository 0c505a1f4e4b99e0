"""Ends jobs whose time is over: time limits, deadlines, graces."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.linux import clock
from proctracker.model import JobState
from proctracker.supervisor.base.jobs import GRACE, Job, Phase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.errors import Drmaa2Exception
    from proctracker.supervisor.base.loop import Loop

    Over = Callable[[Job, str], None]
    Done = Callable[["Drmaa2Exception | None"], None]

LEAST, MOST = 5.0, 60.0
"""Seconds until a job is killed again that its engine did not kill: as long as it is overdue, within these."""

FINISH = {True: 2.0, False: 10.0}
"""Whether a start may fetch an image -> seconds that it has to come to its end once the grace of its job is over.

It takes a tenth of one, and a container that is there can be ended cleanly. What an engine was doing for a client that
is killed, it may leave half done: containerd a process, docker a container. Fetching may take hours, and leaves nothing.
"""


class Clocks:
    """Calls ``over`` with the reason when a job's time is over, and ``kill`` when its grace is."""

    def __init__(self, loop: Loop, over: Over, kill: Callable[[Job], None]) -> None:
        self._loop, self._over, self._kill = loop, over, kill

    def keep_deadline(self, job: Job) -> None:
        """Watch the deadline of a job, in whatever state it is."""
        deadline = job.spec.get("deadline")
        if deadline is not None and not job.row.ended:
            job.timer("deadline", self._loop.on(deadline, lambda: self._overdue(job)))

    def _overdue(self, job: Job) -> None:
        if not job.row.ended:
            self._over(job, "deadline")

    def limit_time(self, job: Job) -> None:
        """Watch the running time of a job that runs now."""
        limit = job.spec.get("time_limit")
        if limit is not None and job.row.state == JobState.RUNNING:
            left = max(0.0, float(limit) - job.row.running_time(clock.boottime()))
            job.timer("limit", self._loop.after(left, lambda: self._too_long(job)))

    def _too_long(self, job: Job) -> None:
        if job.row.state == JobState.RUNNING:
            self._over(job, "time-limit")

    def await_grace(self, job: Job) -> None:
        """Kill a job that was told to end when its grace is over, one that is being started a little later."""
        due = job.row.kill_at or clock.boottime() + GRACE
        job.timer("kill", self._loop.at(due, lambda: self._grace_over(job)))

    def _grace_over(self, job: Job) -> None:
        if job.phase is Phase.STARTING:
            patience = FINISH[runtimes.get(job.row.runtime).pulls]
            job.timer("kill", self._loop.after(patience, lambda: self._kill(job)))
        else:
            self._kill(job)

    def or_again(self, job: Job, noted: Callable[[Job, str], None], done: Done) -> Done:
        """Tell of the kill of a job, see the function."""
        return or_again(self._loop, job, noted, lambda: self._kill(job), done)


def or_again(loop: Loop, job: Job, noted: Callable[[Job, str], None], kill: Callable[[], None], done: Done) -> Done:
    """Return what tells ``done`` of a kill, and of one that failed has it noted and made again.

    An engine may hang or be down just as a grace is over: the longer the job is overdue, the later it is.
    """

    def failed(error: Drmaa2Exception) -> None:
        noted(job, error.message)
        overdue = clock.boottime() - (job.row.kill_at or 0.0)
        job.timer("kill", loop.after(min(max(LEAST, overdue), MOST), job.now(kill)))

    repeat = job.now(failed)

    def answered(error: Drmaa2Exception | None) -> None:
        if error is not None:
            repeat(error)
        done(error)

    return answered
