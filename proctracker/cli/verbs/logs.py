"""``logs``: what jobs have written, wherever it is."""

from __future__ import annotations

import os

from proctracker.cli import ends, formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, number, text
from proctracker.cli.streams import attempts, logpart, output, tail
from proctracker.cli.streams.afar import Afar
from proctracker.errors import InvalidArgumentException
from proctracker.model import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.cli.streams.tail import Tail
    from proctracker.model import JobRow


def logs(call: Call) -> int:
    """Show the output of the jobs named."""
    if not call.words:
        raise UsageError("logs: name jobs: proctracker logs ID…")
    access, which = Access(call), _attempt(call)
    rows = access.named(call.words, read_only=True)
    if call.flag("failed"):
        rows = [row for row in rows if row.ended and ends.code(row)]
    shown = [each for row in rows for each in _of_job(access, row, which, call, len(rows) > 1)]
    lines = number(call.values, "lines")
    if call.flag("follow"):
        _follow(access, shown, lines)
    else:
        for each in shown:
            each.once(lines)
    return 1 if access.failed else 0


def _attempt(call: Call) -> str | None:
    """Return the attempt asked for, a number or ``all``, or None for the newest."""
    which = text(call.values, "attempt")
    if which is None or which == "all":
        return which
    found = number(call.values, "attempt", least=1)
    if call.flag("follow"):
        raise UsageError("logs: --follow shows the newest attempt, or with --attempt all every one, not an earlier one")
    return str(found)


def _of_job(access: Access, row: JobRow, which: str | None, call: Call, prefixed: bool) -> list[_Shown]:
    """Show a job's output, of each attempt that is asked for."""
    try:
        rows = attempts.wanted(access, row, which)
    except InvalidArgumentException as error:
        access.tell(error.message)
        return []
    if call.flag("follow") and row not in rows:
        rows.append(row)
    shown = [_Shown(access, each, _streams(call), prefixed) for each in rows]
    for each in shown:
        each.heading = len(rows) > 1 and which == "all"
        each.again = each is not shown[0]
        each.part = logpart.asked(call)
    return shown


def _streams(call: Call) -> dict[str, int]:
    """Return the streams asked for, both going to standard output."""
    if call.flag("stdout") and call.flag("stderr"):
        raise UsageError("logs: --stdout and --stderr exclude each other; without them both are shown")
    wanted = [stream for stream in output.STREAMS if call.flag(stream)] or output.STREAMS
    return dict.fromkeys(wanted, 1)


_BEGUN = "RUNNING,SUSPENDED,UNDETERMINED"
"""States in which a job has output, an end being told of in any case."""


