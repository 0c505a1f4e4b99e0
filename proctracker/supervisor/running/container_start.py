"""Starts one container: private files, the CLI's run command, its process, its watch."""

from __future__ import annotations

import itertools
import os

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, words
from proctracker.linux import cgroups, netfs
from proctracker.model import Completed, JobState, Observation
from proctracker.records import replace
from proctracker.runtimes.base import ATTACHED, Engine, Launch
from proctracker.runtimes.words import made, warning, warns
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.processes.command import apart
from proctracker.supervisor.running import identity
from proctracker.supervisor.running.container_streams import make_kept, streams_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.containers import Containers
    from proctracker.supervisor.running.contexts import Context
    from proctracker.supervisor.running.outputs import Outputs
    from proctracker.supervisor.running.remains import Remains
    from proctracker.supervisor.running.request import Requests
    from proctracker.supervisor.running.startfolders import StartFolders
    from proctracker.supervisor.scheduling.bound import Bound

_LIMITING = frozenset(("memory_limit", "memoryLimit", "cpus", "options", "exposed_ports", "exposedPorts"))
"""Extensions that an engine may take and not honour."""
_WORDS = 65536
_GIVEN_UP = -1
"""In place of the status of a start that was ended because its job was."""


class ContainerStarts:
    """Starts containers, and holds what each start uses."""

    def __init__(
        self,
        here: Here,
        requests: Requests,
        calls: Calls,
        lifecycle: Lifecycle,
        containers: Containers,
        outputs: Outputs,
        folders: StartFolders,
        bound: Bound,
        remains: Remains,
    ) -> None:
        self.here, self.requests, self.calls, self.lifecycle = here, requests, calls, lifecycle
        self.containers, self.outputs, self.folders, self.bound = containers, outputs, folders, bound
        self.remains = remains

    def begin(self, job: Job) -> None:
        """Start the container of a job."""
        self.bound.begun()
        EngineStart(self, job).begin()


