"""What is done to jobs on request or when their time is over: suspend, resume, hold, release, terminate."""

from __future__ import annotations

import signal as signals
import time
from collections.abc import Callable

from proctracker import runtimes
from proctracker.errors import (
    Drmaa2Exception,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
    to_wire,
)
from proctracker.model import JobRow, JobState, signal_name, signal_number
from proctracker.supervisor import families, procfs
from proctracker.supervisor.containers import STOPPED
from proctracker.supervisor.jobs import ENDING, Job, engine_of, running_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.supervisor.core import Core

GRACE = 10.0
"""Seconds between the first signal and SIGKILL for ends that nobody asked for in person."""

Told = Callable[["dict[str, Any]"], None]
Done = Callable[["Drmaa2Exception | None"], None]

FITTING = {
    "suspend": (JobState.RUNNING,),
    "resume": (JobState.SUSPENDED,),
    "hold": (JobState.QUEUED, JobState.REQUEUED),
    "release": (JobState.QUEUED_HELD, JobState.REQUEUED_HELD),
    "terminate": tuple(state for state in JobState if not state.ended),
}
"""An action -> the states it fits (GFD.194 8.2.4)."""


class Controls:
    """Carries out controls and the clock's own."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def control(self, ids: Sequence[str], action: str, signal: str, grace: float, told: Told) -> None:
        """Act on jobs; ``told`` gets ``done`` (ids) and ``errors`` (id -> exception) once all have been acted on."""
        if action not in FITTING:
            raise InvalidArgumentException(f"no action {action!r}: {' '.join(FITTING)}")
        number = signal_number(signal)
        outcome: dict[str, Any] = {"done": [], "errors": {}}
        left = len(ids)
        if action == "release":
            self._core.housekeeping.unpause()

        def one(name: str) -> Done:
            def done(error: Drmaa2Exception | None) -> None:
                nonlocal left
                left -= 1
                if error is None:
                    outcome["done"].append(name)
                else:
                    outcome["errors"][name] = to_wire(error)
                if not left:
                    self._core.ledger.then(lambda: told(outcome))

            return done

        for name in ids:
            self._one(name, action, number, grace, one(name))
        if not ids:
            told(outcome)

    def _one(self, name: str, action: str, number: int, grace: float, done: Done) -> None:
        try:
            job = self._job(name, action)
            getattr(self, f"_{action}")(job, done) if action != "terminate" else self._terminate(
                job, number, grace, done
            )
        except Drmaa2Exception as error:
            done(error)

    def _job(self, name: str, action: str) -> Job:
        core = self._core
        job = core.jobs.find(name)
        if job is None:
            rows = core.store.jobs([name])
            if not rows:
                raise InvalidArgumentException(f"no job {name}")
            if not rows[0].ended:
                raise InvalidStateException(f"job {name} belongs to another supervisor ({rows[0].keeper})")
            raise unfit(rows[0], action)
        if JobState(job.row.state) not in FITTING[action] or (
            action == "hold" and job.starting and not self._back(job)
        ):
            raise unfit(job.row, action, job.starting)
        return job

    def _back(self, job: Job) -> bool:
        if self._core.starter.take_back(job):
            self._core.queue.give_back(job)
            return True
        return False

    # queued jobs

    def _hold(self, job: Job, done: Done) -> None:
        held = JobState.QUEUED_HELD if job.row.state == JobState.QUEUED else JobState.REQUEUED_HELD
        self._core.queue.drop(job)
        self._core.ledger.change(job.row, held, job.row.sub_state)
        done(None)

    def _release(self, job: Job, done: Done) -> None:
        free = JobState.QUEUED if job.row.state == JobState.QUEUED_HELD else JobState.REQUEUED
        self._core.ledger.change(job.row, free, job.row.sub_state)
        self._core.queue.add(job)
        done(None)

    # running jobs

    def _suspend(self, job: Job, done: Done) -> None:
        if job.supervised:
            families.signal_all(job, self._core.mark(job.row), signals.SIGSTOP)
            self._suspended(job, None)
            done(None)
            return

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            sub_state = None
            if isinstance(error, UnsupportedOperationException) and self._by_signal(job, signals.SIGSTOP):
                error, sub_state = None, STOPPED
            if error is None and not job.row.ended:
                self._suspended(job, sub_state)
            done(error)

        self._ask(job, "suspend", answered)

    def _suspended(self, job: Job, sub_state: str | None) -> None:
        job.timer("limit", None)
        self._core.ledger.change(job.row, JobState.SUSPENDED, sub_state)

    def _by_signal(self, job: Job, number: int) -> bool:
        """Stop or continue a container's processes where its engine cannot; whether any was reached."""
        return job.pidfd is not None and families.signal_all(job, "", number) > 0

    def _resume(self, job: Job, done: Done) -> None:
        if job.supervised or job.row.sub_state == STOPPED:
            families.signal_all(job, self._core.mark(job.row), signals.SIGCONT)
            self._resumed(job)
            done(None)
            return

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            if error is None and not job.row.ended:
                self._resumed(job)
            done(error)

        self._ask(job, "resume", answered)

    def _resumed(self, job: Job) -> None:
        if job.row.state == JobState.SUSPENDED:
            self._core.ledger.change(job.row, JobState.RUNNING, job.ending)
            self.limit_time(job)

    def _ask(self, job: Job, action: str, answered: Any, signal: str = "SIGTERM") -> None:
        runtime, engine = runtimes.get(job.row.runtime), engine_of(job)
        self._core.calls.converse(engine, runtime.control(engine, action, job.row.container or "", signal), answered)

    # ends

    def _terminate(self, job: Job, number: int, grace: float, done: Done) -> None:
        self.end(job, "terminating", number, grace, done)

    def end(self, job: Job, why: str, number: int, grace: float, done: Done) -> None:
        """End a job: a queued one at once, a running one by a signal and, after the grace, by SIGKILL.

        Where it was told before, whichever grace is over first counts.
        """
        core, row = self._core, job.row
        if job.ending in (None, "time-limit"):
            job.ending = why  # the only reason after which there may be another attempt gives way to the others
        if (row.dispatched is None and not job.starting) or core.starter.take_back(job):
            core.ends.refused(job, row.annotation or "", ENDING[why])
            row.annotation = row.annotation or None
            done(None)
            return
        if JobState(row.state).queued and not job.starting:
            core.ends.refused(job, row.annotation or "", ENDING[why])
            done(None)
            return
        if row.sub_state == STOPPED:
            self._by_signal(job, signals.SIGCONT)  # its engine knows nothing of the stop, and would not end it
            self._resumed(job)
        kill_at = time.time() + max(0.0, grace)
        row.kill_at = kill_at if row.kill_at is None else min(row.kill_at, kill_at)
        if JobState(row.state) in (JobState.RUNNING, JobState.SUSPENDED):
            core.ledger.change(row, JobState(row.state), job.ending)
        else:
            core.ledger.change(row)
        if job.starting:
            job.told = number, min(grace, job.told[1]) if job.told else grace
            job.timer("kill", core.loop.at(row.kill_at, lambda: self._give_up(job)))
            done(None)  # its container is told as soon as there is one
            return
        self.await_grace(job)
        self._signal(job, number if grace > 0 else signals.SIGKILL, done)

    def _give_up(self, job: Job) -> None:
        """The grace is over while its engine still starts it, fetching an image maybe: that ends, and what there is then."""
        if job.starting and job.called is not None:
            self._core.calls.kill(job.called)

    def await_grace(self, job: Job) -> None:
        """Kill a job that was told to end when its grace is over; its signal was sent before the row said so."""
        row = job.row
        row.kill_at = row.kill_at or time.time() + GRACE
        job.timer("kill", self._core.loop.at(row.kill_at, lambda: self.kill(job)))

    def catch_up(self, job: Job) -> None:
        """A container that was told to end while it was being started is there now."""
        if job.ending and not job.row.ended:
            number, grace = job.told or (signals.SIGTERM, GRACE)
            if job.told:
                job.told = job.row.kill_at = None  # its grace begins now that there is something to tell
            self.end(job, job.ending, number, grace, lambda error: None)

    def _signal(self, job: Job, number: int, done: Done) -> None:
        core, row = self._core, job.row
        suspended = row.state == JobState.SUSPENDED
        if job.supervised:
            families.signal_all(job, core.mark(row), number)
            if suspended or number == signals.SIGTERM:
                families.signal_all(job, core.mark(row), signals.SIGCONT)
                self._resumed(job)
            done(None)
            return
        if number != signals.SIGKILL and row.pid and not procfs.handles(row.pid, number):
            number = signals.SIGKILL  # the first process of a pid namespace ignores what it has no handler for

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            # "Not running" is what was wanted; how it ended is on its way.
            done(None if row.ended or isinstance(error, InvalidStateException) else error)

        def kill(answer: Any = None, error: Drmaa2Exception | None = None) -> None:
            self._ask(job, "kill", answered, signal_name(number))

        if suspended and number != signals.SIGKILL:
            self._ask(job, "resume", kill)
        else:
            kill()

    def kill(self, job: Job) -> None:
        """The grace is over."""
        if not job.row.ended:
            self._signal(job, signals.SIGKILL, lambda error: None)

    # the clock

    def keep_deadline(self, job: Job) -> None:
        """Watch the deadline of a job, in whatever state it is."""
        deadline = job.spec.get("deadline")
        if deadline is not None and not job.row.ended:
            job.timer("deadline", self._core.loop.at(deadline, lambda: self.overdue(job)))

    def overdue(self, job: Job) -> None:
        """The deadline has come."""
        if not job.row.ended:
            self.end(job, "deadline", signals.SIGTERM, GRACE, lambda error: None)

    def limit_time(self, job: Job) -> None:
        """Watch the running time of a job that runs now."""
        limit = job.spec.get("time_limit")
        if limit is not None and job.row.state == JobState.RUNNING:
            left = max(0.0, float(limit) - running_time(job.row))
            job.timer("limit", self._core.loop.after(left, lambda: self._too_long(job)))

    def _too_long(self, job: Job) -> None:
        if not job.row.ended and job.row.state == JobState.RUNNING:
            self.end(job, "time-limit", signals.SIGTERM, GRACE, lambda error: None)


def unfit(row: JobRow, action: str, starting: bool = False) -> InvalidStateException:
    """An action that does not fit a job's state; ``starting``: its start is under way."""
    state = JobState(row.state).name + (f" ({row.sub_state})" if row.sub_state else "")
    state += ", just being started" if starting else ""
    fitting = [each.name for each in FITTING[action]] if action != "terminate" else ["a job that has not ended"]
    return InvalidStateException(f"job {row.id} is {state}: {action} takes {' or '.join(fitting)}")
