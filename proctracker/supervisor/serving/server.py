"""Accepts clients and carries out their requests."""

from __future__ import annotations

import os
import resource
import socket

from proctracker.errors import Drmaa2Exception, InternalException, InvalidArgumentException, to_wire
from proctracker.supervisor import log
from proctracker.supervisor.base import shapes
from proctracker.supervisor.serving.connection import PART, Connection
from proctracker.supervisor.serving.operations import LATER
from proctracker.wire import protocol, socketpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping

    from proctracker.supervisor.base.loop import Loop
    from proctracker.supervisor.serving.operations import Operation

_SPEAKS = 1.0
"""Seconds a client has to say ``hello`` to somebody who will refuse it."""

HALVES = 2 * protocol.REQUEST
"""Bytes of unfinished requests of all clients, beyond which the largest is closed."""

MOST = 4000
"""Connections served at once, or half of the descriptors there are."""


class Server:
    """Serves all connections. ``operations`` is set before it opens."""

    def __init__(self, loop: Loop, listener: int) -> None:
        self._loop = loop
        self._listener = socket.socket(fileno=os.dup(listener))
        self._listener.setblocking(False)
        os.set_inheritable(self._listener.fileno(), False)
        self.connections: set[Connection] = set()
        self._most = min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._serves = False
        self.operations: Mapping[str, Operation] = {}
        self.on_read: list[Callable[[], None]] = []
        """Called once a client has read all that it was sent."""
        self.on_gone: list[Callable[[Connection], None]] = []
        """Called with a connection that is over."""

    def open(self) -> None:
        """Begin to serve."""
        self._serves = True
        self._loop.watch(self._listener.fileno(), self._accept_all)

    def listen_anew(self, listener: socket.socket) -> None:
        """Serve another listener, and those who had found the former one."""
        self.accept()
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        listener.setblocking(False)
        self._listener = listener
        self.open()

    def _accept_all(self) -> None:
        self.accept()

    def accept(self) -> int:
        """Accept whoever waits, and return how many."""
        count = 0
        while True:
            if len(self.connections) >= self._most:
                self._loop.watch(self._listener.fileno(), None)
                return count
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return count
            except OSError:
                return count  # no descriptors left: they wait in the queue
            try:
                socketpath.check_peer(sock)
            except PermissionError:
                sock.close()
                continue
            sock.setblocking(False)
            connection = Connection(self._loop, self, sock)
            self.connections.add(connection)
            self._loop.watch(sock.fileno(), connection.read)
            count += 1

    def forget(self, connection: Connection, fd: int) -> None:
        """A connection is closing."""
        self._loop.forget(fd)
        if connection in self.connections:
            self.connections.discard(connection)
            if self._serves and len(self.connections) == self._most - 1:
                self._loop.watch(self._listener.fileno(), self._accept_all)
        for call in self.on_gone:
            call(connection)

    def taken(self) -> None:
        """A client has read all that it was sent."""
        for call in self.on_read:
            call()

    def serve(self, connection: Connection, message: dict[str, Any]) -> None:
        """Carry out one request."""
        number, op = message.pop("n", 0), message.pop("op", None)
        try:
            operation = self.operations.get(op) if isinstance(op, str) else None
            if operation is None:
                raise InternalException("the supervisor does not know this request: it is of another version")
            wrong = shapes.problem(message, shapes.REQUESTS[op])
            if wrong:
                raise InvalidArgumentException(f"{op}: {wrong}")
            found = operation(connection, number, message)
            if found is not LATER:
                connection.answer(number, found)
        except Drmaa2Exception as error:
            connection.refuse(number, error)
        except Exception as error:
            # One request that cannot be served, for whatever reason, must not end the supervisor of all jobs.
            log.trace()
            connection.refuse(number, InternalException(f"{type(error).__name__}: {error}"))
        finally:
            connection.drop_stdin()

    def bound(self) -> None:
        """Close the client with the largest unfinished request where all are too large."""
        halves = {connection: connection.held for connection in self.connections if connection.held}
        if sum(halves.values()) > HALVES:
            max(halves, key=lambda it: halves[it]).close()

    def close(self) -> None:
        """Close all connections: clients look for the next supervisor."""
        self._serves = False
        for connection in list(self.connections):
            connection.close()
        self._loop.forget(self._listener.fileno())
        self._listener.close()


def refuse_all(listener: int, error: Drmaa2Exception, patience: float) -> None:
    """Answer whoever waits at a listener with an exception, given ``patience`` seconds to come."""
    waiting = socket.socket(fileno=os.dup(listener))
    waiting.settimeout(patience)
    with waiting:
        while True:
            try:
                sock, _ = waiting.accept()
            except OSError:
                return
            waiting.settimeout(0.0)
            with sock:
                _refuse(sock, error)


def _refuse(sock: socket.socket, error: Drmaa2Exception) -> None:
    """Answer a client's ``hello`` with an exception."""
    frames = protocol.Frames()
    sock.settimeout(_SPEAKS)
    try:
        socketpath.check_peer(sock)
        # What is unread when we close would reset the connection, and the answer be lost.
        for message in frames.feed(sock.recv(PART)):
            sock.sendall(protocol.encode({"n": message["n"], "error": to_wire(error)}))
    except (OSError, ValueError, KeyError):
        return
