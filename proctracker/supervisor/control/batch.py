"""Acts on jobs that a scheduler has, several in one call, none by a stale id."""

from __future__ import annotations

import signal as signals

from proctracker import runtimes
from proctracker.errors import (
    DeniedByDrmsException,
    Drmaa2Exception,
    DrmCommunicationException,
    InvalidStateException,
    OutOfResourceException,
    UnsupportedOperationException,
)
from proctracker.linux import clock
from proctracker.model import JobState, signal_name
from proctracker.runtimes.base import Engine
from proctracker.supervisor.base.jobs import GRACE, Job, engine_of
from proctracker.supervisor.control.clocks import or_again
from proctracker.supervisor.control.fitting import FITTING, unfit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping, Sequence, Tuple

    from proctracker.model import Completed, JobRow
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.batchjobs import BatchJobs

    Done = Callable[["Drmaa2Exception | None"], None]
    Wanted = Tuple[Job, Done]

TIMEOUT = 60.0
"""Seconds a scheduler has to carry something out."""

AT_ONCE = 500
"""Jobs in one call."""

INSTEAD = {"suspend": "stop", "resume": "cont"}
"""What a user may do where the scheduler's own word for it is an operator's."""

ONWARDS = ("resume", "release")
"""After these a job may have come to its end before the scheduler's word of them does."""


