"""Unix stream sockets at paths of any length, and who is at the other end of them."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

_ROOM = 107
"""Bytes of a path that fit into sockaddr_un beside the closing zero, unix(7)."""

_CREDENTIALS = struct.Struct("=iII")
"""struct ucred of SO_PEERCRED: pid, uid, gid, unix(7)."""


@contextmanager
def _short(path: str) -> Iterator[bytes]:
    """Return a name of this socket that fits, a long one by its directory's descriptor."""
    name = os.fsencode(path)
    if len(name) <= _ROOM:
        yield name
        return
    folder, base = os.path.split(name)
    fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield b"/proc/self/fd/%d/%b" % (fd, base)
    finally:
        os.close(fd)


def connect(path: str, timeout: float | None = None) -> socket.socket:
    """A connection to the socket at this path, its owner checked (``check_peer``).

    ``timeout`` in seconds stays set on the socket. Raises FileNotFoundError or ConnectionRefusedError where nobody
    listens, PermissionError for a listener of another user, TimeoutError for one whose queue is full all that time.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Not by settimeout: a nonblocking connect to a full queue fails at once instead of waiting for its turn, unix(7).
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(timeout))
        with _short(path) as name:
            made.connect(name)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(None))
        made.settimeout(timeout)
        check_peer(made)
    except BlockingIOError:
        made.close()
        raise TimeoutError(f"{path}: the listener does not accept") from None
    except BaseException:
        made.close()
        raise
    return made


def _timeval(seconds: float | None) -> bytes:
    """Return a struct timeval for SO_SNDTIMEO, of a microsecond at least, as 0 is no limit."""
    whole, part = divmod(max(round((seconds or 0) * 1e6), 1 if seconds is not None else 0), 10**6)
    return struct.pack("@ll", whole, part)


def listen(path: str, backlog: int = 1024) -> socket.socket:
    """Listen at this path with mode 0600, in place of a stale socket.

    For the elected supervisor only.

    It takes its name when it already listens, so a client finds either a listener or none, never a refusal.
    """
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder, base = os.path.split(path)
    fresh = os.path.join(folder, f".{base}.{os.getpid()}")
    try:
        unlink(fresh)
        with _short(fresh) as name:
            made.bind(name)
        os.chmod(fresh, 0o600)
        made.listen(backlog)
        os.rename(fresh, path)
    except BaseException:
        made.close()
        unlink(fresh)
        raise
    return made


def unlink(path: str) -> None:
    """Remove a socket's name, if there is one, while its connections go on."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def peer(connection: socket.socket) -> tuple[int, int, int]:
    """Return pid, uid and gid of the peer, as of its connect or listen (SO_PEERCRED)."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(data)
    return pid, uid, gid


def check_peer(connection: socket.socket) -> None:
    """Raise PermissionError unless the other end is a process of our own user."""
    _, uid, _ = peer(connection)
    if uid != os.geteuid():
        raise PermissionError(f"the other end of the socket belongs to uid {uid}, not to {os.geteuid()}")
