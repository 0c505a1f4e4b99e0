"""Hears signals in the loop by Python's wake-up descriptor (``signal.set_wakeup_fd``)."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Collection

    from proctracker.supervisor.base.loop import Loop

PATIENT = (signal.SIGTERM, signal.SIGHUP)
"""Signals of systemd at a logout or reboot, 90 s before KILL."""


def be_patient() -> None:
    """Ignore TERM and HUP, which a supervisor hears and a job has at their defaults."""
    for number in PATIENT:
        signal.signal(number, signal.SIG_IGN)


class Signals:
    """Calls ``then`` with the signals that have come, first in the loop's round.

    So what is asked after a TERM is asked of one that was told to stop. No system call is interrupted.
    """

    def __init__(self, loop: Loop, numbers: Collection[int], then: Callable[[set[int]], None]) -> None:
        self._loop, self._then = loop, then
        self._come: set[int] = set()
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._woken = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._note) for number in numbers}
        for number in numbers:
            signal.siginterrupt(number, False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        loop.watch(self._read, self._drain)
        loop.first = self._take

    def _note(self, number: int, frame: object) -> None:
        """Note a signal, and hand it to its former handler."""
        self._come.add(number)
        if frame is None:
            with suppress(BlockingIOError):
                os.write(self._write, b"x")
        earlier = self._before[number]
        if callable(earlier):
            earlier(number, None)

    def _take(self) -> None:
        if self._come:
            come, self._come = self._come, set()
            self._then(come)

    def _drain(self) -> None:
        try:
            os.read(self._read, 4096)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Hear nothing any more, and have the signals do what they did before."""
        if self._read < 0:
            return
        self._loop.forget(self._read)
        if any(signal.getsignal(number) != self._note for number in self._before):
            return  # another of this process hears them now, and goes back to ours
        for number, handler in self._before.items():
            signal.signal(number, handler)
        try:
            signal.set_wakeup_fd(self._woken)
        except (OSError, ValueError):
            signal.set_wakeup_fd(-1)  # whoever was told before has closed since
        os.close(self._read)
        os.close(self._write)
        self._read = -1
