"""One connection to a supervisor, which is found, greeted and, on demand, started here."""

from __future__ import annotations

import math
import os
import socket
import struct
import time

from proctracker.client.polling import readable
from proctracker.errors import DrmCommunicationException, InvalidArgumentException, from_wire
from proctracker.linux import cage
from proctracker.model import JobRow
from proctracker.store import Home
from proctracker.wire import confinement, election, protocol, socketpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

GONE = (ConnectionError, BrokenPipeError, EOFError)
"""What tells that a supervisor has gone."""

_LATEST = 60.0
"""Seconds a supervisor may take to answer ``hello``: it may be recovering thousands of jobs."""


_NAMELESS = 2.0
"""Seconds that a supervisor which starts, or makes its socket anew, may be without one."""

SPARE = 2
"""Connections kept for further questions."""


class Supervisor:
    """Where the supervisor of one confinement of a home is reached."""

    def __init__(self, home: Home, key: str | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self.home = home
        self._settings = dict(settings or {})
        self.warning: str | None = None
        """What to tell the user once: that a logout will end the jobs of the new supervisor."""
        self._caller = None if key is not None else confinement.describe()
        self._cage = cage.mark() if key is None else b""
        self.key = key if key is not None else confinement.key(self._caller)
        self._spare: list[tuple[int, Link]] = []

    def outgrown(self) -> bool:
        """Return whether this thread put itself into a cage since, which needs another supervisor."""
        return self._caller is not None and self._cage != cage.mark()

    def put_by(self, link: Link) -> None:
        """Keep a connection that has nothing under way: the next question needs no greeting."""
        if len(self._spare) < SPARE:
            self._spare.append((os.getpid(), link))
        else:
            link.close()

    def spare(self) -> Link | None:
        """Return a connection of the pool that is still connected, and not the parent's."""
        while self._spare:
            pid, link = self._spare.pop()
            if pid == os.getpid() and not readable([link.fileno()], 0):
                return link
            link.close()
        return None

    def close(self) -> None:
        """Let the connections kept go."""
        spare, self._spare = self._spare, []
        for _, link in spare:
            link.close()

    def connect(self, start: bool = True) -> Link | None:
        """Connect, or without ``start`` return None if no supervisor runs.

        Raises DrmCommunicationException naming the home.
        """
        attempt, until, nameless = 0, time.monotonic() + _LATEST, math.inf
        while time.monotonic() < until:
            path = self.home.socket(self.key)
            self.home.check()
            try:
                link = self._greet(self.home.at(path))
            except PermissionError as error:
                raise DrmCommunicationException(f"{path}: {error.strerror or error}") from None
            except (TimeoutError, socket.timeout):  # two classes before Python 3.10
                raise DrmCommunicationException(f"{path}: the supervisor does not answer for {_LATEST:g} s") from None
            except (FileNotFoundError, NotADirectoryError, *GONE):
                if not start:
                    return None
            else:
                if self._replaced(link):
                    continue
                if link.facts["fits"] or self._caller is None:
                    return link
                link.close()
                if not link.facts.get("leaves"):
                    self._go_apart()
                    continue
            attempt += 1
            if attempt > 1:
                # The one that leaves has its claim until it is gone; no event tells of that.
                time.sleep(min(0.005 * attempt, 0.1))
                without = election.nameless(self.home.run, self.key, path)
                nameless = min(nameless, time.monotonic()) if without else math.inf
                if time.monotonic() - nameless > self._patience():
                    raise DrmCommunicationException(
                        f"{path} was removed, and its supervisor (pid {without}) does not make it anew:"
                        f" `kill -9 {without}` has its keeper start another, which does; jobs are not harmed"
                    )
            began = time.monotonic()
            self._start()
            until += time.monotonic() - began  # however long it took, it is asked once it is there
        raise DrmCommunicationException(f"the supervisor in {self.home.here} does not answer; see supervisor.log there")

    def _patience(self) -> float:
        """Seconds that a supervisor which starts may be without a socket."""
        from proctracker.linux import netfs  # here: hardly anybody ever waits so long

        return _NAMELESS if netfs.file_system(self.home.here) is None else _LATEST / 2

    def _go_apart(self) -> None:
        """Look for the supervisor of callers that do not fit the one of our key.

        Raises where it was that one already.
        """
        key = confinement.key(self._caller, apart=True)
        if key == self.key:
            raise DrmCommunicationException(
                f"the supervisor {key} in {self.home.here} has other limits, groups or a higher nice value than this process"
            )
        self.key = key

    def _replaced(self, link: Link) -> bool:
        """Replace an older release's supervisor by ours, which keeps its children.

        Raises what refuses that.
        """
        from proctracker.version import __version__

        theirs, ours = _numbers(link.facts["package"]), _numbers(__version__)
        if theirs > ours or (theirs == ours and link.facts.get("level", 1) >= protocol.LEVEL):
            if link.facts["version"] > protocol.VERSION:
                link.close()
                raise DrmCommunicationException(
                    f"the supervisor in {self.home.here} is of proctracker {link.facts['package']} (protocol"
                    f" {link.facts['version']}), this is {__version__} (protocol {protocol.VERSION}): use the newer one"
                )
            return False
        from proctracker.client.start import command

        try:
            link.call("upgrade", {"command": command(self.home, self.key)}, again=False)
            while True:  # it closes the connection when it becomes the new one
                link.pushed(-1)
                readable([link.fileno()], None)
        except GONE:
            pass
        finally:
            link.close()
        return True

    def _start(self) -> None:
        from proctracker.client.start import start

        self.home.prepare()
        durability = str(self._settings.get("durability") or "process")
        self.warning = start(self.home, self.key, durability, not self._of_ours(), Link.notice)

    def _of_ours(self) -> bool:
        """Return whether a supervisor that we start has the confinement its key names."""
        caller = self._caller or confinement.describe()
        return self.key in (confinement.key(caller), confinement.key(caller, apart=True))

    def _greet(self, path: str) -> Link:
        link = Link(self, socketpath.connect(path, _LATEST))
        try:
            link.hello(self._settings, self._caller)
        except BaseException:
            link.close()
            raise
        return link


def _numbers(version: str) -> list[int]:
    """A version as something to compare."""
    return [int(part) for part in version.split(".") if part.isdigit()]


class Link:
    """Represents one connection, for one thread at a time, on which waits push.

    A supervisor that goes away in mid-request (killed, replaced) is looked for again and the request repeated: submits
    carry a token, all others may be made twice.
    """

    trace: Callable[..., None] | None = None
    """Called with every request, as logging's functions are, but never with its content."""

    @staticmethod
    def notice(text: str) -> None:
        """Called with why an answer does not come, by default a warning in the program's log."""
        import logging

        logging.getLogger("proctracker").warning(text)

    def __init__(self, supervisor: Supervisor, connection: socket.socket) -> None:
        self._supervisor, self._socket = supervisor, connection
        self._frames = protocol.Frames()
        self._number = 0
        self._pushed: dict[int, list[dict[str, Any]]] = {}
        self._answers: dict[int, dict[str, Any]] = {}
        self._unasked: set[int] = set()
        self.facts: dict[str, Any] = {}

    def hello(self, settings: Mapping[str, Any], caller: Mapping[str, Any] | None) -> None:
        """Exchange versions. Raises DrmCommunicationException where they do not fit."""
        from proctracker.version import __version__

        fields = {"version": protocol.VERSION, "package": __version__, "settings": settings, "caller": caller}
        self.facts = self._exchange("hello", {**fields, "notices": True, "columns": len(JobRow.__match_args__)}, None)
        self._socket.settimeout(None)

    def call(self, op: str, fields: dict[str, Any], fd: int | None = None, again: bool = True) -> Any:
        """Ask, and return the answer or raise the DRMAA2 exception it is."""
        for attempt in range(5):
            try:
                return self._exchange(op, fields, fd)
            except GONE:
                if not again:
                    raise
                if attempt == 4:
                    break
                fields = {**fields, "again": True}
                self._renew()
        raise DrmCommunicationException(
            f"the supervisor went away during {op}, again and again; see {self._supervisor.home.here}/supervisor.log"
        )

    def ask(self, op: str, fields: dict[str, Any]) -> tuple[int, Any]:
        """Begin something that pushes, and return the number of its pushes and the answer.

        Raises ConnectionError or EOFError (``GONE``).
        """
        answer = self._exchange(op, fields, None)
        return self._number, answer

    def tell(self, op: str, fields: dict[str, Any]) -> None:
        """Send what nobody waits for the answer of.

        Raises ConnectionError (``GONE``).
        """
        data = self._encoded(op, fields)
        self._unasked.add(self._number)
        self._socket.sendall(data)

    def pushed(self, number: int) -> list[dict[str, Any]]:
        """Return what was pushed so far.

        Raises ConnectionError or EOFError once the supervisor has gone.
        """
        while number not in self._pushed and readable([self._socket.fileno()], 0):
            self._receive()
        return self._pushed.pop(number, [])

    def fileno(self) -> int:
        """The socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def _exchange(self, op: str, fields: Mapping[str, Any], fd: int | None) -> Any:
        data, number = self._encoded(op, fields), self._number
        size, began = len(data), time.monotonic()
        try:
            if fd is not None:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))]
                sent = self._socket.sendmsg([data], rights)
                data = data[sent:]
            if data:
                self._socket.sendall(data)
        except BrokenPipeError:
            pass  # what it said before it left is still to be read
        while number not in self._answers:
            self._receive()
        answer = self._answers.pop(number)
        if self.trace is not None:
            took = (time.monotonic() - began) * 1000
            self.trace("supervisor %s: %s, %d bytes, answered after %.1f ms", self._supervisor.key, op, size, took)
        if "error" in answer:
            raise from_wire(answer["error"])
        return answer["ok"]

    def _encoded(self, op: str, fields: Mapping[str, Any]) -> bytes:
        """Return the next request as it is sent."""
        self._number += 1
        message = {"op": op, "n": self._number, **fields}
        raw = message.pop("raw", "")
        data = protocol.encode(message, raw)
        if len(data) > protocol.REQUEST:
            raise InvalidArgumentException(
                f"{op}: {len(data)} bytes at once, {protocol.REQUEST} are the most: make several jobs or arrays of it"
            )
        return data

    def _receive(self) -> None:
        data = self._socket.recv(262144)
        if not data:
            raise EOFError
        for message in self._frames.feed(data):
            if "notice" in message:
                self.notice(message["notice"])
            elif "push" in message:
                self._pushed.setdefault(message["push"], []).append(message)
            elif message["n"] in self._unasked:
                self._unasked.remove(message["n"])
            else:
                self._answers[message["n"]] = message

    def _renew(self) -> None:
        self._socket.close()
        link = self._supervisor.connect(start=True)
        assert link is not None
        self._socket, self._frames, self.facts = link._socket, link._frames, link.facts
        self._number = link._number
        self._pushed, self._answers, self._unasked = {}, {}, set()
