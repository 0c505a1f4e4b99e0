"""Reaps children, and journals each exit before it passes it to whoever expects it."""

from __future__ import annotations

import os
import signal
import time

from proctracker.supervisor.base.journal import End
from proctracker.supervisor.base.signals import PATIENT, Signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Tuple

    from proctracker.supervisor.base.journal import Journal
    from proctracker.supervisor.base.loop import Loop

    Handler = Tuple[Callable[[End], None], Optional[Callable[[], int]]]

_ANY = os.WEXITED | os.WNOWAIT | os.WNOHANG


class Children:
    """Knows what to do at each child's exit, which the loop alone reaps.

    ``stop`` is called when this process is told to end (TERM, HUP).
    """

    def __init__(self, loop: Loop, journal: Journal, stop: Callable[[], None]) -> None:
        self._journal, self._stop = journal, stop
        self._handlers: dict[int, Handler] = {}
        self._signals = Signals(loop, (signal.SIGCHLD, *PATIENT), self._heard)

    def expect(self, pid: int, then: Callable[[End], None], ticks: Callable[[], int] | None = None) -> None:
        """Call ``then`` with the exit of a child.

        ``ticks`` returns when it started, in clock ticks (0: not known). With it the exit is journalled, so that it is known
        to the next supervisor if this one is killed before it is committed.
        """
        self._handlers[pid] = then, ticks

    def reap(self) -> None:
        """Reap every child that has exited, also those that nobody expects."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, _ANY)
            except ChildProcessError:
                return
            if found is None:
                return
            status = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
            self._reap(found.si_pid, status)

    def _reap(self, pid: int, status: int) -> None:
        handler = self._handlers.pop(pid, None)
        ticks = handler[1] if handler else None
        started, now = ticks() if ticks else 0, time.time()
        if ticks:
            self._journal.ended(pid, started, status, now)
        usage = os.wait4(pid, 0)[2]
        cpu = usage.ru_utime + usage.ru_stime
        if ticks:
            self._journal.used(pid, cpu, usage.ru_maxrss)
        if handler:
            handler[0](End(pid, started, status, now, cpu, usage.ru_maxrss))

    def _heard(self, numbers: set[int]) -> None:
        self.reap()
        if not numbers.isdisjoint(PATIENT):
            self._stop()

    def close(self) -> None:
        """Hear of no child any more."""
        self._signals.close()
