"""Tells from what is known of an exit how the job ended: code, signal, usage and reason."""

from __future__ import annotations

import time
from signal import SIGCONT, SIGKILL

from proctracker import runtimes
from proctracker.linux import clock
from proctracker.linux.textfile import tail
from proctracker.model import Completed, JobState, Observation, signal_name
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.base.journal import End
from proctracker.supervisor.base.lifecycle import NOT_STARTED, START_FAILED
from proctracker.supervisor.processes import signalling, spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.jobgroups import Groups
    from proctracker.supervisor.running.outputlimit import OutputLimits
    from proctracker.supervisor.running.outputs import Outputs

OF_STARTS = (125, 126, 127)

PRECISION = 0.02
"""Seconds by which engines' times of an end may be early, as a file's are."""


class Exits:
    """Hands every exit of a process or container to the life cycle."""

    def __init__(
        self, here: Here, groups: Groups, outputs: Outputs, output_limits: OutputLimits, lifecycle: Lifecycle
    ) -> None:
        self._here, self._groups, self._lifecycle = here, groups, lifecycle
        self._outputs, self._output_limits = outputs, output_limits

    def process(self, job: Job, end: End) -> None:
        """Record that a plain process was reaped."""
        row = job.row
        row.cpu, row.max_rss = end.cpu, end.max_rss
        row.annotation = None if end.status in OF_STARTS else job.notice
        struck = self._used(job, end.status)
        if row.state == JobState.SUSPENDED:
            # Somebody else killed it: what it leaves behind is nobody's to resume any more.
            signalling.signal_all(job, self._here.mark(row), SIGCONT)
        if row.output is None or row.error is None:
            self._output_limits.ended(job)
            attempt = row.attempt
            self._here.loop.soon(lambda: self._left_files(job, attempt))
        if row.category and end.status > 0:
            code, reason = self._told(job, end.status)
            if code != end.status:
                self._lifecycle.not_started(job, code, reason)
                return
        signal = signal_name(-end.status) if end.status < 0 else None
        self._lifecycle.exited(job, end.time, None if signal else end.status, signal, struck)

    def _used(self, job: Job, status: int) -> str | None:
        """Take over what a job's control group used, and return ``oom-killed`` if so."""
        if job.row.rss_floor is None:
            job.row.rss_floor = spawn.peak()  # its supervisor was killed before it could write that down
        if job.cgroup is None:
            return "oom-killed" if self._groups.struck() and -status == SIGKILL else None
        used = self._groups.ended(job.cgroup)
        job.row.cpu = job.row.cpu if used.cpu is None else used.cpu
        if used.peak is not None:
            job.row.max_rss, job.row.rss_floor = used.peak, None
        return "oom-killed" if used.oom else None

    def _told(self, job: Job, status: int) -> tuple[int, str]:
        """Return what the CLI that carried a job in an image says of its own failure."""
        row = job.row
        out, err = self._outputs.paths(row, job.spec.get("output_dir"))
        path = (row.output or out) if job.spec.get("join") else (row.error or err)
        return runtimes.get(row.runtime).failed_start(Completed((), status, "", tail(path)))

    def _left_files(self, job: Job, attempt: int) -> None:
        row = job.row
        paths = self._outputs.paths(row, job.spec.get("output_dir"), attempt)
        for stream, path in zip((row.output, row.error), paths):
            if stream is None:
                self._outputs.ended(path)

    def container(self, job: Job, found: Observation, oom: bool, gone: float) -> None:
        """Record how an engine says that a container ended, gone at ``gone`` (``clock.boottime``)."""
        row = job.row
        row.cpu = found.cpu_time if found.cpu_time is not None else row.cpu
        row.max_rss = found.max_rss if found.max_rss is not None else row.max_rss
        # With a code that is a start's as well, words would say that it never started.
        row.annotation = found.annotation or (None if found.exit_status in OF_STARTS else job.notice)
        if found.finished is not None and self._in_time(job, found.finished):
            job.ending = None
        if row.boot != self._here.boot and row.running_since is not None:
            # It ended before the boot: what it ran is counted on the only clock that both boots have.
            row.ran += max(0.0, (found.finished or 0.0) - row.running_since)
            row.running_since = row.since = None
        when = found.finished or clock.since(gone)
        reason = "oom-killed" if oom else None
        self._lifecycle.exited(job, when, found.exit_status, found.terminating_signal, reason)

    def batch(self, job: Job, found: Observation) -> None:
        """Record how a scheduler or the job's record says it ended, by that machine's times."""
        row = job.row
        row.cpu, row.max_rss, row.annotation = found.cpu_time, found.max_rss, found.annotation
        if job.ending and (found.sub_state == "cancelled" or not found.annotation):
            row.annotation = job.notice  # that was we
        finished = found.finished or time.time()
        if found.started is not None:
            self._lifecycle.ran_elsewhere(job, found.started, finished)
        if found.sub_state == START_FAILED:
            self._lifecycle.not_started(job, found.exit_status or NOT_STARTED, found.annotation or "")
            return
        code, signal, again = found.exit_status, found.terminating_signal, found.started is not None
        self._lifecycle.exited(job, finished, code, signal, found.sub_state, again)

    def _in_time(self, job: Job, finished: float) -> bool:
        """Return whether a container had ended before the limit or deadline it was ended for."""
        row, limit, deadline = job.row, job.spec.get("time_limit"), job.spec.get("deadline")
        if job.ending == "time-limit" and limit is not None and row.boot == self._here.boot:
            return row.running_time(clock.at(finished)) < float(limit) - PRECISION
        return job.ending == "deadline" and deadline is not None and finished < float(deadline) - PRECISION
