"""What tests of the supervisor share: jobs as clients send them, a supervisor in this very process, an engine by hand."""

from __future__ import annotations

import os
import select
import shlex
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, TypeVar

import engines
from proctracker.client.client import Client
from proctracker.errors import DrmCommunicationException
from proctracker.linux import pidfd, procfs
from proctracker.model import Completed, JobRow, Observation
from proctracker.runtimes.base import DETACHED, Argv, Dialog, Engine, Launch, Monitor, Request
from proctracker.store import Home, Reader
from proctracker.supervisor import recovery
from proctracker.supervisor.base.jobs import Job, Phase
from proctracker.supervisor.base.journal import Journal
from proctracker.supervisor.base.seat import Seat
from proctracker.supervisor.running.request import labels
from proctracker.supervisor.service import Service
from proctracker.tracker.surroundings import key_of
from proctracker.wire import election, protocol, socketpath

LONG = 40.0
"""Seconds after which something that should have happened surely never will."""

PATH = "/usr/local/bin:/usr/bin:/bin"

AROUND: dict[str, Any] = {"umask": 0o022}
"""What submitters' surroundings are besides the environment."""

T = TypeVar("T")


def spec(*command: str, **more: Any) -> dict[str, Any]:
    """A job's spec, less what is at its default; ``template`` adds attributes."""
    template = {"remote_command": command[0], "args": [*command[1:]], **more.pop("template", {})}
    containers = more.get("runtime", "process") != "process"
    plain = {"contact": "process", "runtime": "process", "runtime_containers": containers, "cwd": "/", "engine": {}}
    return {"template": template, **plain, **more}


def context(**env: str) -> tuple[str, dict[str, Any]]:
    """Key and text of a submitter's surroundings."""
    made = {"env": {"PATH": PATH, **env}, "job_env": {}, **AROUND}
    return key_of(made), made


def submit_to(client: Client, session: str, *command: str, **more: object) -> str:
    """Submit a process."""
    return client.submit(session, spec(*command, **more), context(), contact="process")


def waited(client: Client, *ids: str, states: str = "ended", any_: bool = False) -> list[JobRow]:
    """The rows of jobs, once that is so."""
    found = client.wait(ids, states, any_, LONG)
    assert found is not None
    return found


