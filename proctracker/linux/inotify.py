"""Being told by the kernel that a file appeared, grew or was closed (inotify(7))."""

from __future__ import annotations

import os
import struct
from contextlib import suppress

from proctracker.linux import libc
from proctracker.records import NamedTuple

MODIFY = 0x2
CLOSE_WRITE = 0x8
MOVED_FROM = 0x40
MOVED_TO = 0x80
CREATE = 0x100
DELETE = 0x200
DELETE_SELF = 0x400
MOVE_SELF = 0x800
OVERFLOW = 0x4000
IGNORED = 0x8000
ONESHOT = 0x80000000
"""In a mask: the first event ends the watch."""

APPEARS = CREATE | MOVED_TO | CLOSE_WRITE
"""For a directory: a file has come, or has been written to its end."""
CHANGES = CREATE | DELETE | MOVED_FROM | MOVED_TO | DELETE_SELF | MOVE_SELF
"""For a directory: another file is behind a name, or the directory itself is elsewhere."""
GROWS = MODIFY | CLOSE_WRITE
"""For a file: more is in it."""

_HEAD = struct.Struct("=iIII")
"""struct inotify_event less its name: watch, mask, cookie, length of the name."""


class Event(NamedTuple):
    """Is an event, with a file's ``name`` in a watched directory, OVERFLOW (watch -1) for anything."""

    watch: int
    mask: int
    name: str


class Inotify:
    """Watches files for a selector, on network file systems for own writes only."""

    def __init__(self) -> None:
        self._fd = libc.call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """The descriptor, readable once there are events."""
        return self._fd

    def add(self, path: str, mask: int) -> int:
        """Watch a path, a second time with another mask.

        Raises OSError (ENOENT, ENOSPC: too many).
        """
        return libc.call("inotify_add_watch", self._fd, os.fsencode(path), mask)

    def remove(self, watch: int) -> None:
        """Stop a watch, which may have ended with its file."""
        with suppress(OSError):
            libc.call("inotify_rm_watch", self._fd, watch)

    def read(self) -> list[Event]:
        """Return the events there are now, without ends of watches (IGNORED)."""
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return []
        events, at = [], 0
        while at < len(data):
            watch, mask, _, size = _HEAD.unpack_from(data, at)
            name = data[at + _HEAD.size : at + _HEAD.size + size].rstrip(b"\0")
            at += _HEAD.size + size
            if not mask & IGNORED:
                events.append(Event(watch, mask, os.fsdecode(name)))
        return events

    def close(self) -> None:
        """Give the descriptor back, with all its watches."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
