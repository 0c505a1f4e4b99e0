"""Reads what jobs on other machines record, by their directory's time."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable

    from proctracker.supervisor.base.loop import Loop, Timer

PERIOD = 1.0
"""Seconds between two looks at the directory's time."""

SETTLING = 2.5
"""Seconds after a change of which more may come with the same time."""

LARGEST = 65536
"""Bytes of a record."""


class ExitRecords:
    """Calls ``came`` with the names of new and changed records, while jobs may write some."""

    def __init__(self, loop: Loop, folder: str, came: Callable[[list[str]], None]) -> None:
        self._loop, self.folder, self._came = loop, folder, came
        self._timer: Timer | None = None
        self._changed: int | None = None
        self._lists_until = 0.0
        self._known: dict[str, tuple[int, int]] = {}

    def begin(self) -> None:
        """Look from now on, unless that is so."""
        if self._timer is None:
            self._timer = self._loop.after(0, self._look)

    def rest(self) -> None:
        """Nobody is left who could write one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = self._loop.after(PERIOD, self._look)
        came = self.changed()
        if came:
            self._came(came)

    def changed(self) -> list[str]:
        """The names of the records that are new, or have been replaced, since this was asked last."""
        try:
            changed = os.stat(self.folder).st_mtime_ns
        except OSError:
            self._changed = None  # it was removed, or its file system cannot be reached now
            return []
        now = time.monotonic()
        if changed != self._changed:
            self._changed, self._lists_until = changed, now + SETTLING
        elif now > self._lists_until:
            return []
        return self._list()

    def _list(self) -> list[str]:
        found: dict[str, tuple[int, int]] = {}
        try:
            with os.scandir(self.folder) as entries:
                for entry in entries:
                    if not entry.name.startswith("."):
                        seen = entry.stat(follow_symlinks=False)
                        found[entry.name] = seen.st_ino, seen.st_mtime_ns
        except OSError:
            return []
        new = [name for name, mark in found.items() if self._known.get(name) != mark]
        self._known = found
        return new

    def read(self, name: str) -> str | None:
        """Read a record's text, or return None where it is missing or not ours."""
        try:
            fd = os.open(os.path.join(self.folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        with open(fd, encoding="utf-8", errors="replace") as file:
            try:
                return file.read(LARGEST) if os.fstat(fd).st_uid == os.geteuid() else None
            except OSError:
                return None

    def drop(self, names: Iterable[str]) -> None:
        """Remove records of what has been put down for good."""
        for name in names:
            try:
                os.unlink(os.path.join(self.folder, name))
            except OSError:
                continue

    def all(self) -> list[str]:
        """The names of all records there are."""
        try:
            return [name for name in os.listdir(self.folder) if not name.startswith(".")]
        except OSError:
            return []
