"""Speaks with one client: frames, answers in turn, pushes when there is something."""

from __future__ import annotations

import os
import socket
import struct

from proctracker.errors import Drmaa2Exception, to_wire
from proctracker.wire import protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from proctracker.supervisor.base.loop import Loop

    class Serves(Protocol):
        """What the server does for its connections."""

        def serve(self, connection: Connection, message: dict[str, Any]) -> None:
            """Carry out one request."""

        def bound(self) -> None:
            """Keep what is held of all clients' requests within bounds."""

        def taken(self) -> None:
            """A client has read all that it was sent."""

        def forget(self, connection: Connection, fd: int) -> None:
            """A connection is closing."""


PART = 262144
"""Bytes read at once."""
_ROOM = socket.CMSG_SPACE(struct.calcsize("i"))

UNREAD = 2**20
"""Bytes a client may leave unread and still be served: beyond that it is to read first."""

BACKLOG = 32 * 2**20
"""Bytes that are kept for a client which does not read."""


FORMER = 44
"""Columns of a row as releases had it whose clients do not say how many they know."""


class Connection:
    """One client."""

    def __init__(self, loop: Loop, serves: Serves, sock: socket.socket) -> None:
        self._loop, self._serves, self._socket = loop, serves, sock
        self._frames = protocol.Frames(protocol.REQUEST)
        self._out = bytearray()
        self.stdin: int | None = None
        """A descriptor that came with the message being served."""
        self.open = True
        self.columns = FORMER
        """How many values it takes for a row."""
        self.shows = False
        """The client shows notices."""
        self.sent = 0
        """Bytes the client has taken, which tell that it reads."""

    @property
    def behind(self) -> bool:
        """Whether the client has not yet read all that it was sent."""
        return bool(self._out)

    def read(self) -> None:
        """Serve what has come."""
        try:
            data, extra, _, _ = self._socket.recvmsg(PART, _ROOM, socket.MSG_CMSG_CLOEXEC)
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
                self._serves.serve(self, message)
        except ValueError:
            self.close()
            return
        self._serves.bound()

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
        """Send a message, and what does not fit once there is room.

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
        self._loop.watch(self._socket.fileno(), read, self._write)

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
            self._loop.watch(self._socket.fileno(), self.read)
            self._serves.taken()

    def close(self) -> None:
        """The client has left, or is no client of ours."""
        if self.open:
            self.open = False
            self.drop_stdin()
            self._serves.forget(self, self._socket.fileno())
            self._socket.close()
