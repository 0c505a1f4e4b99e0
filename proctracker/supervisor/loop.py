"""One thread, one selector: descriptors that became ready and timers that are due, nothing else wakes us."""

from __future__ import annotations

import heapq
import itertools
import selectors
import time
from typing import Callable

Callback = Callable[[], None]


class Timer:
    """A call that is due at a time; ``cancel`` forgets it."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callback) -> None:
        self.due = due
        self.call: Callback | None = call

    def cancel(self) -> None:
        """Never make the call."""
        self.call = None


class Loop:
    """Reads, writes and timers. Calls run one after another; ``soon`` runs once what is ready now has been served."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._soon: list[Callback] = []
        self._running = True

    def watch(self, fd: int, read: Callback | None, write: Callback | None = None) -> None:
        """Call ``read``/``write`` whenever the descriptor is ready; both None forgets it."""
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        known = fd in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(fd)
        elif known:
            self._selector.modify(fd, events, (read, write))
        else:
            self._selector.register(fd, events, (read, write))

    def forget(self, fd: int) -> None:
        """Watch a descriptor no longer; to be said before it is closed."""
        self.watch(fd, None)

    def at(self, when: float, call: Callback) -> Timer:
        """Make a call at a wall-clock time (epoch seconds); the clock may be set meanwhile, so it is looked at again."""
        timer = Timer(when, call)
        heapq.heappush(self._timers, (when, next(self._count), timer))
        return timer

    def after(self, seconds: float, call: Callback) -> Timer:
        """Make a call in so many seconds."""
        return self.at(time.time() + seconds, call)

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
        for key, events in self._selector.select(self._wait()):
            read, write = key.data
            if events & selectors.EVENT_READ and read and self._watched(key):
                read()
            if events & selectors.EVENT_WRITE and write and self._watched(key):
                write()
        now = time.time()
        while self._timers and self._timers[0][0] <= now:
            _, _, timer = heapq.heappop(self._timers)
            if timer.call:
                timer.call()
        while self._soon:
            calls, self._soon = self._soon, []
            for call in calls:
                call()

    def _watched(self, key: selectors.SelectorKey) -> bool:
        """Whether a call of this round has neither forgotten a descriptor nor watched it anew."""
        return self._selector.get_map().get(key.fd) is key

    def _wait(self) -> float | None:
        """Seconds until the next timer; None: none."""
        if self._soon:
            return 0
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - time.time()) if self._timers else None

    def close(self) -> None:
        """Give the selector back."""
        self._selector.close()
