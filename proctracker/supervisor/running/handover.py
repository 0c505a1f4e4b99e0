"""Hands jobs over to a scheduler, each once or not at all, whatever is killed.

The rows say so, durably, before the command is made. Where nobody knows what became of one (it was cut off, its
supervisor was killed) the job is looked for by its name, twice, before it is handed over again.
"""

from __future__ import annotations

import json
import os
import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, words
from proctracker.linux import clock
from proctracker.records import replace
from proctracker.runtimes.base import Engine
from proctracker.runtimes.batch import REFUSED, Submission, Task
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.running import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.linux.softlimits import Limits
    from proctracker.model import Completed
    from proctracker.runtimes.base import Launch
    from proctracker.runtimes.batch import Batch
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.batchjobs import BatchJobs
    from proctracker.supervisor.running.outputs import Outputs
    from proctracker.supervisor.running.request import Requests
    from proctracker.supervisor.running.startfolders import StartFolders
    from proctracker.supervisor.scheduling.chains import Link
    from proctracker.supervisor.scheduling.queue import Queue

TIMEOUT = 60.0
"""Seconds a scheduler's command has, as a busy one answers after many."""


class Handovers:
    """Makes the commands that hand jobs over."""

    def __init__(
        self,
        here: Here,
        requests: Requests,
        calls: Calls,
        outputs: Outputs,
        folders: StartFolders,
        lifecycle: Lifecycle,
        watch: BatchJobs,
        queue: Queue,
    ) -> None:
        self._home, self._ledger, self._requests, self._calls = here.home, here.ledger, requests, calls
        self._outputs, self._folders, self._lifecycle = outputs, folders, lifecycle
        self._watch, self._queue = watch, queue

    def start(self, job: Job) -> None:
        """Hand over a job, with the tasks of its array that may start with it."""
        self._queue.bound.begun()
        jobs = [job, *self._queue.companions(job)]
        link = self._queue.link(job)
        if job.waits_for and link is None:
            self._queue.bound.over()
            self._queue.chains.late(job)
            for each in jobs:
                self._queue.put_back(each)
            return
        try:
            launch, batch, engine, names, limits = self._prepared(jobs, link)
        except spawn.StartFailed as failed:
            self._refused(jobs, failed.status, failed.reason)
            return
        except Exception as error:  # one job that cannot be handed over must not end the supervisor of all others
            self._refused(jobs, spawn.NOT_STARTED, words(error))
            return
        for job, name in zip(jobs, names):
            self._lifecycle.handed_over(job, name)
        # Whoever comes after us looks for the name before anything is handed over once more.
        self._ledger.then(lambda: self._call(jobs, launch, batch, engine, limits, link))

    def _prepared(
        self, jobs: Sequence[Job], link: Link | None
    ) -> tuple[Launch, Batch, Engine, list[str], Limits | None]:
        first = jobs[0]
        runtime = runtimes.get(first.row.runtime)
        batch = runtime.batch
        assert batch is not None
        if first.spec.get("stdin") == "passed":
            raise spawn.StartFailed(
                spawn.NOT_STARTED, "standard input that is no file cannot travel to another machine"
            )
        native = first.row.task is not None and first.row.attempt == 1
        request, context = self._requests.make(first, self._requests.ours(first))
        if native:
            name = self._home.container(str(first.row.num), 1)
            request = replace(request, name=name)
        names = [batch.key(request.name, job.row.task if native else None) for job in jobs]
        tasks = self._tasks(jobs, native)
        umask = context.surroundings.umask
        spec = first.spec
        held = first.held
        submission = Submission(
            request=request,
            tasks=tasks,
            records=self._home.records,
            home=self._home.uuid,
            session=first.row.session,
            umask=0o022 if umask is None else umask,
            held=held,
            begin=spec.get("start_time") if first.row.attempt == 1 else None,
            deadline=spec.get("deadline"),
            time_limit=spec.get("time_limit"),
            throttle=self._queue.throttle(first) if native else None,
            after=link.after if link else (),
            after_any=link.after_any if link else (),
            awaits=link.awaits if link else (),
            now=time.time(),
        )
        launch = batch.submit(submission)
        identity.write(self._home, request.folder, launch.files)
        self._make_records()
        differs = context.differs  # its limits go with the job, where the site has it so
        return launch, batch, request.engine, names, differs.limits if differs is not None else None

    def _make_records(self) -> None:
        """Make the folder of exit records, where it is missing or somebody has removed it."""
        try:
            os.mkdir(os.path.basename(self._home.records), 0o700, dir_fd=self._home.held.fd(self._home.path))
        except FileExistsError:
            self._home.held.fd(self._home.records)  # raises where it is not ours alone

    def _tasks(self, jobs: Sequence[Job], native: bool) -> list[Task]:
        """Return what a node is to run for each job, and make their kept output's directories."""
        commands: dict[str, Sequence[str]] = {}
        folders: set[str] = set()
        found = []
        for job in jobs:
            row, spec = job.row, job.spec
            out, err = self._outputs.paths(row, spec.get("output_dir"))
            folder = out.rpartition("/")[0]
            if folder not in folders:
                self._outputs.place(out)
                folders.add(folder)
            if row.command not in commands:
                commands[row.command] = tuple(json.loads(row.command))
            task = Task(
                job_id=row.id,
                command=commands[row.command],
                output=row.output or out,
                error=None if spec.get("join") else row.error or err,
                input=row.input,
                index=row.task if native else None,
                item=self._requests.item(job),
            )
            found.append(task)
        return found

    def _call(
        self,
        jobs: Sequence[Job],
        launch: Launch,
        batch: Batch,
        engine: Engine,
        limits: Limits | None,
        link: Link | None,
    ) -> None:
        began = clock.boottime()
        stdin = os.open(launch.stdin or os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._calls.start(
                launch.argv,
                Engine(engine.command, engine.options, launch.environment),
                lambda done: self._returned(jobs, batch, done, began, link),
                timeout=min(TIMEOUT, link.holds) if link else TIMEOUT,
                streams=(stdin, None, None),
                limits=limits,
            )
        finally:
            os.close(stdin)

    def _returned(
        self, jobs: Sequence[Job], batch: Batch, done: Completed, began: float, link: Link | None = None
    ) -> None:
        """The command is over."""
        self._folders.drop(jobs[0].row)
        self._queue.bound.over()
        if done.returncode == 0:
            try:
                self._taken(jobs, batch.submitted(done), began)
                return
            except Drmaa2Exception as error:
                reason = error.message
        else:
            kind, reason = batch.refused(done)
            if kind == REFUSED and link and "dependency" in reason.lower():
                self._unlinked(jobs)
                return
            if kind == REFUSED:
                self._refused(jobs, spawn.NOT_STARTED, reason, counted=False)
                return
        for job in jobs:
            self._lifecycle.noted(job, reason)
        self._watch.doubt(jobs)

    def _unlinked(self, jobs: Sequence[Job]) -> None:
        """It does not know (any more) what they wait for: they wait here."""
        for job in jobs:
            if job.ending:
                self._lifecycle.given_up(job)
            else:
                self._lifecycle.start_lost(job)
                self._queue.chains.keep(job)

    def _taken(self, jobs: Sequence[Job], number: str, began: float) -> None:
        """The scheduler has them."""
        for job in jobs:
            row = job.row
            native = row.task is not None and row.attempt == 1
            self._lifecycle.taken(job, f"{number}_{row.task}" if native else number)
        self._watch.handed(jobs, began)

    def _refused(self, jobs: Sequence[Job], status: int, reason: str, counted: bool = True) -> None:
        """They were not taken and never will be."""
        if counted:
            self._queue.bound.over()
        for job in jobs:
            self._lifecycle.not_started(job, status, reason, made=False)
