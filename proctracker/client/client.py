"""The clients' end of the supervisor's socket: requests that outlive a supervisor's death."""

from __future__ import annotations

import os
import threading
import time

from proctracker.client.link import GONE, Link
from proctracker.client.polling import readable
from proctracker.client.pushes import Follow, Wait
from proctracker.client.supervisor import Supervisor
from proctracker.errors import Drmaa2Exception, from_wire
from proctracker.model import JobRow
from proctracker.records import NamedTuple
from proctracker.store import Home
from proctracker.wire import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

_LEAVING = 1.0
"""Seconds a program's end waits for a request of one of its threads."""


class Outcome(NamedTuple):
    """What became of an action on several jobs: those done, and for each of the others why not."""

    done: list[str]
    errors: dict[str, Drmaa2Exception]


class Client:
    """Asks the supervisor of a home by one connection, from any thread.

    It is made when first needed, and anew after a fork.

    ``key`` names the supervisor (a row's ``keeper``); None: that of this process' confinement. ``settings`` are the
    configuration's numbers the supervisor goes by. Every method raises Drmaa2Exception only.
    """

    def __init__(self, home: Home, key: str | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self.home = home
        self._key, self._settings = key, dict(settings or {})
        self._supervisor: Supervisor | None = None
        self._link: Link | None = None
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self.resumed = 0
        """Queued jobs that a reboot had left and that go on since our last submit."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Client, (self.home, self._key, self._settings))

    @property
    def supervisor(self) -> Supervisor:
        """Where the supervisor is reached."""
        if self._supervisor is None:
            self._supervisor = Supervisor(self.home, self._key, self._settings)
        return self._supervisor

    def call(self, op: str, **fields: Any) -> Any:
        """Make one request, starting a supervisor where none runs, and return its answer."""
        return self._call(op, fields, True, None)

    def ask(self, op: str, **fields: Any) -> Any:
        """As ``call``, but None where no supervisor runs."""
        return self._call(op, fields, False, None)

    def tell(self, op: str, **fields: Any) -> None:
        """As ``call``, without waiting for what it says: of one that is just being killed it may be lost."""
        self._after_fork()
        with self._lock:
            for _ in range(2):
                link = self._link = self._link or self.supervisor.connect()
                if link is None:
                    return
                try:
                    link.tell(op, fields)
                    return
                except GONE:
                    link.close()
                    self._link = None

    def _call(self, op: str, fields: dict[str, Any], start: bool, fd: int | None) -> Any:
        self._after_fork()
        with self._lock:
            for _ in range(3):
                if self._link is None:
                    self._link = self.supervisor.connect(start)
                    if self._link is None:
                        return None
                try:
                    return self._link.call(op, fields, fd, start)
                except (*GONE, KeyboardInterrupt) as error:
                    # After an interrupt the answer is still to come, and would be taken for that of the next request.
                    self._link.close()
                    self._link = None
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    fields = {**fields, "again": True}
                finally:
                    if self._link is not None and self._link.fileno() < 0:
                        self._link = None  # no supervisor could be had in its place
            return None

    @property
    def connected(self) -> bool:
        """Whether the next request needs no look at who runs."""
        return self._link is not None and self._pid == os.getpid()

    def running(self) -> bool:
        """Whether a supervisor runs."""
        return self.ask("status") is not None

    def submit(
        self,
        session: str,
        spec: Mapping[str, Any],
        context: tuple[str, Mapping[str, Any]],
        *,
        contact: str,
        create: bool = True,
        indices: Sequence[int] | None = None,
        max_parallel: int = 0,
        items: Sequence[str] | Sequence[Sequence[str]] | None = None,
        stdin: int | None = None,
        token: str | None = None,
    ) -> str:
        """Submit a job or an array, and return its id once it is durable.

        The same token gets the same id.

        ``create``: make the session if it is missing, with ``contact``; ``stdin``: a descriptor
        that becomes the job's standard input. ``items``: a text for each task, its last argument, or the fields that its
        command is made of (``templates.items``).
        """
        self._check_cage()
        key, surroundings = context
        more = {} if indices is None else {"max_parallel": max_parallel, "over": items is not None}
        if items and not isinstance(items[0], str):
            more["fields"] = True
        fields: dict[str, Any] = {
            "session": session,
            "raw": protocol.text(_spare({**spec, **more})),
            "context": key,
            "contact": contact,
            "create": create,
            "token": token or os.urandom(12).hex(),
            "again": token is not None,
        }
        if indices is not None:
            fields.update(indices=list(indices), items=items)
        answer = self._call("submit", fields, True, stdin)
        if "need" in answer:
            answer = self._call("submit", {**fields, "context_text": protocol.text(surroundings)}, True, stdin)
        self.resumed = answer.get("resumed", 0)
        return str(answer["id"])

    def create_session(self, name: str, contact: str, max_running: int | None = None) -> None:
        """Make a session, whose ``max_running`` None is the configuration's.

        InvalidArgumentException if there is one of that name.
        """
        token = os.urandom(12).hex()
        self.call("session_create", name=name, contact=contact, max_running=max_running, token=token)

    def adopt(self, contact: str, found: Sequence[Mapping[str, Any]]) -> list[str]:
        """Make jobs of containers that have none, and return their ids."""
        ids: list[str] = self.call("adopt", contact=contact, found=found, token=os.urandom(12).hex())["ids"]
        return ids

    def control(self, ids: Sequence[str], action: str, signal: str = "SIGTERM", grace: float = 10.0) -> Outcome:
        """Carry out ``suspend resume hold release terminate``, with ``grace`` seconds until SIGKILL."""
        return _outcome(self.call("control", ids=list(ids), action=action, signal=signal, grace=grace))

    def reap(self, ids: Sequence[str]) -> Outcome:
        """Forget ended jobs."""
        return _outcome(self.call("reap", ids=list(ids)))

    def wait(
        self, ids: Sequence[str], states: str = "ended", any_: bool = False, timeout: float = -1
    ) -> list[JobRow] | None:
        """Block until all jobs, or with ``any_`` the first, are in a state, or return None.

        The state is ``ended``, ``started`` or one by name. None says that the time is over.

        A job that ends meanwhile counts, whatever was awaited. ``timeout`` in seconds, -1: none.
        """
        wait = self.waiting(ids, states, any_)
        try:
            until = None if timeout < 0 else time.monotonic() + timeout
            while True:
                found = wait.receive()
                if found is None and timeout == 0:
                    # Once only: what is known by now comes before the answer to another request.
                    wait.settle()
                    return wait.receive()
                if found is not None:
                    return found
                left = None if until is None else max(0.0, until - time.monotonic())
                ready = readable([wait.fileno()], left)
                if not ready and left is not None:
                    return None
        finally:
            wait.close()

    def waiting(self, ids: Sequence[str], states: str = "ended", any_: bool = False) -> Wait:
        """The same for an event loop."""
        return Wait(self.supervisor, ids, states, any_)

    def follow(self, session: str | None = None, since: int | None = None) -> Follow:
        """Follow the state changes of one session or of all, from now or a sequence number on."""
        return Follow(self.supervisor, session, since)

    def _check_cage(self) -> None:
        """Leave a supervisor that cannot start our jobs any more."""
        if self._supervisor is not None and self._supervisor.outgrown():
            self.close()
            self._supervisor = None

    def _after_fork(self) -> None:
        """Leave the connection to the parent: only this process' descriptor of it is closed."""
        if self._pid != os.getpid():
            if self._link is not None:
                self._link.close()
            self._link, self._lock, self._pid = None, threading.RLock(), os.getpid()

    def close(self) -> None:
        """Disconnect until the next request, without waiting long for a thread that asks."""
        self._after_fork()
        if not self._lock.acquire(timeout=_LEAVING):
            return
        try:
            if self._link is not None:
                self._link.close()
            self._link = None
            if self._supervisor is not None:
                self._supervisor.close()
        finally:
            self._lock.release()


def _outcome(answer: dict[str, Any]) -> Outcome:
    return Outcome(answer["done"], {name: from_wire(words) for name, words in answer["errors"].items()})


def _spare(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec without what is unset: it is sent and stored with every job."""
    return {name: value for name, value in spec.items() if value or (value == 0 and value is not False)}