class BatchControls:
    """Has schedulers suspend, resume, hold, release and end jobs."""

    def __init__(
        self,
        here: Here,
        calls: Calls,
        lifecycle: Lifecycle,
        watch: BatchJobs,
        before: Callable[[JobRow], None] = lambda row: None,
    ) -> None:
        """Keep collaborators.

        ``before`` is called with a job that is about to be told to end.
        """
        self._before = before
        self._loop, self._jobs = here.loop, here.jobs
        self._calls, self._lifecycle, self._watch = calls, lifecycle, watch
        self._wanted: dict[tuple[str, str], list[Wanted]] = {}
        self._deferred: dict[str, list[tuple[str, Done]]] = {}
        """What is to be done to jobs that are just being handed over, by their ids."""
        watch.settled, watch.over = self._catch_up, self._gone

    @staticmethod
    def has(job: Job) -> bool:
        """Whether a scheduler has a job, or may have it."""
        return job.scheduled

    def act(self, name: str, action: str, number: int, grace: float, done: Done) -> bool:
        """Act on a job if a scheduler has it, and return whether it has."""
        job = self._jobs.find(name)
        if job is None or not self.has(job):
            return False
        if action == "terminate":
            self.end(job, "terminating", number, grace, done)
        elif job.starting:
            self._deferred.setdefault(name, []).append((action, done))
        elif JobState(job.row.state) in FITTING[action]:
            self._carry_out(job, action, done)
        else:
            self._watch.look_now(lambda wrong: self._once_more(job, action, done))
        return True

    def _once_more(self, job: Job, action: str, done: Done) -> None:
        """Try an action again that did not fit the state seen last."""
        if job.row.ended or job.starting or JobState(job.row.state) not in FITTING[action]:
            done(unfit(job.row, action, job.starting))
        else:
            self._carry_out(job, action, done)

    def _carry_out(self, job: Job, action: str, done: Done) -> None:
        row = job.row

        def answered(error: Drmaa2Exception | None) -> None:
            if isinstance(error, (DeniedByDrmsException, UnsupportedOperationException)) and action in INSTEAD:
                self._ask(
                    job, INSTEAD[action], lambda other: changed(other, "stopped" if action == "suspend" else None)
                )
            else:
                changed(error, "suspended" if action == "suspend" else None)

        def changed(error: Drmaa2Exception | None, sub_state: str | None) -> None:
            if row.ended and (error is not None or action not in ONWARDS):
                error = unfit(row, action)
            if error is not None:
                self._watch.look()
                done(error)
            elif action == "hold":
                # Of a job that has just started it says yes, and nothing happens.
                self._watch.look_now(lambda wrong: done(None if job.held or wrong else unfit(row, action)))
            else:
                if not row.ended:
                    self._done(job, action, sub_state)
                self._watch.look()
                done(None)

        instead = action == "resume" and row.sub_state == "stopped"
        if instead:
            self._ask(job, INSTEAD[action], lambda error: changed(error, None))
        else:
            self._ask(job, action, answered)

    def _done(self, job: Job, action: str, sub_state: str | None) -> None:
        self._watch.acted(job)
        if action == "suspend":
            self._lifecycle.suspended(job, sub_state)
        elif action == "resume":
            self._lifecycle.resumed(job)
        else:
            self._lifecycle.released(job)

    # ends

    def end(self, job: Job, why: str, number: int, grace: float, done: Done) -> None:
        """End a job by a signal and, after the grace, SIGKILL and the scheduler's own end.

        Why is durable before that.
        """
        row, batch = job.row, runtimes.get(job.row.runtime).batch
        held = {"deadline": "deadline", "time-limit": "time_limit"}.get(why)
        # A near deadline of a job that waits is ours: schedulers count minutes, and what runs is ended on its node.
        if batch is not None and held in batch.hands_over and not (why == "deadline" and JobState(row.state).queued):
            done(None)
            return
        try:
            self._before(row)
        except OSError as error:
            done(OutOfResourceException(f"job {row.id}: {error.filename}: {error.strerror}"))
            return
        number = number if grace > 0 else signals.SIGKILL
        job.ending = job.ending or why
        self._lifecycle.ending(job, clock.boottime() + max(0.0, grace))
        if job.starting:
            job.told = number, grace
            done(None)  # the scheduler is told as soon as it is known to have the job
            return
        if grace > 0:
            self._await(job)
        else:
            done = self._or_again(job, done)
        if JobState(row.state).queued:
            self._ask(job, "cancel", self._then_look(done))
        elif number == signals.SIGKILL:
            self.kill(job, done)
        else:
            self._ask(job, "signal", self._then_look(done), number)
            if row.state == JobState.SUSPENDED:
                self._ask(job, "cont" if row.sub_state == "stopped" else "resume", lambda error: None)

    def _then_look(self, done: Done) -> Done:
        def answered(error: Drmaa2Exception | None) -> None:
            self._watch.look()
            done(None if isinstance(error, InvalidStateException) else error)  # it has ended already

        return answered

    def _await(self, job: Job) -> None:
        job.timer("kill", self._loop.at(job.row.kill_at or clock.boottime(), lambda: self._overdue(job)))

    def _overdue(self, job: Job) -> None:
        """Kill a job whose grace is over, again and again where its scheduler does not answer."""
        self.kill(job, self._or_again(job, lambda error: None))

    def _or_again(self, job: Job, done: Done) -> Done:
        return or_again(self._loop, job, self._lifecycle.noted, lambda: self._overdue(job), done)

    def kill(self, job: Job, done: Done) -> None:
        """The grace is over: its processes are killed, and nothing of it is to start again."""
        self._ask(job, "signal", lambda error: None, signals.SIGKILL)
        self._ask(job, "cancel", self._then_look(done))

    def _catch_up(self, job: Job) -> None:
        """A job that was told to end while it was handed over is with its scheduler now."""
        if job.ending and not job.row.ended:
            number, grace = job.told or (signals.SIGTERM, GRACE)
            job.told = None
            self.end(job, job.ending, number, grace, lambda error: None)
        for action, done in self._deferred.pop(job.row.id, ()):
            self.act(job.row.id, action, signals.SIGTERM, GRACE, done)

    def _gone(self, job: Job) -> None:
        for action, done in self._deferred.pop(job.row.id, ()):
            done(unfit(job.row, action))

    def recover(self, job: Job) -> None:
        """A job that a former supervisor was ending."""
        self._lifecycle.inherited(job)
        if job.ending:
            self._await(job)

    # calls

    def _ask(self, job: Job, action: str, done: Done, number: int = signals.SIGTERM) -> None:
        """Have it done, together with what is wanted of other jobs in this round."""
        if not self._wanted:
            self._loop.soon(self._look)
        self._wanted.setdefault((action, signal_name(number)), []).append((job, done))

    def _look(self) -> None:
        """Look for these, as what is wanted from now on needs another look, which knows those handed over meanwhile."""
        asked, self._wanted = self._wanted, {}
        self._watch.look_now(lambda wrong: self._ask_all(asked, wrong))

    def _ask_all(self, asked: Mapping[tuple[str, str], Sequence[Wanted]], wrong: str | None) -> None:
        """Each job was looked for by its name just now: an id alone may be another job's by now."""
        wanted: dict[tuple[str, str], list[Wanted]] = {}
        for (action, signal), pairs in asked.items():
            for job, done in pairs:
                # Of a task that pends Slurm 22.05 would end all tasks with it, whatever the signal.
                pends = action == "signal" and JobState(job.row.state).queued
                wanted.setdefault(("cancel" if pends else action, signal), []).append((job, done))
        for (action, signal), pairs in wanted.items():
            groups: dict[tuple[str, ...], list[Wanted]] = {}
            for job, done in pairs:
                if job.row.ended:
                    done(unfit(job.row, "terminate"))
                elif wrong is not None:
                    done(DrmCommunicationException(f"job {job.row.id}: {wrong}"))
                elif not self._watch.sightings.verified(job):
                    done(InvalidStateException(f"job {job.row.id}: its scheduler does not know it (any more)"))
                else:
                    groups.setdefault((job.row.runtime, repr(job.spec.get("engine"))), []).append((job, done))
            for members in groups.values():
                for at in range(0, len(members), AT_ONCE):
                    self._call(members[at : at + AT_ONCE], action, signal)

    def _call(self, members: list[Wanted], action: str, signal: str) -> None:
        job = members[0][0]
        batch, engine = runtimes.get(job.row.runtime).batch, engine_of(job)
        assert batch is not None
        ids = [each.row.container_id or "" for each, _ in members]

        def answered(completed: Completed) -> None:
            error: Drmaa2Exception | None = None
            try:
                batch.controlled(completed)
            except Drmaa2Exception as said:
                error = said
            if error is not None and len(members) > 1:
                for each in members:  # which of them it was is not told
                    self._call([each], action, signal)
                return
            for _, done in members:
                done(error)

        names = {(each.row.container or "").partition("/")[0] for each, _ in members}
        argv = batch.control_argv(engine, action, ids, signal, names.pop() if len(names) == 1 else None)
        self._calls.start(argv, Engine(engine.command, {}, batch.environment(engine)), answered, timeout=TIMEOUT)