class EngineStart:
    """One start: lives from the turn of a job until its container runs or is known not to."""

    def __init__(self, use: ContainerStarts, job: Job) -> None:
        self._use, self._job, self._run, self._attempt = use, job, job.run, job.row.attempt
        self._folder = ""
        self._runtime = runtimes.get(job.row.runtime)
        self._launch = Launch("", ())
        self._name = use.here.home.container(job.row.id, job.row.attempt)
        self._labels: Mapping[str, str] = {}
        self._over, self._captured = False, ""
        self._began = False

    def begin(self) -> None:
        """Write the files and make the call, after the row says so."""
        kept: dict[str | None, int] = {}
        try:
            context, streams = self._prepare(kept)
        except spawn.StartLater as later:
            self._cannot(kept, spawn.NOT_STARTED, str(later))
            return
        except spawn.StartFailed as failed:
            self._cannot(kept, failed.status, failed.reason)
            return
        except Exception as error:
            self._cannot(kept, spawn.NOT_STARTED, words(error))
            return
        job, use, engine, launch = self._job, self._use, self._engine, self._launch
        use.lifecycle.opened(job, self._name)
        attached = launch.kind == ATTACHED
        use.calls.start(
            launch.argv,
            Engine(engine.command, engine.options, {**engine.env, **launch.environment}),
            self._returned,
            timeout=None if attached else job.spec.get("start_timeout"),
            streams=streams,
            called=self._called,
            directory=launch.directory,
            oom=context.differs.oom if context.differs else None,
            limits=context.differs.limits if context.differs else None,
            made=self._told,
        )
        for fd in {fd for fd in streams if fd is not None}:
            netfs.let_go(fd)
        job.drop_stdin()
        job.streams, job.gone = attached, 0.0
        if attached:
            use.here.loop.after(0.02, lambda: self._attached(0))

    def _prepare(self, kept: dict[str | None, int]) -> tuple[Context, tuple[int, int | None, int | None]]:
        """Resolve all, write the private files, and open the command's streams."""
        use = self._use
        request, context = use.requests.make(self._job, use.requests.ours(self._job))
        self._engine, self._folder, self._labels = request.engine, request.folder, request.labels
        identity.forget(request.folder)
        self._launch = self._runtime.launch(request)
        self._limited = not _LIMITING.isdisjoint(request.template.implementation_specific or {})
        if not self._runtime.keeps_logs or request.output or request.error or request.input:
            make_kept(use.outputs, request, self._launch, kept)
        mark = {f"{request.folder}/{identity.START}": request.labels[identity.LABEL].encode()}
        identity.write(use.here.home, request.folder, {**self._launch.files, **mark})
        apart(self._launch)
        streams = streams_of(self._launch, self._job, context.surroundings.umask, kept)
        self._said_from = os.fstat(streams[2]).st_size if streams[2] is not None else 0
        return context, streams

    def _cannot(self, kept: dict[str | None, int], status: int, reason: str) -> None:
        """The call was not made."""
        for fd in kept.values():
            netfs.let_go(fd)
        self._done(status, reason)

    def _called(self, pid: int) -> None:
        """Record the command's pid, 0 where it could not be started."""
        self._began = bool(pid)
        self._use.lifecycle.called(self._job, pid, spawn.ticks(pid) if pid else 0)

    def _attached(self, tries: int) -> None:
        """Await a container whose command does not return, by asking the engine."""
        if self._over:
            return
        job, told = self._job, self._told()

        def looked(found: Any, error: Drmaa2Exception | None) -> None:
            seen = self._own(found, told)
            if self._over or job.run != self._run or job.row.ended:
                return
            if seen is not None and seen.state in (JobState.RUNNING, JobState.SUSPENDED) and seen.pid:
                self._finish(seen)
                return
            self._use.here.loop.after(min(0.02 * 2**tries, 0.5), lambda: self._attached(tries + 1))

        names = [told] if told else []
        self._use.calls.converse(self._engine, self._runtime.look(self._engine, names), looked)

    def _returned(self, completed: Completed) -> None:
        """The run command is over."""
        job, containers = self._job, self._use.containers
        self._clean()
        if job.row.ended and not job.streams:
            self._use.folders.drop(job.row)  # its session was destroyed meanwhile, and it left alone
        if job.run != self._run:
            return  # it carried the streams of an attempt that has ended
        self._captured = completed.stderr
        job.streams = False
        if self._over:
            containers.stream_command_ended(job)
            return
        if not self._began:
            self._done(spawn.NOT_STARTED, completed.stderr)
        elif completed.returncode == 0 and self._ignored(completed):
            self._undo(self._ignored(completed))
        elif completed.returncode == 0 and self._launch.kind != ATTACHED:
            told = self._told() or completed.stdout.strip()
            pid = self._pid(told)
            if pid and containers.belongs(pid, self._name, told):
                self._finish(Observation(JobState.RUNNING, pid=pid, container_id=told or self._name))
            else:
                self._look(completed, told or self._name)
        else:
            self._look(completed, self._told())

    def _words(self, first: bool = False) -> str:
        """Return what the command said, or its warnings at the front of the job's file."""
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
        """Return what the engine says it did not do, or nothing."""
        said = self._words(first=self._limited)
        lines = (line for line in said.splitlines() if any(word in line for word in self._runtime.ignored))
        return next(lines, "").strip()

    def _undo(self, reason: str) -> None:
        """It runs, but not as it was to: it goes, and has not started."""
        remove = self._runtime.remove(self._engine, [self._told() or self._name], force=True)
        self._use.calls.converse(self._engine, remove, lambda answer, wrong: self._done(spawn.NOT_STARTED, reason))

    def _look(self, completed: Completed, told: str | None) -> None:
        """Look for a container, as a call that failed may have started it all the same.

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
            cut = completed.returncode < 0
            if cut or seen is not None:
                there = told if seen is not None else None
                self._use.remains.clear(
                    self._runtime, self._engine, self._folder, there, cut, lambda left: self._done(code, reason, left)
                )
            else:
                self._done(code, reason)

        self._use.calls.converse(self._engine, self._runtime.look(self._engine, [told] if told else []), looked)

    def _has_run(self, seen: Observation, status: int) -> bool:
        """Return whether its container was started, by words that are known."""
        if seen.state == JobState.UNDETERMINED:
            return not status or bool(seen.annotation) or seen.sub_state not in (*self._runtime.states, "lost")
        return seen.state != JobState.QUEUED

    def _finish(self, seen: Observation) -> None:
        """It runs, or has run already."""
        self._over = True
        job, use = self._job, self._use
        job.notice = warning(self._words()) or None
        use.bound.over()
        use.containers.runs(job, seen)

    def _done(self, status: int, reason: str, more: str = "") -> None:
        """It does not run, for that reason, with ``more`` to say."""
        self._over = True
        job, use = self._job, self._use
        self._clean()
        use.outputs.empty(job.row, job.spec.get("output_dir"))
        use.bound.over()
        if status == _GIVEN_UP:
            use.lifecycle.given_up(job, more)
        else:
            use.lifecycle.not_started(job, status, reason + more, made=False)

    def _clean(self) -> None:
        """Take away the private files: they may hold secrets."""
        self._use.folders.drop_given(self._job.row, self._attempt)


def _said(path: str, start: int | None = None) -> str:
    """What a CLI said into a file: 64 KiB from there on, or at its end."""
    try:
        with open(path, "rb", opener=lambda name, how: os.open(name, how | os.O_NONBLOCK)) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _WORDS) if start is None else start)
            return file.read(_WORDS).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
