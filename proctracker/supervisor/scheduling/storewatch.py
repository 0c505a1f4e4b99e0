"""Reports that the store was written, by whichever of the supervisors that share it."""

from __future__ import annotations

import os

from proctracker.linux.inotify import MODIFY, ONESHOT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.files import Files
    from proctracker.supervisor.base.loop import Loop

BATCH = 0.05
"""Seconds of writing that are reported as one change."""

LOOK_AGAIN = 1.0
"""Seconds until calls are made where the kernel gives no watch."""


class StoreWatch:
    """Watches the store for one change at a time, while somebody asks."""

    def __init__(self, loop: Loop, files: Files, path: str) -> None:
        self._loop, self._files, self._path = loop, files, path
        self._calls: list[Callable[[], None]] = []

    def once(self, call: Callable[[], None]) -> None:
        """Call back once after the next write to the store, however often that is requested."""
        if not self._calls:
            self._watch()
        if call not in self._calls:
            self._calls.append(call)

    def _watch(self) -> None:
        log = f"{self._path}-wal"
        path = log if os.path.exists(log) else self._path
        try:
            self._files.watch(path, MODIFY | ONESHOT, lambda name: self._after(BATCH))
        except OSError:
            self._after(LOOK_AGAIN)

    def _after(self, seconds: float) -> None:
        self._loop.after(seconds, self._call)

    def _call(self) -> None:
        calls, self._calls = self._calls, []
        for call in calls:
            call()
