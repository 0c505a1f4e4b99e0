"""Carries one stream of an engine's log to a descriptor, nothing twice."""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.cli.streams.sink import Lines

PART = 1 << 16


class Pipe:
    """One stream of a log, less its first lines."""

    def __init__(self, lines: Lines | None, skip: int = 0) -> None:
        self._lines, self._skip = lines, skip
        self._seen = self._sum = self._drop = 0

    def again(self) -> None:
        """What comes next begins with all that was there before."""
        self._drop = self._seen

    def complete(self, path: str) -> None:
        """Show what a copy of the whole holds besides, if what was shown so far is how it begins."""
        seen, own, begins = self._seen, self._sum, 0
        with open(path, "rb") as file:
            while seen and (part := file.read(min(seen, PART))):
                seen, begins = seen - len(part), zlib.crc32(part, begins)
            while begins == own and (part := file.read(PART)):
                self.show(part)

    def show(self, data: bytes) -> None:
        """Show data, or its end."""
        if data and self._drop:
            data, self._drop = data[self._drop :], max(0, self._drop - len(data))
            if not data:
                return
        self._seen, self._sum = self._seen + len(data), zlib.crc32(data, self._sum)
        while self._skip and data:
            end = data.find(b"\n") + 1
            self._skip -= bool(end)
            data = data[end:] if end else b""
            if not data:
                return
        if self._lines is None:
            return
        if data:
            self._lines.show(data)
        else:
            self._lines.end()


class Counter(Pipe):
    """Counts a stream's lines, also one without an end."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines = 0
        self._ended = True

    def show(self, data: bytes) -> None:
        """Count data's lines."""
        if data:
            self.lines += data.count(b"\n")
            self._ended = data.endswith(b"\n")
        else:
            self.lines += not self._ended
