"""Carries out TERM and HUP: lets jobs run, begins none, and leaves when none runs."""

from __future__ import annotations

from proctracker.supervisor import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.idle import Idle
    from proctracker.supervisor.base.loop import Loop, Timer
    from proctracker.supervisor.scheduling.queue import Queue

PATIENCE = 100.0
"""Seconds from TERM or HUP until that was no logout and no reboot, which kill after 90."""


class Stopping:
    """Holds what is queued, which a logout or reboot would kill as it starts."""

    def __init__(self, loop: Loop, queue: Queue, idle: Idle) -> None:
        self._loop, self._queue, self._idle = loop, queue, idle
        self._timer: Timer | None = None

    def stop(self) -> None:
        """Begin nothing any more unless somebody asks."""
        if self._timer:
            self._timer.cancel()
        log.say("was told to end: it does when what runs has ended, and starts nothing until then")
        self._queue.paused = self._idle.hurried = True
        self._timer = self._loop.after(PATIENCE, self._go_on)
        self._idle.soon()

    def _go_on(self) -> None:
        """Nobody came to kill us: it was meant for us alone, who have jobs."""
        self._timer, self._idle.hurried = None, False
        self._queue.resume()
        self._idle.soon()
