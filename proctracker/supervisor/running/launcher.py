"""Starting jobs: what a start needs is gathered here, plain processes are spawned here, engines are asked next door."""

from __future__ import annotations

import json
import os

from proctracker import runtimes
from proctracker.errors import words
from proctracker.model import JobRow, JobState, JobTemplate
from proctracker.model.marks import group_name
from proctracker.runtimes.base import PASSED, Engine, Launch, Request, Runtime
from proctracker.runtimes.process import NO_GROUP
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.base.journal import Opening
from proctracker.supervisor.processes import rlimits, spawn
from proctracker.supervisor.processes.command import apart
from proctracker.supervisor.running import identity
from proctracker.supervisor.running.container_start import EngineStart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from proctracker.supervisor.service import Core

RETRY = 1.0
"""Seconds until a start is tried again that lacked processes, memory or descriptors."""


class Starter:
    """Starts one job after another; engine starts are bounded, as engines get slower beyond that."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._fresh: list[Job] = []
        self._engine_starts = 0
        self.limit = 2 * len(os.sched_getaffinity(0))

    def start(self, job: Job) -> None:
        """Start a job whose turn it is."""
        job.starting = True
        job.run += 1
        runtime = runtimes.get(job.row.runtime)
        if runtime.batch is not None:
            self._engine_starts += 1
            self._core.handovers.start(job, self._core.queue.companions(job))
        elif runtime.containers:
            self._engine_starts += 1
            EngineStart(self._core, job).begin()
        else:
            self._process(job)

    @property
    def busy(self) -> bool:
        """Whether as many engine starts are under way as there may be: what an engine starts waits in the queue."""
        return self._engine_starts >= self.limit

    def engine_started(self) -> None:
        """An engine start is over, well or not."""
        self._engine_starts -= 1
        self._core.queue.kick()

    # what a start needs

    def request(self, job: Job, runtime: Runtime, ours: dict[str, str]) -> Request:
        """Everything resolved; raises StartFailed where what the start is to have is gone."""
        core, row, spec = self._core, job.row, job.spec
        context = core.context(job.spec_context)
        if context is None:
            raise spawn.StartFailed(spawn.NOT_STARTED, "its environment is no longer known")
        out, err = core.outputs.paths(row, spec.get("output_dir"))
        stdin = row.input
        if spec.get("stdin") == "passed":
            if job.stdin is None:
                raise spawn.StartFailed(
                    spawn.NOT_STARTED, "its standard input went with the client or supervisor that had it"
                )
            stdin = PASSED
        engine = spec.get("engine") or {}
        return Request(
            engine=Engine(tuple(engine.get("command") or ()), engine.get("options") or {}, engine.get("env") or {}),
            template=template_of(row, spec, context.job_env),
            job_id=row.id,
            attempt=row.attempt,
            name=core.home.container(row.id, row.attempt),
            folder=identity.folder(core.home, row),
            keep_output=out,
            keep_error=err,
            environment=context.environment(ours, runtime.containers),
            labels=self._all_labels(row, spec) if runtime.containers else {},
            directory=(None if runtime.containers else row.workdir) or spec.get("cwd") or "/",
            limits=context.surroundings.limits or {},
            input=stdin,
            output=row.output,
            error=row.error,
            append=bool(spec.get("append")) or row.attempt > 1,
        )

    def labels(self, row: JobRow) -> dict[str, str]:
        """What marks a container as a job's."""
        found = {
            "proctracker.home": self._core.uuid,
            "proctracker.session": row.session,
            "proctracker.job": row.id,
            "proctracker.attempt": str(row.attempt),
            "proctracker.owner": str(os.getuid()),
        }
        if row.task is not None:
            found.update({"proctracker.array": str(row.num), "proctracker.index": str(row.task)})
        return found

    def _all_labels(self, row: JobRow, spec: Mapping[str, Any]) -> dict[str, str]:
        return {**identity.described(row, bool(spec.get("join"))), **self.labels(row)}

    def ours(self, job: Job) -> dict[str, str]:
        """The variables that say which job it is."""
        row = job.row
        found = {
            "JOB_ID": row.id,
            "PROCTRACKER_SESSION": row.session,
            "PROCTRACKER_ATTEMPT": str(row.attempt),
            "PROCTRACKER_JOB": self._core.mark(row),
        }
        if row.task is not None:
            found["TASK_ID"] = str(row.task)
            if job.spec.get("over"):
                found["TASK_ITEM"] = json.loads(row.command)[-1]
        return found

    # plain processes

    def _process(self, job: Job) -> None:
        core, row = self._core, job.row
        given: dict[str | None, int] = {}
        try:
            context = core.context(job.spec_context)
            runtime = runtimes.get(row.runtime)
            ours = self.ours(job)
            request = self.request(job, runtime, ours)
            launch = runtime.launch(request)
            apart(launch)
            given = self._given(job, launch, request)
            same = launch.environment is request.environment
            encoded = context.encoded(ours) if context and same else None
            around = context.surroundings if context else spawn.Surroundings()
            more = rlimits.over(launch.limits, around, context.differs if context else None)
            more = self._grouped(job, launch, around, more)
            begun = Opening(core.seat.journal, row.id, row.attempt, core.uuid)
            pid = spawn.spawn(launch, launch.environment, around.umask, more, given, encoded, begun)
        except spawn.StartLater as later:
            self._later(job, str(later))
            return
        except spawn.StartFailed as failed:
            core.ends.not_started(job, failed.status, failed.reason)
            return
        except Exception as error:
            # One job that cannot be started, for whatever reason, must not end the supervisor of all others.
            core.ends.not_started(job, spawn.NOT_STARTED, words(error))
            return
        finally:
            _close_kept(given)
        if job.stdin is not None:
            self.drop_stdin(job)
        job.starting = False
        core.jobs.started(job, pid, None)
        self._fresh.append(job)
        row.boot, row.annotation, row.rss_floor = core.boot, None, spawn.peak()
        row.dispatched = core.ledger.change(row, JobState.RUNNING, at=begun.time)
        core.controls.limit_time(job)
        core.output_limits.started(job)

    def _grouped(
        self, job: Job, launch: Launch, around: spawn.Surroundings, more: spawn.Surroundings | None
    ) -> spawn.Surroundings | None:
        """``more``, and a control group of the job's own where there can be one. StartFailed: its bounds are not to be had."""
        try:
            job.cgroup = self._core.groups.make(group_name(job.row), launch.bounds)
        except OSError as error:
            raise spawn.StartFailed(spawn.NOT_STARTED, f"{error.filename}: {error.strerror}") from None
        if job.cgroup is None:
            if launch.bounds:
                raise spawn.StartFailed(spawn.NOT_STARTED, NO_GROUP)
            return more
        return (more or spawn.Surroundings(around.umask))._replace(cgroup=job.cgroup.unified)

    def _given(self, job: Job, launch: Launch, request: Request) -> dict[str | None, int]:
        """Descriptors there are, or that cost less than an open: nothing, the submitter's, kept files."""
        given: dict[str | None, int] = {None: self._null}
        if launch.stdin == PASSED and job.stdin is not None:
            given[PASSED] = job.stdin
        try:
            for path in {launch.stdout, launch.stderr} & {request.keep_output, request.keep_error}:
                given[path] = self._core.outputs.open(path or "")
        except BaseException:
            _close_kept(given)
            raise
        return given

    def settle(self) -> None:
        """Read when the processes started that are still there: a pid alone does not tell one from the next."""
        for job in self._fresh:
            if job.row.pid and not job.row.ended:
                job.row.ticks = spawn.ticks(job.row.pid)
        self._fresh.clear()

    def _later(self, job: Job, reason: str) -> None:
        """The system is short of something: the job goes on waiting, with the reason."""
        core = self._core
        job.starting = False
        if job.row.annotation != reason or job.row.dispatched is not None:
            job.row.annotation, job.row.dispatched = reason, None
            core.ledger.change(job.row)
        core.queue.give_back(job)
        job.ticket = -1
        job.timer("start", core.loop.after(RETRY, lambda: core.queue.add(job)))

    def close(self) -> None:
        """Give back every descriptor."""
        for job in self._core.jobs:
            self.drop_stdin(job)
        os.close(self._null)

    def drop_stdin(self, job: Job) -> None:
        """Close the descriptor a submitter handed over."""
        if job.stdin is not None:
            os.close(job.stdin)
            job.stdin = None


def _close_kept(given: dict[str | None, int]) -> None:
    """Close the descriptors of kept files."""
    for path, fd in given.items():
        if path not in (None, PASSED):
            os.close(fd)


def template_of(row: JobRow, spec: dict[str, Any], job_environment: dict[str, str]) -> JobTemplate:
    """A job's template, with the item of its task as last argument where it has one."""
    template = JobTemplate.checked({**spec["template"], "job_environment": job_environment})
    if row.task is not None:
        words = json.loads(row.command)
        template.args = words[1:] if template.remote_command else words
    if template.working_directory is not None:
        template.working_directory = row.workdir
    return template
