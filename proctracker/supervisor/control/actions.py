"""Suspends, resumes, holds, releases and ends jobs, on request or when their time is over."""

from __future__ import annotations

import functools
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
from proctracker.model.marks import ENDING, STOPPED
from proctracker.runtimes import inspection
from proctracker.supervisor.base.jobs import GRACE, Job, Phase, engine_of
from proctracker.supervisor.control.clocks import Clocks
from proctracker.supervisor.control.fitting import DONE, FITTING, Unfit, unfit
from proctracker.supervisor.control.restarts import Restarts
from proctracker.supervisor.control.suspension import Stop
from proctracker.supervisor.processes import signalling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.control.batch import BatchControls
    from proctracker.supervisor.control.guests import Guests
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.scheduling.queue import Queue

Told = Callable[["dict[str, Any]"], None]
Done = Callable[["Drmaa2Exception | None"], None]


class Actions:
    """Carries out actions.

    ``restarts`` ends containers that are started again and again, ``batch`` and ``guests`` see to schedulers' jobs.
    """

    def __init__(
        self,
        here: Here,
        calls: Calls,
        lifecycle: Lifecycle,
        queue: Queue,
        restarts: Restarts,
        batch: BatchControls,
        guests: Guests,
    ) -> None:
        self._here, self._calls, self._lifecycle, self._queue = here, calls, lifecycle, queue
        self._restarts, self._batch, self._guests = restarts, batch, guests
        self.clocks = Clocks(here.loop, self._over, self.kill)
        self._carry_out: dict[str, Callable[[Job, Done], None]] = {
            "suspend": self._suspend,
            "resume": self._resume,
            "hold": self._hold,
            "release": self._release,
        }

    def control(
        self, ids: Sequence[str], action: str, signal: str, grace: float, told: Told, again: bool = False
    ) -> None:
        """Act on jobs, and tell ``done`` (ids) and ``errors`` (id -> exception) of all at once.

        ``again``: a former supervisor may have done so and not lived to say it, so what is done already is no error.
        """
        if action not in FITTING:
            raise InvalidArgumentException(f"no action {action!r}: {' '.join(FITTING)}")
        number = signal_number(signal)
        self._guests.take([name for name in ids if self._here.jobs.find(name) is None])
        outcome: dict[str, Any] = {"done": [], "errors": {}}
        left = len(ids)
        if action == "release":
            self._queue.resume()

        def done(name: str, error: Drmaa2Exception | None) -> None:
            """Take what became of one job, and tell of all after the last."""
            nonlocal left
            left -= 1
            if error is None:
                outcome["done"].append(name)
            else:
                outcome["errors"][name] = to_wire(error)
            if not left:
                self._here.ledger.then(lambda: told(outcome))

        for name in ids:
            self._one(name, action, number, grace, functools.partial(done, name), again)
        if not ids:
            told(outcome)

    def _one(self, name: str, action: str, number: int, grace: float, done: Done, again: bool) -> None:
        try:
            for batch in (self._batch, self._guests.controls):
                if batch.act(name, action, number, grace, done):
                    return
            job = self._job(name, action)
            if action == "terminate":
                self.end(job, "terminating", number, grace, done)
            else:
                self._carry_out[action](job, done)
        except Unfit as error:
            done(None if again and DONE[action](error.row) else error.told)
        except Drmaa2Exception as error:
            done(error)

    def _job(self, name: str, action: str) -> Job:
        """Return the job in a state for that, or raise what is wrong."""
        job = self._here.jobs.find(name)
        if job is None:
            raise Unfit(self._ended(name), action)
        if JobState(job.row.state) not in FITTING[action] or (action == "hold" and not job.waits):
            raise Unfit(job.row, action, not job.waits and JobState(job.row.state).queued)
        return job

    def _ended(self, name: str) -> JobRow:
        """Return the row of a job that is not live, whose end may not be in the store yet."""
        here = self._here
        row = here.ledger.due(name)
        if row is None:
            rows = here.store.jobs([name])
            if not rows:
                raise InvalidArgumentException(f"no job {name}")
            row = rows[0]
        if not row.ended:
            raise InvalidStateException(f"job {name} belongs to another supervisor ({row.keeper})")
        return row

    # queued jobs

    def _hold(self, job: Job, done: Done) -> None:
        self._queue.drop(job)
        self._lifecycle.held(job)
        done(None)

    def _release(self, job: Job, done: Done) -> None:
        self._lifecycle.released(job)
        self._queue.add(job)
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
                self._lifecycle.suspended(job)
            done(error)

        self._ask(job, "suspend", answered)

    def _stop(self, job: Job, sub_state: str | None, done: Done) -> None:
        """Suspend by signal: a plain process, or a container whose engine cannot (``sub_state``)."""
        Stop(self._here, self._lifecycle, job, sub_state).begin(done)

    def _resume(self, job: Job, done: Done) -> None:
        if job.supervised or job.row.sub_state == STOPPED:
            denied = signalling.signal_all(job, self._here.mark(job.row), signals.SIGCONT).denied
            if not denied:
                self._resumed(job)
            done(signalling.beyond(job, denied) if denied else None)
            return
        attempt = job.row.attempt

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            if job.row.ended or job.row.attempt != attempt:
                # It may have gone on to its end before the engine's word of that came.
                error = error and unfit(job.row, "resume")
            elif error is None:
                self._resumed(job)
            done(error)

        self._ask(job, "resume", answered)

    def _resumed(self, job: Job) -> None:
        if job.row.state == JobState.SUSPENDED:
            self._lifecycle.resumed(job)
            self.clocks.limit_time(job)

    def _ask(self, job: Job, action: str, answered: Any, signal: str = "SIGTERM") -> None:
        runtime, engine = runtimes.get(job.row.runtime), engine_of(job)
        self._calls.converse(engine, runtime.control(engine, action, job.row.address, signal), answered)

    # ends

    def end(self, job: Job, why: str, number: int, grace: float, done: Done) -> None:
        """End a queued job at once, a running one by a signal, and SIGKILL after the grace.

        Where it was told before, whichever grace is over first counts. Why is durable before the signal is sent.
        """
        if self._batch.has(job):
            self._batch.end(job, why, number, grace, done)
            return
        row, begins = job.row, job.phase is Phase.STARTING
        number = number if grace > 0 else signals.SIGKILL
        denied = signalling.signal_all(job, self._here.mark(row), signalling.NONE).denied if self._plain(job) else set()
        if any(pid == row.pid for pid, _ in denied):
            done(signalling.beyond(job, denied))
            return
        if job.ending in (None, "time-limit"):
            job.ending = why  # the only reason after which there may be another attempt gives way to the others
        if job.waits or row.sub_state == inspection.CHECKPOINTED:
            self._lifecycle.refused(job, row.annotation or "", ENDING[why])
            done(None)
            return
        if row.sub_state == STOPPED:
            # Its engine knows nothing of the stop, and would not end it.
            signalling.signal_all(job, "", signals.SIGCONT)
            self._resumed(job)
        self._lifecycle.ending(job, clock.boottime() + max(0.0, grace))
        at_once = grace <= 0 and not begins and not job.supervised
        if not at_once:
            self.clocks.await_grace(job)
        if begins:
            job.told = number, min(grace, job.told[1]) if job.told else grace
            done(None)  # its container is told as soon as there is one
            return
        if job.supervised:
            denied = signalling.signal_all(job, self._here.mark(row), number).denied
            self._go_on(job, number)
            done(signalling.beyond(job, denied) if denied else None)
        else:
            self._signal(job, number, self.clocks.or_again(job, self._lifecycle.noted, done) if at_once else done)

    @staticmethod
    def _plain(job: Job) -> bool:
        """Whether a job is a process that has been spawned."""
        return job.supervised and job.row.state in (JobState.RUNNING, JobState.SUSPENDED)

    def _go_on(self, job: Job, number: int) -> None:
        """Let a stopped process take the signal that it was sent."""
        suspended = job.row.state == JobState.SUSPENDED
        if suspended or number == signals.SIGTERM:
            signalling.signal_all(job, self._here.mark(job.row), signals.SIGCONT)
            self._resumed(job)

    def catch_up(self, job: Job) -> None:
        """A container that was told to end while it was being started is there now."""
        if job.ending and not job.row.ended:
            number, grace = job.told or (signals.SIGTERM, GRACE)
            if job.told:
                self._lifecycle.caught_up(job)
            self.end(job, job.ending, number, grace, lambda error: None)

    def _signal(self, job: Job, number: int, done: Done) -> None:
        """Have an engine send a signal to a container."""
        row = job.row
        suspended = row.state == JobState.SUSPENDED
        if number != signals.SIGKILL and row.pid and not procfs.handles(row.pid, number):
            number = signals.SIGKILL  # the first process of a pid namespace ignores what it has no handler for

        def answered(answer: Any, error: Drmaa2Exception | None) -> None:
            self._restarts.told(job, error, kill, done)

        def kill(answer: Any = None, error: Drmaa2Exception | None = None) -> None:
            self._ask(job, "kill", answered, signal_name(number))

        if suspended and number != signals.SIGKILL:
            self._ask(job, "resume", kill)
        else:
            kill()

    def kill(self, job: Job) -> None:
        """Kill a job whose grace is over, or the call that still starts it."""
        if job.phase is Phase.STARTING:
            self._calls.kill(job.row.pid or 0, job.row.ticks or 0)
        elif job.supervised and not job.row.ended:
            signalling.signal_all(job, self._here.mark(job.row), signals.SIGKILL)
        elif not job.row.ended:
            self._signal(job, signals.SIGKILL, self.clocks.or_again(job, self._lifecycle.noted, lambda error: None))

    def _over(self, job: Job, why: str) -> None:
        """The time of a job is over."""
        self.end(job, why, signals.SIGTERM, GRACE, lambda error: self._note(job, error))

    def _note(self, job: Job, error: Drmaa2Exception | None) -> None:
        """Record why a job that is due to end does not, as nobody asked who could be told."""
        if error is not None:
            self._lifecycle.noted(job, error.message)
