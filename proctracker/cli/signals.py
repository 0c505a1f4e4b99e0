"""Signals as something to select on, and no traceback in the middle of anything."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_TAKEN = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """INT, TERM and HUP while it is entered; those that were ignored (nohup, ``&``) stay ignored.

    CONT is noticed too and calls ``on_continue``. The second INT before ``armed`` raises KeyboardInterrupt, so that
    a submission that hangs can be given up.
    """

    def __init__(self) -> None:
        self.armed = False
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
        return self

    def __exit__(self, *_: object) -> None:
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
        if not self.armed and self._seen.count(signal.SIGINT) > 1:
            raise KeyboardInterrupt
