"""What is done to jobs on request or when their time is over: suspend, resume, hold, release, terminate."""

from __future__ import annotations

import signal as signals
from collections.abc import Callable

from proctracker import runtimes
from proctracker.errors import (
    Drmaa2Exception,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
    to_wire,
)
from proctracker.linux import clock, procfs
from proctracker.model import JobRow, JobState, signal_name, signal_number
from proctracker.runtimes import inspection
from proctracker.supervisor.base.jobs import ENDING, Job, engine_of, running_time
from proctracker.supervisor.control import restarts
from proctracker.supervisor.control.fitting import DONE, FITTING, Unfit, unfit
from proctracker.supervisor.control.suspension import Stop
from proctracker.supervisor.processes import signalling
from proctracker.supervisor.running.containers import STOPPED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.supervisor.service import Core

GRACE = 10.0
"""Seconds between the first signal and SIGKILL for ends that nobody asked for in person."""

Told = Callable[["dict[str, Any]"], None]
Done = Callable[["Drmaa2Exception | None"], None]


class Controls:
    """Carries out controls and the clock's own."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def control(
        self, ids: Sequence[str], action: str, signal: str, grace: float, told: Told, again: bool = False
    ) -> None:
        """Act on jobs; ``told`` gets ``done`` (ids) and ``errors`` (id -> exception) once all have been acted on.

        ``again``: a former supervisor may have done so and not lived to say it, so what is done already is no error.
        """
        if action not in FITTING:
            raise InvalidArgumentException(f"no action {action!r}: {' '.join(FITTING)}")
        number = signal_number(signal)
        self._core.guests.take([name for name in ids if self._core.jobs.find(name) is None])
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
            self._one(name, action, number, grace, one(name), again)
        if not ids:
            told(outcome)

    def _one(self, name: str, action: str, number: int, grace: float, done: Done, again: bool) -> None:
        try:
            for batch in (self._core.batch_controls, self._core.guests.controls):
                if batch.act(name, action, number, grace, done):
                    return
            job = self._job(name, action)
            if action == "terminate":
                self.end(job, "terminating", number, grace, done)
            else:
                getattr(self, f"_{action}")(job, done)
        except Unfit as error:
            done(None if again and DONE[action](error.row) else error.told)
        except Drmaa2Exception as error:
            done(error)

    def _job(self, name: str, action: str) -> Job:
        """The job, which is in a state for that; raises what is wrong."""
        job = self._core.jobs.find(name)
        if job is None:
            raise Unfit(self._ended(name), action)
        if JobState(job.row.state) not in FITTING[action] or (action == "hold" and not job.waits):
            raise Unfit(job.row, action, not job.waits and JobState(job.row.state).queued)
        return job

    def _ended(self, name: str) -> JobRow:
        """The row of a job that is none of the live; its end may not be in the store yet."""
        core = self._core
        row = core.ledger.due(name)
        if row is None:
            rows = core.store.jobs([name])
            if not rows:
                raise InvalidArgumentException(f"no job {name}")
            row = rows[0]
        if not row.ended:
            raise InvalidStateException(f"job {name} belongs to another supervisor ({row.keeper})")
        return row

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
            self._stop(job, None, done)
            return
        attempt = job.row.attempt

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            if isinstance(error, UnsupportedOperationException) and job.pidfd is not None:
                self._stop(job, STOPPED, done)
                return
            if job.row.ended or job.row.attempt != attempt:
                error = unfit(job.row, "suspend")
            elif error is None:
                job.timer("limit", None)
                self._core.ledger.change(job.row, JobState.SUSPENDED)
            done(error)

        self._ask(job, "suspend", answered)

    def _stop(self, job: Job, sub_state: str | None, done: Done) -> None:
        """Suspend by signal: a plain process, or a container whose engine cannot (``sub_state``)."""
        Stop(self._core, job, sub_state, lambda it: unfit(it.row, "suspend")).begin(done)

    def _resume(self, job: Job, done: Done) -> None:
        if job.supervised or job.row.sub_state == STOPPED:
            denied = signalling.signal_all(job, self._core.mark(job.row), signals.SIGCONT).denied
            if not denied:
                self._resumed(job)
            done(signalling.beyond(job, denied) if denied else None)
            return
        attempt = job.row.attempt

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            if job.row.ended or job.row.attempt != attempt:
                error = unfit(job.row, "resume")
            elif error is None:
                self._resumed(job)
            done(error)

        self._ask(job, "resume", answered)

    def _resumed(self, job: Job) -> None:
        if job.row.state == JobState.SUSPENDED:
            self._core.ledger.change(job.row, JobState.RUNNING, job.ending)
            self.limit_time(job)

    def _ask(self, job: Job, action: str, answered: Any, signal: str = "SIGTERM") -> None:
        runtime, engine = runtimes.get(job.row.runtime), engine_of(job)
        self._core.calls.converse(engine, runtime.control(engine, action, job.row.address, signal), answered)

    # ends

    def end(self, job: Job, why: str, number: int, grace: float, done: Done) -> None:
        """End a job: a queued one at once, a running one by a signal and, after the grace, by SIGKILL.

        Where it was told before, whichever grace is over first counts. Why is durable before the signal is sent.
        """
        if self._core.batch_controls.has(job):
            self._core.batch_controls.end(job, why, number, grace, done)
            return
        core, row, begins = self._core, job.row, JobState(job.row.state).queued and not job.waits
        number = number if grace > 0 else signals.SIGKILL
        denied = signalling.signal_all(job, core.mark(row), signalling.NONE).denied if self._plain(job) else set()
        if any(pid == row.pid for pid, _ in denied):
            done(signalling.beyond(job, denied))
            return
        if job.ending in (None, "time-limit"):
            job.ending = why  # the only reason after which there may be another attempt gives way to the others
        if job.waits or row.sub_state == inspection.CHECKPOINTED:
            core.ends.refused(job, row.annotation or "", ENDING[why])
            row.annotation = row.annotation or None
            done(None)
            return
        if row.sub_state == STOPPED:
            signalling.signal_all(
                job, "", signals.SIGCONT
            )  # its engine knows nothing of the stop, and would not end it
            self._resumed(job)
        kill_at = clock.boottime() + max(0.0, grace)
        row.kill_at = kill_at if row.kill_at is None else min(row.kill_at, kill_at)
        core.ledger.change(row, JobState(row.state), job.ending)
        core.ledger.flush()
        if begins:
            job.told = number, min(grace, job.told[1]) if job.told else grace
            job.timer("kill", core.loop.at(row.kill_at, lambda: self._give_up(job)))
            done(None)  # its container is told as soon as there is one
            return
        self.await_grace(job)
        if job.supervised:
            denied = signalling.signal_all(job, core.mark(row), number).denied
            self._go_on(job, number)
            done(signalling.beyond(job, denied) if denied else None)
        else:
            self._signal(job, number, done)

    @staticmethod
    def _plain(job: Job) -> bool:
        """Whether a job is a process that has been spawned."""
        return job.supervised and job.row.state in (JobState.RUNNING, JobState.SUSPENDED)

    def _go_on(self, job: Job, number: int) -> None:
        """Let a stopped process take the signal that it was sent."""
        suspended = job.row.state == JobState.SUSPENDED
        if suspended or number == signals.SIGTERM:
            signalling.signal_all(job, self._core.mark(job.row), signals.SIGCONT)
            self._resumed(job)

    def _give_up(self, job: Job) -> None:
        """The grace is over while its engine still starts it, fetching an image maybe: that ends, and what there is then."""
        if job.starting and job.called is not None:
            self._core.calls.kill(job.called, job.row.ticks or 0)

    def await_grace(self, job: Job) -> None:
        """Kill a job that was told to end when its grace is over."""
        row = job.row
        row.kill_at = row.kill_at or clock.boottime() + GRACE
        job.timer("kill", self._core.loop.at(row.kill_at, lambda: self.kill(job)))

    def catch_up(self, job: Job) -> None:
        """A container that was told to end while it was being started is there now."""
        if job.ending and not job.row.ended:
            number, grace = job.told or (signals.SIGTERM, GRACE)
            if job.told:
                job.told = job.row.kill_at = None  # its grace begins now that there is something to tell
            self.end(job, job.ending, number, grace, lambda error: None)

    def _signal(self, job: Job, number: int, done: Done) -> None:
        """Have an engine send a signal to a container."""
        row = job.row
        suspended = row.state == JobState.SUSPENDED
        if number != signals.SIGKILL and row.pid and not procfs.handles(row.pid, number):
            number = signals.SIGKILL  # the first process of a pid namespace ignores what it has no handler for

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            restarts.told(self._core, job, error, kill, done)

        def kill(answer: Any = None, error: Drmaa2Exception | None = None) -> None:
            self._ask(job, "kill", answered, signal_name(number))

        if suspended and number != signals.SIGKILL:
            self._ask(job, "resume", kill)
        else:
            kill()

    def kill(self, job: Job) -> None:
        """The grace is over."""
        if job.supervised and not job.row.ended:
            signalling.signal_all(job, self._core.mark(job.row), signals.SIGKILL)
        elif not job.row.ended:
            self._signal(job, signals.SIGKILL, lambda error: None)

    # the clock

    def keep_deadline(self, job: Job) -> None:
        """Watch the deadline of a job, in whatever state it is."""
        deadline = job.spec.get("deadline")
        if deadline is not None and not job.row.ended:
            job.timer("deadline", self._core.loop.on(deadline, lambda: self.overdue(job)))

    def overdue(self, job: Job) -> None:
        """The deadline has come."""
        if not job.row.ended:
            self.end(job, "deadline", signals.SIGTERM, GRACE, lambda error: self._note(job, error))

    def limit_time(self, job: Job) -> None:
        """Watch the running time of a job that runs now."""
        limit = job.spec.get("time_limit")
        if limit is not None and job.row.state == JobState.RUNNING:
            left = max(0.0, float(limit) - running_time(job.row))
            job.timer("limit", self._core.loop.after(left, lambda: self._too_long(job)))

    def _too_long(self, job: Job) -> None:
        if not job.row.ended and job.row.state == JobState.RUNNING:
            self.end(job, "time-limit", signals.SIGTERM, GRACE, lambda error: self._note(job, error))

    def _note(self, job: Job, error: Drmaa2Exception | None) -> None:
        """Put down why a job that is due to end does not: nobody asked for it in person, so nobody can be told."""
        if error is not None and not job.row.ended:
            job.row.annotation = error.message
            self._core.ledger.change(job.row)
