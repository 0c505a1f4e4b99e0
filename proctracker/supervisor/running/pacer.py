"""Decides when a scheduler is looked at: soon after a submit, then more seldom."""

from __future__ import annotations

import math

from proctracker.linux import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.loop import Loop, Timer

FIRST = 1.0
"""Seconds from a submit to the first look."""

LEAST = 5.0
"""Seconds between two looks, however many jobs and clients there are."""

MOST = 30.0
"""Seconds between two looks at jobs of which nothing is heard."""


class Pacer:
    """Calls ``look`` when one is due, one at a time, as it may take a minute."""

    def __init__(self, loop: Loop, look: Callable[[], None]) -> None:
        self._loop, self._look = loop, look
        self._timer: Timer | None = None
        self._began = -math.inf
        self._under_way = False
        self._again = False
        self._pause, self._most = FIRST, MOST
        self._due = math.inf
        self._running = False

    def submitted(self) -> None:
        """Something was handed over: how it goes on is soon to be seen."""
        self._pause = FIRST
        self._at(clock.boottime() + FIRST)

    def wanted(self) -> None:
        """Somebody asks, or something has been done to a job: look as soon as that may be."""
        self._pause = LEAST
        self._at(clock.boottime())

    def bound(self, seconds: float) -> None:
        """Let no pause be longer, this one neither, as far as looks may be that near."""
        self._most = max(LEAST, min(seconds, MOST))
        if self._pause > self._most:
            self._pause = self._most
            self._at(self._began + self._pause)

    @property
    def grows(self) -> bool:
        """Whether the next pause will be longer than the least."""
        return 2 * self._pause > LEAST

    def now(self) -> None:
        """Look at once, as something is about to be done by ids that may be others' by now."""
        if self._under_way:
            self._again = True
            return
        if self._timer:
            self._timer.cancel()
        self._make()

    def begin(self) -> None:
        """Begin to look, unless that is so."""
        if not self._running:
            self._running = True
            self._at(clock.boottime())

    def rest(self) -> None:
        """There is nothing to look at."""
        self._running, self._due = False, math.inf
        if self._timer:
            self._timer.cancel()
            self._timer = None

    @property
    def fresh(self) -> bool:
        """Whether the last look is so young that another may not be made yet, and none is under way."""
        return not self._under_way and clock.boottime() - self._began < LEAST

    @property
    def rests(self) -> float:
        """For how many seconds no look may be made yet, 0 while one is under way."""
        return 0.0 if self._under_way else max(0.0, self._began + LEAST - clock.boottime())

    def over(self, failed: bool = False) -> None:
        """Note that the look is over, and when the next one is due."""
        self._under_way = False
        if self._again:
            self._again = False
            self._make()
            return
        due, self._due = self._due, math.inf
        self._pause = LEAST if failed else min(max(2 * self._pause, LEAST), self._most)
        self._at(min(due, clock.boottime() + self._pause))

    def _at(self, when: float) -> None:
        """Have a look made at that time at the latest, if not before."""
        self._due = min(self._due, max(when, self._began + LEAST))
        if self._under_way or not self._running:
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.at(self._due, self._make)

    def _make(self) -> None:
        self._timer, self._due = None, math.inf
        self._began, self._under_way = clock.boottime(), True
        self._look()
