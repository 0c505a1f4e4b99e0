"""Lets the supervisor leave once nothing keeps it awake."""

from __future__ import annotations

from proctracker.linux import clock
from proctracker.supervisor import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.loop import Timer

AGAIN = 1.0
"""Seconds between tries to leave while the store cannot be written."""


GONE = 600.0
"""Seconds for which a removed state directory may come back, with ends to be written."""


class Idle:
    """Asks the predicates ``keep_awake``, then calls ``before_leaving`` and ``leave``."""

    def __init__(self, here: Here, leave: Callable[[], None]) -> None:
        self._here, self._leave = here, leave
        self.replaced: Callable[[], bool] = lambda: False
        """Whether the state directory was removed, or another is in its place."""
        self._since: float | None = None
        self._timer: Timer | None = None
        self.keep_awake: list[Callable[[], object]] = []
        self.before_leaving: list[Callable[[], None]] = []
        self.hurried = False
        """Somebody told us to end: leave as soon as that can be done."""

    def soon(self) -> None:
        """Leave after the time that is configured, unless something comes up."""
        if not self._awake():
            self._leave_in(0.0 if self.hurried else float(self._here.settings["idle"]))

    def _leave_in(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._here.loop.after(seconds, self._due)

    def _awake(self) -> bool:
        return any(call() for call in self.keep_awake)

    def _due(self) -> None:
        self._timer = None
        if self._awake():
            return
        for call in self.before_leaving:
            call()
        if self._awake():
            self.soon()
            return
        ledger = self._here.ledger
        ledger.flush()
        if ledger.clean:
            self._leave()
        elif self._in_vain():
            log.say("gives up writing how jobs ended: the state directory was removed or replaced")
            self._leave()
        else:
            self._leave_in(AGAIN)

    def _in_vain(self) -> bool:
        """Return whether what is to be written had a place that is gone for long.

        A file system that was unmounted, or replaced on a network's server, may be mounted again.
        """
        now = clock.boottime()
        if not self.replaced():
            self._since = None
            return False
        self._since = self._since or now
        return self.hurried or now - self._since >= GONE
