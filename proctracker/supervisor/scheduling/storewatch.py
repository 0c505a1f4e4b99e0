"""Hearing of what other supervisors do: the kernel tells when the store they share with us is written (inotify(7))."""

from __future__ import annotations

import os

from proctracker.linux import inotify

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.service import Core

BATCH = 0.05
"""Seconds of writing that are heard of as one."""

LOOK_AGAIN = 1.0
"""Seconds until calls are made where the kernel gives no watch (fs.inotify.max_user_watches, max_user_instances)."""


class Neighbours:
    """Costs nothing as long as nobody asks: a watch tells of one change, and is set anew for the next question."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._inotify: inotify.Inotify | None = None
        self._calls: list[Callable[[], None]] = []

    def once(self, call: Callable[[], None]) -> None:
        """Make a call after the store was written next, by whomever; asked again before that it is still one call."""
        if not self._calls:
            self._watch()
        if call not in self._calls:
            self._calls.append(call)

    def _watch(self) -> None:
        core = self._core
        try:
            if self._inotify is None:
                self._inotify = inotify.Inotify()
                core.loop.watch(self._inotify.fileno(), self._written)
            path = core.store.path
            log = f"{path}-wal"
            self._inotify.add(log if os.path.exists(log) else path, inotify.MODIFY | inotify.ONESHOT)
        except OSError:
            core.loop.after(LOOK_AGAIN, self._call)

    def _written(self) -> None:
        if self._inotify is not None and self._inotify.read():
            self._core.loop.after(BATCH, self._call)

    def _call(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            call()

    def close(self) -> None:
        """Listen no more."""
        if self._inotify is not None:
            self._core.loop.forget(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None