class _Shown:
    """One job's output on its way to us."""

    def __init__(self, access: Access, row: JobRow, streams: dict[str, int], prefixed: bool) -> None:
        self._access, self.row, self._streams = access, row, streams
        self._prefix = f"{row.id}: ".encode("ascii") if prefixed else b""
        self.begun = row.attempt - 1
        """Attempts that are shown, or were over before."""
        self.heading = False
        """Whether to say which attempt it is."""
        self.part = logpart.WHOLE
        """What is asked of its lines besides the streams."""
        self.again = False
        """Whether the files of the job's own have been shown with an earlier attempt."""

    def with_engine(self) -> bool:
        """Whether its engine has the output."""
        from proctracker.tracker import infos

        return infos.in_engine(self.row, self._access.spec(self.row))

    def starting(self) -> bool:
        """Whether its engine has yet to start it, and knows nothing of it."""
        return JobState(self.row.state).queued and not self.row.ended and self.with_engine()

    def tails(self) -> list[Tail]:
        """Its files."""
        row = self.row
        found = output.tails(self._access.home_of(row), row, self._access.spec(row), self._streams, self._prefix)
        return [each for each in found if not (self.again and each.path in (row.output, row.error))]

    def retries(self) -> bool:
        """Whether it may be tried again."""
        return bool(self._access.spec(self.row).get("retries"))

    def retried(self) -> bool:
        """Go on to the next attempt if that has begun, and return whether it has."""
        row, spec = self.row, self._access.spec(self.row)
        if not self.retries() or row.output or row.dispatched is None or attempts.logged(self._access, row):
            return False
        if not os.path.exists(output.kept(self._access.home, row.id, row.attempt + 1, "stdout", spec)):
            return False
        row.attempt += 1
        return True

    def log(self, lines: int | None, *, follow: bool) -> output.Log:
        """Its engine's log, or the last lines of that."""
        spec = self._access.spec(self.row)
        alone = next(iter(self._streams)) if len(self._streams) == 1 else None
        skip = {} if lines is None else output.lines_before(self.row, spec, lines, alone, self.part)
        saved = output.saved(self._access.home, self.row, spec)
        return output.Log(
            self.row, spec, self._streams, follow=follow, prefix=self._prefix, skip=skip, saved=saved, part=self.part
        )

    def untimed(self) -> bool:
        """Whether times are asked for of lines that are in files, which is then told of."""
        if self.part == logpart.WHOLE or self.with_engine():
            return False
        option = "--since" if self.part.since else "--timestamps"
        self._access.tell(f"job {self.row.id}: {option}: its output is in files, which hold no times of lines")
        return True

    def once(self, lines: int | None) -> None:
        """Show what there is now, and tell of a file that is no longer there."""
        if self.heading:
            formats.say(f"job {self.row.id}, attempt {self.row.attempt}:", "")
        if ends.never_started(self.row):
            formats.say(str(ends.reason(self.row)))
            return
        if self.starting():
            return
        if self.with_engine():
            if self.row.host != self._access.home.host:
                self._access.tell(f"job {self.row.id}: its output is with the engine on {self.row.host}")
                return
            log = self.log(lines, follow=False)
            log.all()
            self.complain(log)
            return
        if self.untimed():
            return
        found = self.tails()
        if lines is not None:
            tail.skip(found, lines)
        for each in found:
            self._check(each.path)
            each.all()
            self._complain_of_itself(each)

    def complain(self, log: output.Log) -> None:
        """Tell of a log that its engine does not give."""
        if log.problem:
            self._access.tell(f"job {self.row.id}: {output.WITHHELD}: {log.problem}")

    def _complain_of_itself(self, shown: Tail) -> None:
        """Tell of a file that is not shown, as that would be copying it into itself."""
        if shown.itself:
            formats.say(f"job {self.row.id}: {shown.path} is where this goes: it is not copied into itself")

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
        mine = {name: each for name, each in self._by_id.items() if each.row.host == access.home.host}
        self._afar = Afar(access, [each.row for name, each in self._by_id.items() if name not in mine])
        self._tails: list[Tail] = []
        self._logs: list[tuple[_Shown, output.Log]] = []
        from proctracker.tracker.waits import Listening

        again = [name for name, each in mine.items() if each.retries() and attempts.logged(access, each.row)]
        self._attempts = attempts.Attempts(access, again)
        queued = [name for name, each in mine.items() if each.row.dispatched is None or each.starting()]
        for name, each in mine.items():
            if name not in queued:
                self._begin(each)
        self._queued = Listening(access.place, access.place.by_keeper(queued) if queued else {}, _BEGUN)
        self._live = Listening(access.place, access.place.by_keeper(list(mine)) if mine else {}, "ended")

    def go(self) -> None:
        """Show until the end."""
        try:
            tail.follow(self._files, self._fds, self._wake, self._timeout)
            self._later(final=True)
            for each, log in self._logs:
                log.all()
                each.complain(log)
        finally:
            self._attempts.close()
            for _, log in self._logs:
                log.close()

    def _timeout(self) -> float | None:
        """Seconds after which to look, whatever comes."""
        waits = [self._afar.timeout, *(log.timeout for _, log in self._logs)]
        return min((each for each in waits if each is not None), default=None)

    def _begin(self, each: _Shown) -> None:
        """The job has started: its output can be shown."""
        if ends.never_started(each.row):
            each.once(None)
            return
        if each.row.host != self._access.home.host and each.with_engine():
            self._access.tell(f"job {each.row.id}: its output is with the engine on {each.row.host}")
            return
        several = each.retries() and attempts.logged(self._access, each.row)
        for row in attempts.since(self._access, each.row, each.begun) if several else [each.row]:
            each.row, each.begun = row, row.attempt
            if each.with_engine():
                self._logs.append((each, each.log(self._lines, follow=not row.ended)))
                continue
            if each.untimed():
                continue
            added = each.tails()
            if self._lines is not None:
                tail.skip(added, self._lines)
            self._tails += added

    def _later(self, final: bool = False) -> None:
        """Show attempts that have begun meanwhile, behind the one before."""
        for row in self._attempts.begun(final):
            each = self._by_id[row.id]
            if row.attempt > each.begun:
                each.row = row
                self._begin(each)

    def _files(self) -> list[Tail]:
        """Return the files to show, those of a next attempt once they exist."""
        for each in self._by_id.values():
            while each.retried():
                self._tails += each.tails()
        return self._tails

    def _fds(self) -> list[int]:
        waits = [*self._queued.filenos(), *self._live.filenos(), *self._attempts.fds()]
        return [*waits, *(fd for _, log in self._logs for fd in log.fds())]

    def _wake(self, ready: list[int]) -> bool:
        for _, log in self._logs:
            log.pump(ready)
            log.renew()
        for row in self._queued.ready() if self._queued.open else ():
            self._by_id[row.id].row = row
            self._begin(self._by_id[row.id])
        self._later()
        for row in self._afar.begun():
            self._by_id[row.id].row = row
            self._begin(self._by_id[row.id])
        if self._live.open:
            self._live.ready()
        return not (self._live.open or self._queued.open or self._afar.open)


def _follow(access: Access, shown: Sequence[_Shown], lines: int | None) -> None:
    """Show what has ended, then what goes on."""
    for each in shown:
        if each.row.ended:
            each.once(lines)
    if any(not each.row.ended for each in shown):
        _Following(access, shown, lines).go()
