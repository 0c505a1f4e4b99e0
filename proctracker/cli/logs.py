"""``logs``: what jobs have written, wherever it is."""

from __future__ import annotations

import os

from proctracker.cli import ends, formats, output, tail
from proctracker.cli.access import Access
from proctracker.cli.main import Call
from proctracker.cli.options import UsageError, number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.cli.tail import Tail
    from proctracker.model import JobRow
    from proctracker.supervisor.client import Wait


def logs(call: Call) -> int:
    """Show the output of the jobs named."""
    if not call.words:
        raise UsageError("logs: name jobs: proctracker logs ID…")
    access = Access(call)
    rows = access.named(call.words, read_only=True)
    if call.flag("failed"):
        rows = [row for row in rows if row.ended and ends.code(row)]
    shown = [_Shown(access, row, _streams(call), len(rows) > 1) for row in rows]
    lines = number(call.values, "lines")
    if call.flag("follow"):
        _follow(access, shown, lines)
    else:
        for each in shown:
            each.once(lines)
    return 1 if access.failed else 0


def _streams(call: Call) -> tuple[str, ...]:
    if call.flag("stdout") and call.flag("stderr"):
        raise UsageError("logs: --stdout and --stderr exclude each other; without them both are shown")
    return tuple(stream for stream in output.STREAMS if call.flag(stream)) or tuple(output.STREAMS)


class _Shown:
    """One job's output on its way to us."""

    def __init__(self, access: Access, row: JobRow, streams: tuple[str, ...], prefixed: bool) -> None:
        self._access, self.row, self._streams = access, row, streams
        self._prefix = f"{row.id}: ".encode("ascii") if prefixed else b""

    def tails(self) -> list[Tail]:
        """Its files."""
        row = self.row
        return output.tails(self._access.home_of(row), row, self._access.spec(row), self._streams, self._prefix)

    def log(self, lines: int | None, *, follow: bool) -> output.Log:
        """Its engine's log, or the last lines of that."""
        spec = self._access.spec(self.row)
        skip = {} if lines is None else output.lines_before(self.row, spec, lines)
        return output.Log(self.row, spec, self._streams, follow=follow, prefix=self._prefix, skip=skip)

    def once(self, lines: int | None) -> None:
        """Show what there is now; a file of the job's own that is no longer there is told of."""
        if ends.never_started(self.row):
            formats.say(str(ends.reason(self.row)))
            return
        if output.in_engine(self.row):
            if self.row.host != self._access.home.host:
                self._access.tell(f"job {self.row.id}: its output is with the engine on {self.row.host}")
                return
            self.log(lines, follow=False).all()
            return
        for each in self.tails():
            self._check(each.path)
            if lines is not None:
                each.skip_to(lines)
            each.pump()
            each.close()

    def _check(self, path: str) -> None:
        """Tell of a file that cannot be read, unless the job had no time yet to make it."""
        own = path in (self.row.output, self.row.error)
        if own and self.row.dispatched is not None and not os.access(path, os.R_OK):
            problem = "cannot be read" if os.path.exists(path) else "is no longer there"
            self._access.tell(f"job {self.row.id}: {path} {problem}")


class _Following:
    """Several jobs' output until all of them have ended."""

    def __init__(self, access: Access, shown: Sequence[_Shown], lines: int | None) -> None:
        self._access, self._lines = access, lines
        self._by_id = {each.row.id: each for each in shown if not each.row.ended}
        self._tails: list[Tail] = []
        self._logs: list[output.Log] = []
        self._queued: Wait | None = None
        self._running: Wait | None = None
        self._over = False
        queued = [name for name, each in self._by_id.items() if each.row.dispatched is None]
        for name, each in self._by_id.items():
            if name not in queued:
                self._begin(each)
        if queued:
            self._wait_for_start(queued)
        self._running = access.client.waiting(list(self._by_id), "ended")

    def go(self) -> None:
        """Show until the end."""
        try:
            tail.follow(lambda: self._tails, self._fds, self._wake)
            for log in self._logs:
                log.all()
        finally:
            for log in self._logs:
                log.close()

    def _begin(self, each: _Shown) -> None:
        """The job has started: its output can be shown."""
        if ends.never_started(each.row):
            each.once(None)
        elif output.in_engine(each.row):
            self._logs.append(each.log(self._lines, follow=not each.row.ended))
        else:
            added = each.tails()
            for one in added if self._lines is not None else ():
                one.skip_to(self._lines or 0)
            self._tails += added

    def _wait_for_start(self, ids: list[str]) -> None:
        self._queued = self._access.client.waiting(ids, "started", True) if ids else None

    def _fds(self) -> list[int]:
        waits = [wait.fileno() for wait in (self._queued, self._running) if wait is not None]
        return [*waits, *(fd for log in self._logs for fd in log.fds())]

    def _wake(self, ready: list[int]) -> bool:
        for log in self._logs:
            log.pump(ready)
        while self._queued is not None and self._started(self._queued):
            pass
        if self._running is not None and self._running.receive() is not None:
            self._running.close()
            self._running = None
        return self._running is None and self._queued is None

    def _started(self, wait: Wait) -> bool:
        """Begin with those of the queued jobs that have started; whether there were any."""
        rows = wait.receive()
        if rows is None:
            return False
        wait.close()
        for row in rows:
            each = self._by_id[row.id]
            each.row = row
            self._begin(each)
        told = {row.id for row in rows}
        waiting = [name for name, each in self._by_id.items() if each.row.dispatched is None and not each.row.ended]
        self._wait_for_start([name for name in waiting if name not in told])
        return True


def _follow(access: Access, shown: Sequence[_Shown], lines: int | None) -> None:
    """Show what has ended, then what goes on."""
    for each in shown:
        if each.row.ended or each.row.host != access.home.host:
            each.once(lines)
    mine = [each for each in shown if each.row.host == access.home.host]
    if any(not each.row.ended for each in mine):
        _Following(access, mine, lines).go()
