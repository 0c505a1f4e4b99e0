"""Starts plain processes."""

from __future__ import annotations

import os

from proctracker import runtimes
from proctracker.errors import words
from proctracker.linux import netfs
from proctracker.model.marks import group_name
from proctracker.runtimes.base import PASSED, Launch, Request
from proctracker.runtimes.process import NO_GROUP
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.base.journal import Opening
from proctracker.supervisor.processes import rlimits, spawn
from proctracker.supervisor.processes.command import NOT_STARTED, StartFailed, StartLater, apart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.journal import End
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.children import Children
    from proctracker.supervisor.processes.jobgroups import Groups
    from proctracker.supervisor.running.contexts import Context
    from proctracker.supervisor.running.outputs import Outputs
    from proctracker.supervisor.running.request import Requests

RETRY = 1.0
"""Seconds until a start is tried again that lacked processes, memory or descriptors."""


class ProcessStart:
    """Spawns the process of a job, and has ``ended`` called with its exit.

    ``delay`` has a job come again for which the system is short of something now.
    """

    def __init__(
        self,
        here: Here,
        requests: Requests,
        outputs: Outputs,
        groups: Groups,
        lifecycle: Lifecycle,
        children: Children,
        delay: Callable[[Job, float], None],
        ended: Callable[[Job, End], None],
    ) -> None:
        self._here, self._requests, self._outputs = here, requests, outputs
        self._groups, self._lifecycle, self._children = groups, lifecycle, children
        self._delay, self._ended = delay, ended
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._fresh: list[Job] = []

    def begin(self, job: Job) -> None:
        """Start a job."""
        given: dict[str | None, int] = {}
        begun = Opening(self._here.seat.journal, job.row.id, job.row.attempt, self._here.uuid)
        try:
            pid = self._spawn(job, given, begun)
        except StartLater as later:
            self._lifecycle.postponed(job, str(later))
            self._delay(job, RETRY)
            return
        except StartFailed as failed:
            self._lifecycle.not_started(job, failed.status, failed.reason)
            return
        except Exception as error:
            # One job that cannot be started, for whatever reason, must not end the supervisor of all others.
            self._lifecycle.not_started(job, NOT_STARTED, words(error))
            return
        finally:
            _close_kept(given)
        job.drop_stdin()
        self._fresh.append(job)
        self._lifecycle.spawned(job, pid, begun.time, spawn.peak())
        row = job.row
        self._children.expect(pid, job.now(lambda end: self._ended(job, end)), lambda: row.ticks or 0)

    def _spawn(self, job: Job, given: dict[str | None, int], begun: Opening) -> int:
        ours = self._requests.ours(job)
        request, context = self._requests.make(job, ours)
        launch = runtimes.get(job.row.runtime).launch(request)
        apart(launch)
        self._open(job, launch, request, given)
        encoded = context.encoded(ours) if launch.environment is request.environment else None
        more = self._grouped(job, launch, context)
        return spawn.spawn(launch, launch.environment, context.surroundings.umask, more, given, encoded, begun)

    def _grouped(self, job: Job, launch: Launch, context: Context) -> spawn.Surroundings | None:
        """Return what differs from our surroundings, with a control group if there can be one.

        Raises StartFailed where its bounds are not to be had.
        """
        more = rlimits.over(launch.limits, context.surroundings, context.differs)
        try:
            job.cgroup = self._groups.make(group_name(job.row), launch.bounds)
        except OSError as error:
            raise StartFailed(NOT_STARTED, f"{error.filename}: {error.strerror}") from None
        if job.cgroup is None:
            if launch.bounds:
                raise StartFailed(NOT_STARTED, NO_GROUP)
            return more
        return (more or spawn.Surroundings(context.surroundings.umask))._replace(cgroup=job.cgroup.unified)

    def _open(self, job: Job, launch: Launch, request: Request, given: dict[str | None, int]) -> None:
        """Collect descriptors that cost less than an open."""
        given[None] = self._null
        if launch.stdin == PASSED and job.stdin is not None:
            given[PASSED] = job.stdin
        for path in {launch.stdout, launch.stderr} & {request.keep_output, request.keep_error}:
            given[path] = self._outputs.open(path or "")

    def settle(self) -> None:
        """Read when the living processes started, as a pid alone is no identity."""
        for job in self._fresh:
            if job.row.pid and not job.row.ended:
                job.row.ticks = spawn.ticks(job.row.pid)
        self._fresh.clear()

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._null)


def _close_kept(given: dict[str | None, int]) -> None:
    for path, fd in given.items():
        if path not in (None, PASSED):
            netfs.let_go(fd)
