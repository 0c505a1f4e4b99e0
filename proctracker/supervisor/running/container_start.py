"""One start of a container: private files, the CLI's run command, then who its process is and how it is watched."""

from __future__ import annotations

import itertools
import os
import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, words
from proctracker.linux import cgroups
from proctracker.model import Completed, JobState, Observation
from proctracker.records import replace
from proctracker.runtimes.base import ATTACHED, PASSED, Engine, Launch, Request
from proctracker.runtimes.words import made, warning, warns
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.processes.command import apart
from proctracker.supervisor.processes.streams import open_streams
from proctracker.supervisor.running import identity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from proctracker.supervisor.service import Core

_LIMITING = frozenset(("memory_limit", "memoryLimit", "cpus", "options", "exposed_ports", "exposedPorts"))
"""Extensions that an engine may take and not honour."""
_WORDS = 65536
_GIVEN_UP = -1
"""In place of the status of a start that was ended because its job was."""


class EngineStart:
    """Lives from the turn of a job until its container runs or is known not to."""

    def __init__(self, core: Core, job: Job) -> None:
        self._core, self._job, self._run, self._attempt = core, job, job.run, job.row.attempt
        self._folder = ""
        self._runtime = runtimes.get(job.row.runtime)
        self._launch = Launch("", ())
        self._name = core.home.container(job.row.id, job.row.attempt)
        self._labels: Mapping[str, str] = {}
        self._over, self._captured = False, ""
        self._began = False

    def begin(self) -> None:
        """Write the files and make the call. The row says so first: whoever comes after us looks for this name."""
        core, job = self._core, self._job
        kept: dict[str | None, int] = {}
        try:
            request = core.starter.request(job, self._runtime, core.starter.ours(job))
            self._engine = request.engine
            self._folder = request.folder
            identity.forget(request.folder)
            self._labels = request.labels
            self._launch = self._runtime.launch(request)
            self._limited = not _LIMITING.isdisjoint(request.template.implementation_specific or {})
            self._make_kept(request, kept)
            identity.write(core.home, request.folder, self._launch.files)
            context = core.context(job.spec_context)
            umask = context.surroundings.umask if context else None
            differs = context.differs if context else None
            apart(self._launch)
            streams = self._streams(umask, kept)
            self._said_from = os.fstat(streams[2]).st_size if streams[2] is not None else 0
        except spawn.StartLater as later:
            self._cannot(kept, spawn.NOT_STARTED, str(later))
            return
        except spawn.StartFailed as failed:
            self._cannot(kept, failed.status, failed.reason)
            return
        except Exception as error:
            self._cannot(kept, spawn.NOT_STARTED, words(error))
            return
        row = job.row
        row.container, row.boot, row.dispatched = self._name, core.boot, time.time()
        row.annotation = None
        core.ledger.change(row)
        core.seat.journal.opened(row.id, row.attempt, row.dispatched, core.uuid)
        env = {**self._engine.env, **self._launch.environment}
        attached = self._launch.kind == ATTACHED
        core.calls.start(
            self._launch.argv,
            Engine(self._engine.command, self._engine.options, env),
            self._returned,
            timeout=None if attached else job.spec.get("start_timeout"),
            streams=streams,
            called=self._called,
            directory=self._launch.directory,
            oom=differs.oom if differs else None,
            limits=differs.limits if differs else None,
            made=self._told,
        )
        for fd in {fd for fd in streams if fd is not None}:
            os.close(fd)
        core.starter.drop_stdin(job)
        job.streams, job.gone = attached, 0.0
        if attached:
            core.loop.after(0.02, lambda: self._attached(0))

    def _cannot(self, kept: dict[str | None, int], status: int, reason: str) -> None:
        """The call was not made."""
        for fd in kept.values():
            os.close(fd)
        self._done(status, reason)

    def _make_kept(self, request: Request, opened: dict[str | None, int]) -> None:
        """Make the kept files that the job will write: whoever reads them may come before the engine does.

        Those that are the command's own streams stay open.
        """
        given = request.output or request.error or request.input
        if self._runtime.keeps_logs and not given:
            return
        joined = bool(request.template.join_files)
        kept = [] if request.output else [request.keep_output]
        kept += [] if request.error or joined else [request.keep_error]
        for path in kept:
            fd = self._core.outputs.open(path)
            if path in (self._launch.stdout, self._launch.stderr):
                opened[path] = fd
            else:
                os.close(fd)

    def _streams(self, umask: int | None, given: dict[str | None, int]) -> tuple[int, int | None, int | None]:
        """Descriptors for the command; None: what it says is captured."""
        launch, job = self._launch, self._job
        if job.stdin is not None:
            given[PASSED] = os.dup(job.stdin)
        opened = open_streams(launch, umask, given)
        out = opened[1] if launch.stdout else None
        err = opened[2] if launch.stderr else None
        for fd in {opened[1], opened[2]} - {out, err}:
            os.close(fd)
        return opened[0], out, err

    def _called(self, pid: int) -> None:
        """The command has this pid; 0: it could not be started."""
        ticks = spawn.ticks(pid) if pid else 0
        self._core.seat.journal.started(pid, ticks)
        if not pid:
            return
        self._job.called = pid
        self._began = True
        self._core.jobs.started(self._job, pid, ticks)

    def _attached(self, tries: int) -> None:
        """The command of an attached start does not return: its container runs once the engine says so."""
        if self._over:
            return
        core, job = self._core, self._job

        told = self._told()

        def looked(found: Any, error: Drmaa2Exception | None) -> None:
            seen = self._own(found, told)
            if self._over or job.run != self._run or job.row.ended:
                return
            if seen is not None and seen.state in (JobState.RUNNING, JobState.SUSPENDED) and seen.pid:
                self._finish(seen)
                return
            core.loop.after(min(0.02 * 2**tries, 0.5), lambda: self._attached(tries + 1))

        core.calls.converse(self._engine, self._runtime.look(self._engine, [told] if told else []), looked)

    def _returned(self, completed: Completed) -> None:
        """The run command is over."""
        job, core = self._job, self._core
        self._clean()
        if job.run != self._run:
            return  # it carried the streams of an attempt that has ended
        self._captured = completed.stderr
        job.called = None
        if self._over:
            core.containers.stream_command_ended(job)
            return
        if not self._began:
            self._done(spawn.NOT_STARTED, completed.stderr)
        elif completed.returncode == 0 and self._ignored(completed):
            self._undo(self._ignored(completed))
        elif completed.returncode == 0 and self._launch.kind != ATTACHED:
            told = self._told() or completed.stdout.strip()
            pid = self._pid(told)
            if pid and core.containers.belongs(pid, self._name, told):
                self._finish(Observation(JobState.RUNNING, pid=pid, container_id=told or self._name))
            else:
                self._look(completed, told or self._name)
        else:
            self._look(completed, self._told())

    def _words(self, first: bool = False) -> str:
        """What the command has said; where that is in the job's file, its warnings at the front (``first``: one line)."""
        if not self._launch.stderr or self._launch.kind == ATTACHED or self._apart():
            return self._captured or _said(f"{self._folder}/said", 0)
        lines = _said(self._launch.stderr, self._said_from).splitlines()
        return "\n".join(lines[:1] if first else itertools.takewhile(warns, lines))

    def _apart(self) -> bool:
        """Whether all that the command says goes into a file of its own."""
        return self._launch.kind != ATTACHED and os.path.exists(f"{self._folder}/said")

    def _told(self) -> str | None:
        """The container that the command has said by now it made."""
        return identity.told(self._folder, self._name)

    def _own(self, found: Any, told: str | None) -> Observation | None:
        """What a look tells of that container."""
        seen: Observation | None = (found or {}).get(told)
        return seen if seen is not None and identity.agrees(self._labels, seen) else None

    def _pid(self, container_id: str) -> int | None:
        """The container's process, as far as that can be known without asking."""
        word = identity.word(self._launch.pid_file)
        if self._runtime.groups and container_id:
            return cgroups.first(self._runtime.groups, container_id)
        return int(word) if word.isdigit() else None

    def _ignored(self, completed: Completed) -> str:
        """What the engine said it did not do of what was asked; empty: nothing."""
        said = self._words(first=self._limited)
        lines = (line for line in said.splitlines() if any(word in line for word in self._runtime.ignored))
        return next(lines, "").strip()

    def _undo(self, reason: str) -> None:
        """It runs, but not as it was to: it goes, and has not started."""
        remove = self._runtime.remove(self._engine, [self._told() or self._name], force=True)
        self._core.calls.converse(self._engine, remove, lambda answer, wrong: self._done(spawn.NOT_STARTED, reason))

    def _look(self, completed: Completed, told: str | None) -> None:
        """What became of it: a call that was cut off, or says it failed, may have started the container all the same.

        One that has told of no container has made none, whatever else has its name, but where the name is the id
        and the command says that it made it.
        """
        said = completed.stderr or (self._words() if self._apart() else _said(self._launch.stderr or ""))
        told = told or (self._name if self._launch.id_file is None and made(said) else None)

        def looked(found: Any, error: Drmaa2Exception | None) -> None:
            seen = self._own(found, told)
            if seen is not None and self._has_run(seen, completed.returncode):
                self._finish(seen)
                return
            if completed.returncode == 0 and error is None and seen is None and self._launch.kind != ATTACHED:
                self._done(spawn.NOT_STARTED, "the engine said it runs and does not know it")
                return
            code, reason = self._runtime.failed_start(replace(completed, stderr=said))
            if self._job.ending and completed.returncode < 0:
                code = _GIVEN_UP
            if seen is not None:
                remove = self._runtime.remove(self._engine, [told or ""], force=True)
                self._core.calls.converse(self._engine, remove, lambda answer, wrong: None)
            self._done(code, reason)

        self._core.calls.converse(self._engine, self._runtime.look(self._engine, [told] if told else []), looked)

    def _has_run(self, seen: Observation, status: int) -> bool:
        """Whether its container was started; a state that nobody has heard of never says that it was not."""
        if seen.state == JobState.UNDETERMINED:
            return not status or bool(seen.annotation) or seen.sub_state not in (*self._runtime.states, "lost")
        return seen.state != JobState.QUEUED

    def _finish(self, seen: Observation) -> None:
        """It runs, or has run already."""
        self._over = True
        core, job = self._core, self._job
        job.starting = False
        job.notice = warning(self._words()) or None
        core.starter.engine_started()
        core.containers.runs(job, seen)

    def _done(self, status: int, reason: str) -> None:
        """It does not run."""
        self._over = True
        core, job = self._core, self._job
        self._clean()
        core.outputs.empty(job.row, job.spec.get("output_dir"))
        core.starter.engine_started()
        core.folders.drop(job.row)
        core.jobs.started(job, None, None)
        if status == _GIVEN_UP:
            core.ends.given_up(job)
        else:
            job.row.container = None
            core.ends.not_started(job, status, reason)

    def _clean(self) -> None:
        """Take away the private files: they may hold secrets."""
        self._core.folders.drop_given(self._job.row, self._attempt)


def _said(path: str, start: int | None = None) -> str:
    """What a CLI said into a file: 64 KiB from there on, or at its end."""
    try:
        with open(path, "rb", opener=lambda name, how: os.open(name, how | os.O_NONBLOCK)) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _WORDS) if start is None else start)
            return file.read(_WORDS).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
