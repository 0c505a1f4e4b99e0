"""Writes output in whole lines, where no reader can hold up a signal."""

from __future__ import annotations

import os
import select
import stat
from contextlib import contextmanager

from proctracker.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator, Sequence

_LONGEST = 1 << 24
"""Bytes of a line that are waited for, a longer one being shown in parts."""

_STUCK = 1.0
"""Seconds that a reader who takes nothing is waited for after a signal."""


class _Heeded(NamedTuple):
    """Holds a descriptor that tells of a signal, who says whether to leave, and whether one came before."""

    fd: int
    take: Callable[[], bool]
    taken: Callable[[], bool]


_heeded: list[_Heeded] = []
"""What may come while nobody reads what we write."""


@contextmanager
def heeding(fd: int, take: Callable[[], bool], taken: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Have signals taken while we wait for a reader, who may then get nothing more.

    ``taken`` says whether one was taken already, elsewhere: then nobody waits for long for a reader either.
    """
    _heeded.append(_Heeded(fd, take, taken))
    try:
        yield
    finally:
        _heeded.pop()


def put(fd: int, data: bytes) -> None:
    """Write it all, or raise OSError (BrokenPipeError where nobody reads)."""
    view = memoryview(data)
    waits = bool(_heeded) and not stat.S_ISREG(os.fstat(fd).st_mode)
    # A pipe that poll(2) calls writable takes so much without blocking, pipe(7).
    most = select.PIPE_BUF if waits else len(data)
    while view:
        if waits:
            _await_reader(fd)
        try:
            view = view[os.write(fd, view[:most]) :]
        except BlockingIOError:
            select.select([], [fd], [])


def _await_reader(fd: int) -> None:
    """Wait until something can be written, after a signal not for long."""
    signalled, poll = _heeded[-1], select.poll()
    patience = _STUCK * 1000 if signalled.taken() else None
    poll.register(fd, select.POLLOUT)
    poll.register(signalled.fd, select.POLLIN)
    while True:
        ready = [each for each, _ in poll.poll(patience)]
        if fd in ready:
            return
        if signalled.fd in ready:
            patience = 0.0 if signalled.take() else _STUCK * 1000
        else:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, fd)
            os.close(null)
            return


class Shared:
    """Holds a descriptor of several streams, ``unended`` being the one whose line is open."""

    unended: Lines | None = None


class Lines:
    """Shows one stream, in whole lines where it has a prefix or shares the descriptor.

    ``sinks``: all descriptors that something is shown on together with it.
    """

    def __init__(
        self, fd: int, prefix: bytes = b"", shared: Shared | None = None, sinks: Sequence[int] | None = None
    ) -> None:
        self.fd, self._prefix, self._shared = fd, prefix, shared
        self.sinks = (fd,) if sinks is None else sinks
        self._held: list[bytes] = []
        self._size = 0

    def show(self, data: bytes) -> None:
        """Show what has come, an open line only with its end or at ``end``."""
        if not self._prefix and not self._shared:
            put(self.fd, data)
            return
        whole = data.rfind(b"\n") + 1
        self._held.append(data[:whole])
        if whole:
            self.end()
        self._held.append(data[whole:])
        self._size += len(data) - whole
        if self._size > _LONGEST:
            self.end()

    def end(self) -> None:
        """Show a last line that has no end."""
        data = b"".join(self._held)
        self._held, self._size = [], 0
        if not data:
            return
        if self._prefix:
            *lines, last = data.split(b"\n")
            data = b"".join(self._prefix + line + b"\n" for line in (*lines, *([last] if last else ())))
        if self._shared:
            if self._shared.unended not in (None, self):
                data = b"\n" + data
            self._shared.unended = None if data.endswith(b"\n") else self
        put(self.fd, data)