class Desk:
    """A supervisor in this process: its parts are at hand, and its loop turns when a test says so."""

    def __init__(self, home: Home, key: str = "main", seat: Seat | None = None, turn: int = 0) -> None:
        home.prepare()
        self.home, self.key = home, key
        listener = socketpath.listen(home.socket(key))
        claim = election.claim(home.run, key)
        assert claim is not None
        note, self.note = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        old = seat or Seat(-1, -1, Journal(), Journal(), -1)
        command = os.memfd_create("command", os.MFD_CLOEXEC)
        self.seat = Seat(listener.detach(), claim, old.journal, old.kept, command, note, os.getppid(), turn)
        self.service = Service(home, key, self.seat)
        self.here = self.service.here
        self.jobs: list[Job] = []
        self._closed = False

    def recover(self) -> Desk:
        """Take in what a former one left."""
        recovery.recover(self.service)
        return self

    def submit(self, *command: str, session: str = "s", env: Mapping[str, str] | None = None, **more: Any) -> Job:
        """Take a job in; it starts once the loop turns. ``indices``, ``items``: an array, whose first task is returned."""
        key, text = context(**(env or {}))
        message = {name: more.pop(name, None) for name in ("indices", "items", "token", "max_running")}
        message["token"] = message["token"] or os.urandom(8).hex()
        given = SimpleNamespace(stdin=more.pop("stdin_fd", None))
        message.update(session=session, context=key, create=True)
        message.update(raw=protocol.text(spec(*command, **more)), context_text=protocol.text(text))
        answer = self.service.intake.submit(given, 1, message)  # type: ignore[arg-type]
        assert answer is not None
        made = [*self.here.jobs.task_jobs(int(answer["id"]))]
        self.jobs += made
        return made[0]

    def until(self, true: Callable[[], T], what: str = "it") -> T:
        """Turn the loop until something holds."""
        late: list[str] = []
        timer = self.here.loop.after(LONG, lambda: late.append(what))
        while True:
            found = true()
            if found:
                timer.cancel()
                return found
            assert not late, f"{what} never came"
            self.here.loop.round()

    def again(self) -> bool:
        """For ``until``: no, and nothing tells of it, so look again soon."""
        self.here.loop.after(0.005, lambda: None)
        return False

    def ended(self, job: Job) -> JobRow:
        """A job's row in the store, once its end is there."""
        self.until(lambda: job.row.ended and self.here.ledger.clean, f"the end of {job.row.id}")
        return self.row(job)

    def running(self, job: Job) -> int:
        """The pid of a job, once it has one."""
        return self.until(
            lambda: 0 if job.phase is Phase.STARTING or not job.row.dispatched else job.row.pid or 0, "the start"
        )

    def taken(self, job: Job) -> Job:
        """The live job of that id, taken over from another desk."""
        found = self.here.jobs.find(job.row.id)
        assert found is not None
        return found

    def labels(self, row: JobRow) -> dict[str, str]:
        """What marks a container as a job's."""
        return labels(self.here.uuid, row)

    def row(self, job: Job) -> JobRow:
        """A job's row in the store."""
        return self.here.store.jobs([job.row.id])[0]

    def close(self, kill: bool = True) -> None:
        """End it, and (``kill``) all that it started; what is not yet written stays unwritten."""
        if self._closed:
            return
        self._closed = True
        self.here.ledger._dirty.clear()
        self.here.ledger._changes.clear()
        self.here.ledger._then.clear()
        self.service.close()
        if kill:
            for pid in engines.with_variable(f"PROCTRACKER_JOB={self.home.uuid}/"):
                engines.end(pid, how=signal.SIGKILL)
            reap_all()
        seat, journals = self.seat, (self.seat.journal.fd, self.seat.kept.fd) if kill else ()
        for fd in (seat.listener, seat.command, seat.note, self.note, *journals):
            with suppress(OSError):
                os.close(fd)
        election.release(self.seat.lock)


