"""Signals as something to select on, and no traceback in the middle of anything."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any, Iterator

_TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


_PATIENCE = 2.0
"""Seconds a signal waits for the submission it came into."""


class GivenUp(KeyboardInterrupt):
    """A signal came before the job was accepted."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


class Signals:
    """Takes INT, TERM and HUP while it is entered, but those that were ignored (nohup, ``&``).

    CONT is noticed too and calls ``on_continue``. Before ``armed`` the second INT or TERM, or one that has waited for
    a while, raises GivenUp: a submission that hangs ends then.
    """

    def __init__(self) -> None:
        self.armed = False
        self._awaited = 1
        """How many signals before ``armed`` are merely noticed."""
        self.on_continue: Any = None
        self._before: dict[int, Any] = {}
        self._seen: list[int] = []
        self._old = -1
        self._read, self._write = os.pipe()
        for fd in (self._read, self._write):
            os.set_blocking(fd, False)

    def __enter__(self) -> Signals:
        self._old = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (*_TAKEN, signal.SIGCONT):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._noticed)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._waited)
        return self

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._old)
        os.close(self._read)
        os.close(self._write)

    def fileno(self) -> int:
        """Readable when a signal has come."""
        return self._read

    def take(self) -> list[int]:
        """The signals that have come since the last call, CONT left out."""
        try:
            while os.read(self._read, 512):
                pass
        except BlockingIOError:
            pass
        found, self._seen = self._seen, []
        return found

    def _noticed(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCONT:
            if self.on_continue:
                self.on_continue()
            return
        self._seen.append(number)
        if self.armed or number == signal.SIGHUP:
            return
        if len([each for each in self._seen if each != signal.SIGHUP]) > self._awaited:
            raise GivenUp(number)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE)

    @contextmanager
    def impatient(self, seconds: float) -> Iterator[None]:
        """Have the next INT or TERM raise GivenUp, and so many seconds too."""
        self.armed, self._awaited = False, 0
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.armed = True

    def _waited(self, number: int, frame: FrameType | None) -> None:
        if not self.armed:
            raise GivenUp((self._seen or [signal.SIGTERM])[-1])
