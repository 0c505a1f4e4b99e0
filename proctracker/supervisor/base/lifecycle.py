"""How jobs end: code, signal, usage and reason put down once and for all, or another attempt begun."""

from __future__ import annotations

import time
from signal import SIGCONT, SIGKILL

from proctracker import runtimes
from proctracker.linux import clock
from proctracker.linux.textfile import tail
from proctracker.model import Completed, JobState, Observation, signal_name
from proctracker.model.observation import LOST
from proctracker.supervisor.base.jobs import ENDING, Job, running_time
from proctracker.supervisor.base.journal import End
from proctracker.supervisor.processes import signalling, spawn
from proctracker.supervisor.running import boots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.service import Core

RERUN = "rerun"
"""Sub-state of a job that is queued again because it was lost."""

START_FAILED = "start-failed"
"""Sub-state of a job that was not started, where its code tells nothing but that."""

OF_STARTS = (125, 126, 127)
NEVER_AGAIN = (126, 127)
"""Codes that another attempt would only repeat."""


PRECISION = 0.02
"""Seconds by which engines' times of an end may be too early: a file's time is that of the last tick."""


class Ends:
    """The end of every job goes through here."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def process(self, job: Job, end: End) -> None:
        """A plain process was reaped."""
        row = job.row
        row.cpu, row.max_rss, row.annotation = end.cpu, end.max_rss, None
        struck = self._used(job, end.status)
        if row.state == JobState.SUSPENDED:
            # Somebody else killed it: what it leaves behind is nobody's to resume any more.
            signalling.signal_all(job, self._core.mark(row), SIGCONT)
        if row.output is None or row.error is None:
            self._core.output_limits.ended(job)
            attempt = row.attempt
            self._core.loop.soon(lambda: self._outputs(job, attempt))
        if row.category and end.status > 0:
            code, reason = self._told(job, end.status)
            if code != end.status:
                self.not_started(job, code, reason)
                return
        if end.status >= 0:
            self._finish(job, end.time, code=end.status, reason=struck)
        else:
            self._finish(job, end.time, signal=signal_name(-end.status), reason=struck)

    def _used(self, job: Job, status: int) -> str | None:
        """What a job's own control group says it used; ``oom-killed`` where the kernel ended some of it for its memory."""
        groups = self._core.groups
        if job.row.rss_floor is None:
            job.row.rss_floor = spawn.peak()  # its supervisor was killed before it could write that down
        if job.cgroup is None:
            return "oom-killed" if groups.struck() and -status == SIGKILL else None
        used = groups.ended(job.cgroup)
        job.row.cpu = job.row.cpu if used.cpu is None else used.cpu
        if used.peak is not None:
            job.row.max_rss, job.row.rss_floor = used.peak, None
        return "oom-killed" if used.oom else None

    def _told(self, job: Job, status: int) -> tuple[int, str]:
        """What the CLI that carried a job in an image says of its own failure; the same status: it was the job's."""
        row = job.row
        out, err = self._core.outputs.paths(row, job.spec.get("output_dir"))
        path = (row.output or out) if job.spec.get("join") else (row.error or err)
        return runtimes.get(row.runtime).failed_start(Completed((), status, "", tail(path)))

    def _outputs(self, job: Job, attempt: int) -> None:
        """A process has left its kept files."""
        row = job.row
        paths = self._core.outputs.paths(row, job.spec.get("output_dir"), attempt)
        for stream, path in zip((row.output, row.error), paths):
            if stream is None:
                self._core.outputs.ended(path)

    def container(self, job: Job, found: Observation, oom: bool, gone: float) -> None:
        """An engine told how a container ended, whose process was gone at ``gone`` (``clock.boottime``)."""
        row = job.row
        row.cpu = found.cpu_time if found.cpu_time is not None else row.cpu
        row.max_rss = found.max_rss if found.max_rss is not None else row.max_rss
        # With a code that is a start's as well, words would say that it never started.
        row.annotation = found.annotation or (None if found.exit_status in OF_STARTS else job.notice)
        if found.finished is not None and self._in_time(job, found.finished):
            job.ending = None
        boots.ran_until(self._core, row, found.finished)
        self._finish(
            job,
            found.finished or clock.since(gone),
            code=found.exit_status,
            signal=found.terminating_signal,
            reason="oom-killed" if oom else None,
        )

    def batch(self, job: Job, found: Observation) -> None:
        """A scheduler, or the record that a job left on its machine, told how it ended: times are that machine's."""
        row = job.row
        row.cpu, row.max_rss, row.annotation = found.cpu_time, found.max_rss, found.annotation
        finished = found.finished or time.time()
        if found.started is not None:
            if row.running_since is None and not row.ran:
                row.dispatched = self._core.ledger.change(row, JobState.RUNNING, at=found.started)
            if not row.ran:  # it was never suspended
                row.ran = max(0.0, finished - found.started)
                row.running_since = row.since = None
        if found.sub_state == START_FAILED:
            self.not_started(job, found.exit_status or 125, found.annotation or "")
            return
        code, signal = found.exit_status, found.terminating_signal
        self._finish(job, finished, code=code, signal=signal, reason=found.sub_state, started=found.started is not None)

    def _in_time(self, job: Job, finished: float) -> bool:
        """Whether a container had ended, at that epoch second, before the limit or deadline it was told to end for."""
        row, limit, deadline = job.row, job.spec.get("time_limit"), job.spec.get("deadline")
        if job.ending == "time-limit" and limit is not None and row.boot == self._core.boot:
            return running_time(row, clock.at(finished)) < float(limit) - PRECISION
        return job.ending == "deadline" and deadline is not None and finished < float(deadline) - PRECISION

    def not_started(self, job: Job, status: int, reason: str) -> None:
        """A start that failed: an end of its own kind, told by the job."""
        row = job.row
        row.annotation = reason
        self._finish(job, time.time(), code=status, reason=START_FAILED if status == 125 else None, started=False)

    def refused(self, job: Job, reason: str, sub_state: str) -> None:
        """A queued job that will never start."""
        job.row.annotation = reason
        self._finish(job, time.time(), reason=sub_state, started=False)

    def lost(self, job: Job, sub_state: str, reason: str, when: float | None = None) -> None:
        """Nobody can tell how it ended, nor when unless that was seen: nothing is invented.

        A rerunnable job that was lost is queued again, once.
        """
        row, core = job.row, self._core
        row.annotation = reason
        if when is None:
            row.running_since = row.since = None
        if sub_state == LOST and job.spec.get("rerunnable") and not job.ending and not self._reran(job):
            self._requeue(job, RERUN)
            core.queue.add(job)
            return
        row.unseen = int(when is None)
        self._record(job, JobState.UNDETERMINED, sub_state, time.time() if when is None else when)
        core.jobs.remove(job)

    def followed(self, job: Job) -> None:
        """An attempt after this one was begun already: how this one ended counts no more."""
        row = job.row
        retries = int(job.spec.get("retries") or 0)
        self._requeue(job, f"retry {row.attempt + 1}/{retries + 1}" if row.attempt <= retries else "rerun")

    def given_up(self, job: Job) -> None:
        """A job was told to end while its engine was starting it, and there is no container."""
        self._core.jobs.started(job, None, None)
        job.row.container = None
        self.refused(job, "it was ended while its engine was starting it", ENDING[job.ending or ""])

    def start_lost(self, job: Job) -> None:
        """A start was under way when its supervisor was killed, and it is sure that nothing was started: it begins anew."""
        row, core = job.row, self._core
        job.starting = False
        job.called = None
        job.run += 1
        core.folders.drop(job.row)
        row.dispatched = row.container = None
        core.jobs.started(job, None, None)
        core.ledger.change(row)
        core.queue.give_back(job)
        core.queue.add(job)

    def _finish(
        self,
        job: Job,
        when: float,
        *,
        code: int | None = None,
        signal: str | None = None,
        reason: str | None = None,
        started: bool = True,
    ) -> None:
        row = job.row
        row.exit_status, row.signal = code, signal
        why = ENDING.get(job.ending or "") or reason
        state = JobState.DONE if code == 0 and not why else JobState.FAILED
        if state == JobState.FAILED and self._again(job, code, why, started):
            return
        self._record(job, state, why, when)
        self._core.jobs.remove(job)
        if job.spec.get("remove") and row.container:
            self._core.removal.discard(job)

    def _again(self, job: Job, code: int | None, why: str | None, started: bool) -> bool:
        """Begin another attempt where the template wants one for this kind of end."""
        row = job.row
        retries, reran = int(job.spec.get("retries") or 0), self._reran(job)
        if not started or row.attempt - reran > retries or code in NEVER_AGAIN or why in ("terminated", "deadline"):
            return False
        how = why or (f"ended by {row.signal}" if row.signal else f"exit status {code}")
        row.annotation = f"attempt {row.attempt}: {how}"
        self._requeue(job, f"retry {row.attempt + 1 - reran}/{retries + 1}")
        row.due = clock.boottime() + float(job.spec.get("retry_delay") or 0)
        self._core.queue.add(job)
        return True

    def _reran(self, job: Job) -> bool:
        """Whether it was queued again because it was lost: that was none of the attempts its template wants."""
        if not job.spec.get("rerunnable"):
            return False
        self._core.ledger.flush()
        return self._core.store.reran(job.row.id)

    def _requeue(self, job: Job, sub_state: str) -> None:
        core, row = self._core, job.row
        if row.container:
            core.removal.remove_later(job)
        core.containers.ended(job)
        core.batch.forget(job)
        core.folders.drop(job.row)
        core.jobs.started(job, None, None)
        job.run += 1
        job.starting, job.ending, job.told, job.called, job.notice = False, None, None, None, None
        job.timer("limit", None)
        job.timer("kill", None)
        job.timer("look", None)
        core.sweeps.due(job)
        row.kill_at = None
        row.attempt += 1
        row.container = row.container_id = row.dispatched = row.boot = None
        row.exit_status = row.signal = row.cpu = row.max_rss = None
        core.ledger.change(row, JobState.REQUEUED, sub_state)
        row.ran = 0.0
        core.queue.give_back(job)

    def _record(self, job: Job, state: JobState, sub_state: str | None, when: float) -> None:
        """Write the end: whoever waits is told of it in this round. The rest comes after that."""
        job.starting = False
        self._core.queue.drop(job)
        self._core.ledger.change(job.row, state, sub_state, finished=when)
        self._core.loop.soon(lambda: self._after(job))

    def _after(self, job: Job) -> None:
        """Give back what an ended job had, and let go on what waited for its end."""
        core, row = self._core, job.row
        core.containers.ended(job)
        core.batch.forget(job)
        core.starter.drop_stdin(job)
        core.folders.drop(job.row)
        core.queue.give_back(job)
        if core.queue.dependencies.awaited(row.id):
            core.ledger.then(lambda: core.queue.dependencies.ended(job))
        core.housekeeping.ended(job)
        if job.ending:
            core.sweeps.due(job)
