"""Showing files while they grow: what is new goes to a descriptor."""

from __future__ import annotations

import os
import select
import stat

from proctracker.cli.streams.sink import Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

_PART = 1 << 18
_TURN = 1 << 22
"""Bytes of one file that are shown before the others, and signals, have their turn."""
_NETWORK_LOOK = 0.2
"""Seconds between looks at files on a network, which inotify is not told of."""


class Tail:
    """Shows a file as it grows, from its start after a truncation, whether it exists or not.

    ``kept``: it is one of ours. Those that stayed empty are used again under another name, so what is read counts only
    if the file has its name still. One larger than ``limit`` (0: none) may have a hole, which is left out; ``tell`` is
    told in the end how many bytes that were. ``itself``: what is shown goes into this very file, so it is not shown.
    """

    def __init__(
        self,
        path: str,
        lines: Lines,
        kept: bool = False,
        limit: int = 0,
        tell: Callable[[int], None] = lambda size: None,
    ) -> None:
        self.path, self.lines, self._kept, self._limit, self._tell = path, lines, kept, limit, tell
        self.itself = False
        self._skipped = 0
        self._fd = -1
        self._at = 0

    def begin_at(self, offset: int) -> None:
        """Begin behind what was there before."""
        self._at = offset

    def skip_to(self, lines: int) -> int:
        """Begin with the last ``lines`` lines there are, and return their number."""
        if not self._open():
            return 0
        size, wanted = os.fstat(self._fd).st_size, lines
        self._at = 0 if lines else size
        # The newline at the very end ends the last line and begins none.
        end = size - 1 if size and os.pread(self._fd, 1, size - 1) == b"\n" else size
        while end > 0 and lines:
            first, end = self._extent(end)
            start = max(first, end - _PART)
            data = os.pread(self._fd, end - start, start)
            end, place = start, data.rfind(b"\n")
            while place >= 0:
                lines -= 1
                if not lines:
                    self._at = start + place + 1
                    return wanted
                place = data.rfind(b"\n", 0, place)
        return wanted - lines + 1 if size and wanted else 0

    def _extent(self, end: int) -> tuple[int, int]:
        """Where the last data before an offset begin and end."""
        if not self._holed():
            return 0, end
        from proctracker.linux import holes

        before = [(first, min(last, end)) for first, last in holes.extents(self._fd) if first < end]
        return before[-1] if before else (0, 0)

    def _holed(self) -> bool:
        """Whether it may have a hole."""
        return bool(self._limit) and os.fstat(self._fd).st_size > self._limit

    def pump(self, most: int = _TURN) -> bool:
        """Show about so many new bytes, and return whether there were any."""
        if not self._open():
            return False
        if os.fstat(self._fd).st_size < self._at:
            self._at = 0
        until, found = self._at + most, False
        while self._at < until:
            begin, data = self._read()
            if not data or (self._kept and not self._named()):
                break
            self._skipped += begin - self._at
            self._at = begin + len(data)
            found = True
            self.lines.show(data)
        return found

    def all(self) -> None:
        """Show what there is now to its end, and close the file."""
        if self._open():
            self.pump(max(0, os.fstat(self._fd).st_size - self._at))
        self.close()

    def _read(self) -> tuple[int, bytes]:
        """What comes next, and where it begins."""
        if not self._holed():
            return self._at, os.pread(self._fd, _PART, self._at)
        from proctracker.linux import holes

        return holes.read(self._fd, self._at, _PART)

    def close(self) -> None:
        """Show a last line that has no end, tell of a hole, and close the file."""
        self.lines.end()
        if self._skipped:
            self._tell(self._skipped)
            self._skipped = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _named(self) -> bool:
        """Whether our path still leads to the open file."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._fd))
        except OSError:
            return False

    def _open(self) -> bool:
        if self._fd < 0 and not self.itself:
            try:
                # O_NONBLOCK: a FIFO or terminal named as output must not hold us up; only files have a past to show.
                flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
                self._fd = os.open(self.path, flags | os.O_NOFOLLOW if self._kept else flags)
            except OSError:
                return False
            found = os.fstat(self._fd)
            self.itself = any(os.path.samestat(found, os.fstat(fd)) for fd in self.lines.sinks)
            foreign = self._kept and found.st_uid != os.geteuid()
            if self.itself or foreign or not stat.S_ISREG(found.st_mode):
                os.close(self._fd)
                self._fd = -1
        return self._fd >= 0


def skip(tails: Sequence[Tail], lines: int) -> None:
    """Begin with the last ``lines`` lines of all of a job's files."""
    for each in reversed(tails):
        lines -= each.skip_to(lines)


class Watch:
    """Wakes when one of some files grows, by inotify, or by time on a network."""

    def __init__(self) -> None:
        from proctracker.linux.inotify import Inotify

        self._inotify = Inotify()
        self._files: dict[str, int] = {}
        self._looks = False

    def fileno(self) -> int:
        """For select."""
        return self._inotify.fileno()

    @property
    def timeout(self) -> float | None:
        """Return the seconds after which to look anyway, or None where the kernel tells."""
        return _NETWORK_LOOK if self._looks else None

    def add(self, path: str) -> None:
        """Watch a file, or its directory while it is not there."""
        from proctracker.linux import inotify, netfs

        folder = os.path.dirname(path) or "."
        for watched, mask in ((path, inotify.GROWS), (folder, inotify.APPEARS)):
            if watched in self._files:
                return
            try:
                self._files[watched] = self._inotify.add(watched, mask)
            except OSError:
                continue
            self._looks = self._looks or netfs.file_system(folder) is not None
            return
        self._looks = True

    def drain(self) -> None:
        """Read events away, as the files show what they were."""
        self._inotify.read()


def follow(
    tails: Callable[[], list[Tail]],
    fds: Callable[[], list[int]],
    wake: Callable[[list[int]], bool],
    timeout: Callable[[], float | None] = lambda: None,
) -> None:
    """Show files until ``wake``, called after ``timeout()`` seconds at most, says it is over.

    ``wake(ready)`` is called with the descriptors that are readable, none at first; then ``tails()`` are the files known
    now and ``fds()`` the descriptors to wait on besides.
    """
    watch: Watch | None = None
    ready: list[int | Watch] = []
    while not wake([fd for fd in ready if isinstance(fd, int)]):
        more = False
        for tail in tails():
            more = tail.pump() or more
            if watch is not None:
                watch.add(tail.path)
        others = fds()
        # Most commands are over at once: watching files costs more than they do.
        watched: list[int | Watch] = [*others, *([watch] if watch else [])]
        waits = [each for each in (watch.timeout if watch else 0.03, timeout()) if each is not None]
        ready = select.select(watched, [], [], 0 if more else min(waits, default=None))[0]
        if watch is None:
            watch = Watch() if not ready and not more else None
        elif watch in ready:
            watch.drain()
    for tail in tails():
        tail.all()
