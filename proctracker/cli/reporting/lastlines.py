"""Reads the last lines that jobs wrote, from files, or of a few from their engines."""

from __future__ import annotations

import os
import stat
import time

from proctracker.cli import ends, formats
from proctracker.cli.streams import output
from proctracker.cli.streams.pipes import Pipe
from proctracker.tracker import infos

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Sequence

    from proctracker.cli.access import Access
    from proctracker.model import JobRow

    Lines = Dict[str, List[str]]

LINES = 20
"""The most lines of a stream."""

_BYTES = 4096
_LEAST = 160
_TOTAL = 2_000_000
"""Bytes of a stream at most, of a reduced one, and of all together, roughly."""

_ENGINES = 20
"""Jobs whose engines are asked, the newest, with a call each."""

_SECONDS = 5.0
"""How long all engines together are waited for."""


def last_lines(access: Access, rows: Sequence[JobRow]) -> dict[str, Lines]:
    """Return the last lines of jobs by id, then by stream, where they can be read."""
    most = max(_LEAST, min(_BYTES, _TOTAL // (2 * len(rows) or 1)))
    found: dict[str, Lines] = {}
    logged = []
    for row in rows:
        if ends.never_started(row):
            continue
        spec = access.spec(row)
        if infos.in_engine(row, spec):
            logged.append(row)
            continue
        own = (row.output, row.error)
        paths = zip(output.STREAMS, infos.paths(row, spec, access.home_of(row)))
        found[row.id] = {name: _of_file(path, most, path in own) for name, path in paths if path is not None}
    mine = [row for row in logged if row.host == access.home.host]
    found.update(_of_engines(access, mine[-_ENGINES:], most))
    return {name: {stream: lines for stream, lines in each.items() if lines} for name, each in found.items()}


def _of_file(path: str, most: int, own: bool) -> list[str]:
    """Read the end of a regular file, which if it is a kept one is no link."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if own else os.O_NOFOLLOW))
    except OSError:
        return []
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return []
        first = max(0, status.st_size - most)
        return cleaned(os.pread(fd, most, first), most, cut=first > 0)
    except OSError:
        return []
    finally:
        os.close(fd)


class _End(Pipe):
    """Keeps the end of a stream."""

    def __init__(self, most: int) -> None:
        super().__init__(None)
        self.most, self.cut, self.data = most, False, b""

    def again(self) -> None:
        """Begin anew: all comes once more."""
        self.data = b""

    def show(self, data: bytes) -> None:
        """Keep the end of it."""
        self.cut = self.cut or len(self.data) + len(data) > self.most
        self.data = (self.data + data)[-self.most :]

    def complete(self, path: str) -> None:
        """Keep the end of a copy of the whole."""
        self.again()
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - self.most))
            self.show(file.read())
        self.cut = size > self.most


def _of_engines(access: Access, rows: Sequence[JobRow], most: int) -> Iterator[tuple[str, Lines]]:
    """Read the ends of logs that engines keep, side by side."""
    import select

    from proctracker.errors import Drmaa2Exception

    logs, kept = {}, {}
    for row in rows:
        spec = access.spec(row)
        try:
            logs[row.id] = output.Log(row, spec, {}, follow=False, saved=output.saved(access.home, row, spec))
        except (Drmaa2Exception, OSError):
            continue
        kept[row.id] = {stream: _End(most) for stream in output.streams_of(spec)}
        logs[row.id].into(kept[row.id])
    until = time.monotonic() + _SECONDS
    try:
        while (fds := [fd for log in logs.values() for fd in log.fds()]) and until > time.monotonic():
            ready = select.select(fds, [], [], max(0.0, until - time.monotonic()))[0]
            for log in logs.values():
                log.pump(ready)
    finally:
        for log in logs.values():
            log.close()
    for name, ended in kept.items():
        if not logs[name].problem:
            yield name, {stream: cleaned(each.data, most, cut=each.cut) for stream, each in ended.items()}


def cleaned(data: bytes, most: int, *, cut: bool) -> list[str]:
    """Return the last lines of data as one reads them.

    Without colours, with what a progress bar showed last, all else that controls escaped. ``cut``: there was more before, so a first line that is one of several is left out, and else begins with ``…``.
    """
    import re

    parts = data.removesuffix(b"\n").split(b"\n")
    if cut and len(parts) > 1:
        parts, cut = parts[1:], False
    lines = []
    for part in parts[-LINES:]:
        while cut and part and part[0] & 0xC0 == 0x80:
            part = part[1:]
        text = part.decode("utf-8", "surrogateescape")
        text = re.sub(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])", "", text)
        text = formats.safe(text.rstrip("\r").rpartition("\r")[2].expandtabs())
        lines.append(f"…{text}" if cut else text)
        cut = False
    while lines and (not lines[0] or sum(map(len, lines)) > most):
        if len(lines) == 1:
            return [f"…{lines[0][-most:]}"] if lines[0] else []
        lines = lines[1:]
    return lines
