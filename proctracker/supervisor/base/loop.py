"""Runs one thread on one epoll(7), woken by ready descriptors and due timers alone.

Durations are counted by CLOCK_BOOTTIME; the wall clock is for dates alone.
"""

from __future__ import annotations

import heapq
import itertools
import math
import select
import time

from proctracker.linux import clock
from proctracker.linux.timerfd import Alarm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Tuple

    Callback = Callable[[], None]
    Watch = Tuple[Optional[Callback], Optional[Callback]]


LONGEST = 86400.0
"""Seconds in one epoll_wait(2), whose milliseconds end after 24 days."""


class Timer:
    """Is a call that is due at a time, until ``cancel``."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callback) -> None:
        self.due = due
        self.call: Callback | None = call

    def cancel(self) -> None:
        """Never make the call."""
        self.call = None


class Loop:
    """Calls for reads, writes and timers one by one, and ``soon`` after those that are ready now."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._watches: dict[int, Watch] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._dates: list[tuple[float, int, Timer]] = []
        self._alarm = Alarm()
        self._alarm.arm(None)
        self.watch(self._alarm.fileno(), self._rang)
        self._count = itertools.count()
        self._soon: list[Callback] = []
        self._running = True
        self.first: Callback = _nothing
        """Called after each wait, before what is ready is served."""

    def watch(self, fd: int, read: Callback | None, write: Callback | None = None) -> None:
        """Call ``read`` or ``write`` whenever the descriptor is ready, or with neither forget it."""
        events = (select.EPOLLIN if read else 0) | (select.EPOLLOUT if write else 0)
        if not events:
            if self._watches.pop(fd, None):
                self._poll.unregister(fd)
            return
        if fd in self._watches:
            self._poll.modify(fd, events)
        else:
            self._poll.register(fd, events)
        self._watches[fd] = (read, write)

    def forget(self, fd: int) -> None:
        """Watch a descriptor no longer, before it is closed."""
        self.watch(fd, None)

    def at(self, when: float, call: Callback) -> Timer:
        """Make a call at a ``clock.boottime``, which no step of the wall clock moves."""
        timer = Timer(when, call)
        heapq.heappush(self._timers, (when, next(self._count), timer))
        return timer

    def after(self, seconds: float, call: Callback) -> Timer:
        """Make a call in so many seconds."""
        return self.at(clock.boottime() + seconds, call)

    def on(self, date: float, call: Callback) -> Timer:
        """Make a call at a time of the wall clock (epoch seconds), also after steps."""
        timer = Timer(date, call)
        heapq.heappush(self._dates, (date, next(self._count), timer))
        if self._dates[0][2] is timer:
            self._alarm.arm(date)
        return timer

    def _rang(self) -> None:
        """A date has come, or the clock was set."""
        self._alarm.taken()
        _call_due(self._dates, time.time())
        self._alarm.arm(_first(self._dates))

    def soon(self, call: Callback) -> None:
        """Make a call once all that is ready now has been served."""
        self._soon.append(call)

    def stop(self) -> None:
        """Return from ``run`` after this round."""
        self._running = False

    def run(self) -> None:
        """Serve until ``stop``."""
        while self._running:
            self.round()

    def round(self) -> None:
        """Wait for the next thing, serve all that is ready."""
        watches = self._watches
        ready = [(fd, events, watches[fd]) for fd, events in self._poll.poll(self._wait()) if fd in watches]
        self.first()
        for fd, events, watch in ready:
            read, write = watch
            # A call of this round may have forgotten the descriptor, or watched it anew.
            if read and events & ~select.EPOLLOUT and watches.get(fd) is watch:
                read()
            if write and events & ~select.EPOLLIN and watches.get(fd) is watch:
                write()
        _call_due(self._timers, clock.boottime())
        while self._soon:
            calls, self._soon = self._soon, []
            for call in calls:
                call()

    def _wait(self) -> float | None:
        """Return the seconds until the next timer, or None."""
        if self._soon:
            return 0
        due = _first(self._timers)
        if due is None:
            return None
        # Rounded up to whole milliseconds, which is what epoll_wait(2) counts in: never a moment too early.
        return math.ceil(min(max(0.0, due - clock.boottime()), LONGEST) * 1000) / 1000

    def close(self) -> None:
        """Give the descriptors back."""
        self._poll.close()
        self._alarm.close()


def _nothing() -> None:
    """Do nothing."""


def _first(timers: list[tuple[float, int, Timer]]) -> float | None:
    """Return when the first timer is due that was not cancelled, or None."""
    while timers and timers[0][2].call is None:
        heapq.heappop(timers)
    return timers[0][0] if timers else None


def _call_due(timers: list[tuple[float, int, Timer]], now: float) -> None:
    while timers and timers[0][0] <= now:
        _, _, timer = heapq.heappop(timers)
        if timer.call:
            timer.call()
