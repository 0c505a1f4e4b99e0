"""Ends a supervisor's service: when nothing is left to do, or for a supervisor of its clients' own."""

from __future__ import annotations

from proctracker.supervisor import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sized

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.serving.presence import Presence
    from proctracker.supervisor.serving.server import Server

AGAIN = 0.05
"""Seconds until it is tried again to give way, as an engine is being asked."""


class Departure:
    """Stops the loop once nobody can reach us. ``calls`` are those to engines under way."""

    def __init__(self, here: Here, calls: Sized, server: Server, presence: Presence) -> None:
        self._here, self._calls, self._server, self._presence = here, calls, server, presence

    def leave(self) -> None:
        """Leave if really nobody is there, the name first, so that whoever comes now finds none."""
        if self._presence.hide() and self._server.accept():
            self._presence.show()
            return
        self._end("nothing is left to do")

    def give_way(self) -> None:
        """Leave the seat to a client of the confinement that we stand in for."""
        if self._calls:
            self._here.loop.after(AGAIN, self.give_way)
            return
        self._here.ledger.flush()
        self._presence.hide()
        self._end("its place is taken by a supervisor of the same confinement as its callers")

    def _end(self, why: str) -> None:
        """Stop, and put no socket back."""
        log.say(f"leaves: {why}")
        self._presence.leaving = True
        self._here.loop.stop()
