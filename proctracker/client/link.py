"""One connection to a supervisor: asks, and takes what it pushes."""

from __future__ import annotations

import socket
import struct
import time

from proctracker.client.polling import readable
from proctracker.errors import DrmCommunicationException, InvalidArgumentException, from_wire
from proctracker.model import JobRow
from proctracker.wire import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

GONE = (ConnectionError, BrokenPipeError, EOFError)
"""What tells that a supervisor has gone."""


class Link:
    """Represents one connection, for one thread at a time, on which waits push.

    A supervisor that goes away in mid-request (killed, replaced) is looked for again with ``anew`` and the request
    repeated: what makes jobs or sessions carries a token, all else may be made twice. ``key`` and ``folder`` say in errors which it was.
    """

    trace: Callable[..., None] | None = None
    """Called with every request, as logging's functions are, but never with its content."""

    @staticmethod
    def notice(text: str) -> None:
        """Called with why an answer does not come, by default a warning in the program's log."""
        import logging

        logging.getLogger("proctracker").warning(text)

    def __init__(self, connection: socket.socket, key: str, folder: str, anew: Callable[[], Link]) -> None:
        self._socket, self._key, self._folder, self._anew = connection, key, folder, anew
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
            f"the supervisor went away during {op}, again and again; see {self._folder}/supervisor.log"
        )

    def ask(self, op: str, fields: dict[str, Any]) -> tuple[int, Any]:
        """Begin something that pushes, and return the number of its pushes and the answer.

        Raises ConnectionError or EOFError (``GONE``).
        """
        answer = self._exchange(op, fields, None)
        return self._number, answer

    def tell(self, op: str, fields: dict[str, Any]) -> None:
        """Send what nobody waits for the answer of, or raise ConnectionError (``GONE``)."""
        data = self._encoded(op, fields)
        self._unasked.add(self._number)
        self._socket.sendall(data)

    def pushed(self, number: int) -> list[dict[str, Any]]:
        """Return what was pushed so far, or raise ConnectionError or EOFError without a supervisor."""
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
        """Send a request, and return the answer or raise what it says."""
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
            self.trace("supervisor %s: %s, %d bytes, answered after %.1f ms", self._key, op, size, took)
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
        """Sort what comes next, or raise EOFError."""
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
        """Go on with a new connection."""
        self._socket.close()
        link = self._anew()
        self._socket, self._frames, self.facts = link._socket, link._frames, link.facts
        self._number = link._number
        self._pushed, self._answers, self._unasked = {}, {}, set()
