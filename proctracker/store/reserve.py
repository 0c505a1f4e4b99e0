"""Keeps room for results on a full disk: a file to give up, and space in the log.

What SQLite writes into blocks that its log has already needs no room, and no job can take it. The file is for what does: a
supervisor that has to be started where the disk is full, and a log that has outgrown its space.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from proctracker.errors import OutOfResourceException
from proctracker.linux import libc

SIZE = 2**19
"""Bytes of each of the two, for the ends of some hundred jobs, spread over any commits."""


class Reserve:
    """Manages the reserve of one host's state, a file at ``place``, and SQLite's ``log``."""

    def __init__(self, place: str, log: str) -> None:
        self._place, self._log = place, log

    def room(self) -> int:
        """Return the bytes left on the file system, of which a quota may leave less."""
        found = os.statvfs(os.path.dirname(self._place))
        return found.f_bavail * found.f_frsize if found.f_blocks else sys.maxsize

    def refuse_new(self, path: str) -> None:
        """Raise OutOfResourceException where there is room for results only."""
        try:
            full = self.room() < 2**16
        except OSError:
            return
        if full:
            folder = os.path.dirname(path)
            raise OutOfResourceException(f"{path}: the disk is full: make room in {folder}, `proctracker reap` does")

    def keep(self) -> None:
        """Have it, as far as there is room beside it and the file system can set blocks aside."""
        self.widen(0)
        try:
            if self.room() < 4 * SIZE:
                return
            fd = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                if os.fstat(fd).st_blocks * 512 < SIZE:
                    os.posix_fallocate(fd, 0, SIZE)
            finally:
                os.close(fd)
        except OSError:
            self.give_up()

    def give_up(self) -> bool:
        """Give up the file's blocks, and return whether there were any."""
        try:
            had = os.stat(self._place, follow_symlinks=False).st_blocks > 0
            os.unlink(self._place)
        except OSError:
            return False
        return had

    def widen(self, begin: int) -> None:
        """Set blocks of the log aside, on which SQLite holds no lock that closing it here ends."""
        try:
            fd = os.open(self._log, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return
        try:
            with suppress(OSError):  # without room, or on a file system that cannot, nothing is set aside
                libc.allocate(fd, libc.KEEP_SIZE, begin, SIZE)
        finally:
            os.close(fd)

    def relieve(self) -> bool:
        """Give the file's blocks to the log, and return whether there were any."""
        if not self.give_up():
            return False
        try:
            self.widen(os.stat(self._log).st_size)
        except OSError:
            pass  # there is no log where the journal is another file
        return True