def reap_all() -> None:
    """Reap every child of ours that has ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _id(request: Request) -> str:
    """The id that a container gets."""
    return f"id-{request.job_id}" + (f"-{request.attempt}" if request.attempt > 1 else "")


class Boxes:
    """A runtime by hand. A container is the last argument, run by a shell in the background; ``says`` is what looks tell."""

    name = "boxes"
    containers = True
    batch = None
    pulls = True
    keeps_logs = True
    tells_removal = False
    states: Mapping[str, str] = {"dead": "UNDETERMINED"}
    groups: Sequence[str] = ()
    ignored = ("not supported and ignored",)
    kind = DETACHED

    def __init__(self) -> None:
        self.says: dict[str, Observation] = {}
        self.pid_files = True
        self.down: str | None = None
        self.refuses: dict[str, Exception] = {}
        self.asked: list[tuple[str, ...]] = []
        self.stays: dict[str, str] = {}
        self.words: Argv = ()
        self.code = 0
        self.files: dict[str, bytes] = {}
        self.stderr: str | None = None
        self.written: Monitor | None = None
        self.ids: dict[str, str] = {}

    def launch(self, request: Request) -> Launch:
        pid_file = f"{request.folder}/pid"
        self.ids[_id(request)] = request.name
        script = f"setsid sh -c {shlex.quote((request.template.args or [''])[-1])} >&- 2>&- & echo $! > {pid_file}; {self.telling(request)}"
        argv = self.words or ("sh", "-c", script + (f"; echo no >&2; exit {self.code}" if self.code else ""))
        files = {f"{request.folder}/{name}": text for name, text in self.files.items()}
        told = pid_file if self.pid_files else None
        return Launch(self.kind, argv, {}, request.directory, files, request.input, None, self.stderr, pid_file=told)

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        return 125, completed.stderr.strip()

    @staticmethod
    def telling(request: Request) -> str:
        """What the command says of the container it made: its id, in a file and to whoever asked for it."""
        return f"echo {_id(request)} | tee {request.folder}/id"

    def name_of(self, word: str) -> str:
        """The name of a container that is asked for by its id."""
        by_id = {seen.container_id: name for name, seen in self.says.items() if seen.container_id}
        return by_id.get(word) or self.ids.get(word, word)

    def _answer(self, *words: str) -> None:
        self.asked.append(words)
        if self.down:
            raise DrmCommunicationException(self.down)
        if words[0] in self.refuses:
            raise self.refuses[words[0]]

    def look(self, engine: Engine, names: Sequence[str]) -> Dialog[Mapping[str, Observation]]:
        yield []
        self._answer("look", *map(self.name_of, names))
        return {name: self.says[self.name_of(name)] for name in names if self.name_of(name) in self.says}

    def end(self, engine: Engine, name: str) -> Dialog[Observation | None]:
        yield []
        self._answer("end", self.name_of(name))
        return self.says.get(self.name_of(name))

    def release(self, engine: Engine, name: str) -> Dialog[None]:
        yield []
        self._answer("release", self.name_of(name))

    def monitor(self, argv: Sequence[str], asked: Mapping[str, Any]) -> Monitor | None:
        return self.written

    def undo(self, argv: Sequence[str], start: str) -> Argv | None:
        return ("rmdir", f"{start}/held") if f"{start}/pid" in argv else None

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        yield []
        self._answer("ours")
        return {name: seen for name, seen in self.says.items() if labels.items() <= seen.labels.items()}

    def control(self, engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        yield []
        self._answer(action, self.name_of(name), signal)

    def remove(self, engine: Engine, names: Sequence[str], force: bool = False) -> Dialog[Mapping[str, str]]:
        yield []
        self._answer("remove", *map(self.name_of, names))
        known = [*map(self.name_of, names)]
        if force:
            self.says = {name: seen for name, seen in self.says.items() if name not in known or name in self.stays}
        return {name: self.stays[known] for name, known in zip(names, known) if known in self.stays}

    def logs(self, engine: Engine, name: str, follow: bool = False) -> Argv:
        return ("sh", "-c", f"echo output of {self.name_of(name)}; echo errors >&2")

    def verbs(self) -> list[str]:
        """What was asked, by its first words."""
        return [words[0] for words in self.asked]


def box(script: str = "exec sleep 600", **more: Any) -> dict[str, Any]:
    """Arguments of ``Desk.submit`` for a container that runs a script."""
    return {
        "template": {"args": [script]},
        "runtime": "boxes",
        "contact": "boxes",
        "engine": {"command": ["boxes"]},
        **more,
    }


def kill(*pids: int) -> None:
    """``kill -9`` all at the same moment, and wait until they have gone."""
    fds = [pidfd.open(pid) for pid in pids]
    for number in (signal.SIGSTOP, signal.SIGKILL) if len(pids) > 1 else (signal.SIGKILL,):
        for fd in fds:
            pidfd.send(fd, number)
    for fd in fds:
        assert select.select([fd], [], [], LONG)[0]
        os.close(fd)


def gone(pid: int) -> bool:
    """Wait until a process has ended."""
    try:
        fd = pidfd.open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([fd], [], [], LONG)[0])
    finally:
        os.close(fd)


def seat(client: Client) -> tuple[int, int]:
    """Keeper and supervisor that serve a client."""
    found = client.call("status")
    return found["keeper"], found["pid"]


def stored(home: Home, *ids: str) -> list[JobRow]:
    """The rows of jobs as everybody can read them."""
    reader = Reader(home)
    try:
        return reader.jobs(ids)
    finally:
        reader.close()


def becomes(pid: int, letters: str) -> bool:
    """Wait until a process is in a state; nothing tells of a stop but a look."""
    until = time.monotonic() + LONG
    while state_of(pid) not in letters and time.monotonic() < until:
        os.sched_yield()
    return state_of(pid) in letters


def state_of(pid: int) -> str:
    """The state letter of a process."""
    found = procfs.stat(pid)
    return found.state if found else "X"
