"""Tells of state changes: to an iterator, to an event loop, or by a thread to callbacks."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from typing import Any, Callable, Iterator

from proctracker.client.polling import readable
from proctracker.client.pushes import Follow
from proctracker.errors import Drmaa2Exception, InvalidArgumentException
from proctracker.model import DrmaaEvent, JobState, Notification, moment
from proctracker.tracker.place import Place

Callback = Callable[[Notification], object]


def notification(change: dict[str, Any]) -> Notification:
    """A change as the supervisor tells it."""
    return Notification(
        DrmaaEvent.NEW_STATE,
        change["job_id"],
        change["session"],
        JobState(change["state"]),
        change["sub_state"],
        moment(change["time"]),
    )


class Events:
    """Iterates over a session's state changes from now on, with ``for`` or ``async for``.

    ``close`` it, or use it as a context manager: while it is open, a supervisor runs for it.
    """

    def __init__(self, follow: Follow) -> None:
        self._follow: Follow | None = follow
        self._next: deque[Notification] = deque()
        follow.fileno()

    def __iter__(self) -> Iterator[Notification]:
        return self

    def __next__(self) -> Notification:
        while not self._next:
            follow = self._opened()
            if not self._take(follow):
                readable([follow.fileno()], None)
        return self._next.popleft()

    def __aiter__(self) -> Events:
        return self

    async def __anext__(self) -> Notification:
        from proctracker.sessions import awaits

        while not self._next:
            try:
                follow = self._opened()
            except StopIteration:
                raise StopAsyncIteration from None
            if not self._take(follow):
                await awaits.readable([follow.fileno()])
        return self._next.popleft()

    def _opened(self) -> Follow:
        if self._follow is None:
            raise StopIteration
        return self._follow

    def _take(self, follow: Follow) -> bool:
        self._next.extend(map(notification, follow.receive()))
        return bool(self._next)

    def close(self) -> None:
        """End the iteration."""
        if self._follow is not None:
            self._follow.close()
            self._follow = None

    def __del__(self) -> None:
        if getattr(self, "_follow", None) is not None:
            self.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Caller:
    """Calls back with every state change of a home, from a thread, until ``stop``."""

    def __init__(self, place: Place, callback: Callback) -> None:
        if not callable(callback):
            raise InvalidArgumentException(
                f"register_event_notification: a function or None is expected, not {callback!r}"
            )
        self._callback = callback
        self._follow = place.client().follow(None)
        self._follow.fileno()
        self._stop, self._stopped = os.pipe2(os.O_CLOEXEC)
        self._thread = threading.Thread(target=self._run, name="proctracker events", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Call no more, and return once no call is under way but the one this is called from."""
        os.close(self._stopped)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while True:
                # What came with an answer makes no descriptor readable, so first what is here.
                for change in self._follow.receive():
                    self._call(notification(change))
                if self._stop in readable([self._follow.fileno(), self._stop], None):
                    return
        except Drmaa2Exception as error:
            print(f"proctracker: no more notifications: {error.message}", file=sys.stderr)
        finally:
            self._follow.close()
            os.close(self._stop)

    def _call(self, told: Notification) -> None:
        try:
            self._callback(told)
        except Exception:
            import traceback

            print(f"proctracker: the callback failed:\n{traceback.format_exc()}", end="", file=sys.stderr)
