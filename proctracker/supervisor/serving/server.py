"""The supervisor's end of the socket: connections, frames, answers in turn, pushes when there is something."""

from __future__ import annotations

import os
import resource
import socket
import struct

from proctracker.errors import Drmaa2Exception, InternalException, InvalidArgumentException, to_wire
from proctracker.supervisor import log
from proctracker.supervisor.base import shapes
from proctracker.supervisor.serving.operations import OPERATIONS
from proctracker.wire import protocol, socketpath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.supervisor.service import Core
    from proctracker.supervisor.serving.waits import Wait

_PART = 262144
_ROOM = socket.CMSG_SPACE(struct.calcsize("i"))

_SPEAKS = 1.0
"""Seconds a client has to say ``hello`` to somebody who will refuse it."""

UNREAD = 2**20
"""Bytes a client may leave unread and still be served: beyond that it is to read first."""

BACKLOG = 32 * 2**20
"""Bytes that are kept for a client which does not read; one answer more is the most there can be."""

FORMER = 44
"""Columns of a row as releases had it whose clients do not say how many they know."""

HALVES = 2 * protocol.REQUEST
"""Bytes kept of requests that are not whole yet, of all clients together: beyond that the largest is left."""

MOST = 4000
"""Connections served at once, or half of the descriptors there are; others wait in the listener's queue."""

LATER = object()
"""What an operation returns that will answer by itself."""


class Connection:
    """One client."""

    def __init__(self, server: Server, sock: socket.socket) -> None:
        self._server, self._socket = server, sock
        self._frames = protocol.Frames(protocol.REQUEST)
        self._out = bytearray()
        self.waits: dict[int, Wait] = {}
        self.stdin: int | None = None
        """A descriptor that came with the message being served."""
        self.open = True
        self.columns = FORMER
        """How many values it takes for a row."""
        self.shows = False
        """The client shows notices."""
        self.sent = 0
        """Bytes the client has taken; for telling that it reads at all."""

    @property
    def behind(self) -> bool:
        """Whether the client has not yet read all that it was sent."""
        return bool(self._out)

    def read(self) -> None:
        """Serve what has come."""
        try:
            data, extra, _, _ = self._socket.recvmsg(_PART, _ROOM, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return
        except OSError:
            data, extra = b"", []
        self._descriptor(extra)
        if not data:
            self.close()
            return
        try:
            for message in self._frames.feed(data):
                self._server.serve(self, message)
        except ValueError:
            self.close()
            return
        self._server.bound()

    @property
    def held(self) -> int:
        """Bytes that are kept of a request which is not whole yet."""
        return len(self._frames)

    def _descriptor(self, extra: list[Any]) -> None:
        for level, kind, raw in extra:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                for (fd,) in struct.iter_unpack("i", raw[: len(raw) // 4 * 4]):
                    self.drop_stdin()
                    self.stdin = fd

    def drop_stdin(self) -> None:
        """Close a descriptor nobody took."""
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def answer(self, number: int, ok: Any) -> None:
        """Answer a request."""
        self.send({"n": number, "ok": ok})

    def refuse(self, number: int, error: Drmaa2Exception) -> None:
        """Answer a request with an exception."""
        self.send({"n": number, "error": to_wire(error)})

    def send(self, message: object) -> None:
        """Send a message; what does not fit now is sent when there is room.

        Who does not read is not served meanwhile, and left where even so too much is to be sent.
        """
        if not self.open:
            return
        if len(self._out) > BACKLOG:
            self.close()
            return
        data = protocol.encode(message)
        if not self._out:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            self.sent += sent
            if sent == len(data):
                return
            data = data[sent:]
        self._out += data
        read = None if len(self._out) > UNREAD else self.read
        self._server.core.loop.watch(self._socket.fileno(), read, self._write)

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._out)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._out[:sent]
        self.sent += sent
        if not self._out:
            self._server.core.loop.watch(self._socket.fileno(), self.read)
            self._server.core.followers.feed()

    def close(self) -> None:
        """The client has left, or is no client of ours."""
        if self.open:
            self.open = False
            self.drop_stdin()
            self._server.forget(self, self._socket.fileno())
            self._socket.close()


class Server:
    """All connections."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._listener = socket.socket(fileno=os.dup(core.seat.listener))
        self._listener.setblocking(False)
        os.set_inheritable(self._listener.fileno(), False)
        self.connections: set[Connection] = set()
        self._most = min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._serves = False

    def open(self) -> None:
        """Begin to serve."""
        self._serves = True
        self.core.loop.watch(self._listener.fileno(), self._accept_all)

    def listen_anew(self, listener: socket.socket) -> None:
        """Serve another listener, as the name of the one before has gone; those who had found that are served, too."""
        self.accept()
        self.core.loop.forget(self._listener.fileno())
        self._listener.close()
        listener.setblocking(False)
        self._listener = listener
        self.open()

    def _accept_all(self) -> None:
        self.accept()

    def accept(self) -> int:
        """Take in whoever waits; how many that were."""
        count = 0
        while True:
            if len(self.connections) >= self._most:
                self.core.loop.watch(self._listener.fileno(), None)
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
            connection = Connection(self, sock)
            self.connections.add(connection)
            self.core.loop.watch(sock.fileno(), connection.read)
            count += 1

    def forget(self, connection: Connection, fd: int) -> None:
        """A connection is closing."""
        self.core.loop.forget(fd)
        if connection in self.connections:
            self.connections.discard(connection)
            if self._serves and len(self.connections) == self._most - 1:
                self.core.loop.watch(self._listener.fileno(), self._accept_all)
        self.core.waits.gone(connection)
        self.core.followers.gone(connection)
        self.core.housekeeping.idle_soon()

    def serve(self, connection: Connection, message: dict[str, Any]) -> None:
        """Carry out one request."""
        number, op = message.pop("n", 0), message.pop("op", None)
        try:
            operation = OPERATIONS.get(op) if isinstance(op, str) else None
            if operation is None:
                raise InternalException("the supervisor does not know this request: it is of another version")
            wrong = shapes.problem(message, shapes.REQUESTS[op])
            if wrong:
                raise InvalidArgumentException(f"{op}: {wrong}")
            found = operation(self.core, connection, number, message)
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
        """Leave the client with the largest half of a request where all halves together are too large."""
        halves = {connection: connection.held for connection in self.connections if connection.held}
        if sum(halves.values()) > HALVES:
            max(halves, key=lambda it: halves[it]).close()

    def close(self) -> None:
        """Close all connections: clients look for the next supervisor."""
        self._serves = False
        for connection in list(self.connections):
            connection.close()
        self.core.loop.forget(self._listener.fileno())
        self._listener.close()


def refuse_all(listener: int, error: Drmaa2Exception, patience: float) -> None:
    """Answer whoever waits at a listener with an exception; for the first to come there are ``patience`` seconds."""
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
        for message in frames.feed(sock.recv(_PART)):
            sock.sendall(protocol.encode({"n": message["n"], "error": to_wire(error)}))
    except (OSError, ValueError, KeyError):
        return
