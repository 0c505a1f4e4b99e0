"""``events`` and ``top``: what changes."""

from __future__ import annotations

import sys
import time
from contextlib import closing

from proctracker.cli import formats, listing
from proctracker.cli.access import Access
from proctracker.cli.main import Call
from proctracker.cli.options import UsageError, number
from proctracker.supervisor.polling import readable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable

    from proctracker.model import JobRow

_HEAD = ["ID", "SESSION", "STATE", "CPU", "MEMORY", "TIME", "WALL", "COMMAND"]
_KIB = (("G", 2**20), ("M", 2**10))


def events(call: Call) -> int:
    """Tell how jobs changed their states; with ``-f`` go on."""
    if call.words:
        raise UsageError("events takes no job ids; `-s SESSION` narrows it")
    access = Access(call)
    name = access.session
    if not call.flag("follow"):
        for change in _past(access, name):
            _print(call, change)
        return 0
    with closing(access.client.follow(name, since=0)) as follow:
        while True:
            for change in follow.receive():
                _print(call, change)
            sys.stdout.flush()
            readable([follow.fileno()], None)


def _past(access: Access, session: str | None) -> Iterable[dict[str, Any]]:
    """The changes the store knows, oldest first."""
    found = access.reader.transitions(session=session)
    sessions = {row.id: row.session for row in access.reader.jobs(session=session)}
    for change in found:
        yield {
            "job_id": change.job_id,
            "session": sessions.get(change.job_id),
            "attempt": change.attempt,
            "time": change.time,
            "state": change.state,
            "sub_state": change.sub_state,
        }


def _print(call: Call, change: dict[str, Any]) -> None:
    from proctracker.model import JobState

    state = JobState(change["state"]).name
    if call.flag("json"):
        import json

        from proctracker.templates.quantities import iso

        record = {
            "time": iso(change["time"]),
            "job_id": change["job_id"],
            "session_name": change["session"],
            "job_state": state,
            "job_sub_state": change["sub_state"],
            "attempt": change["attempt"],
        }
        formats.write(json.dumps(record) + "\n")
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(change["time"]))
    sub_state = f" ({formats.safe(change['sub_state'])})" if change["sub_state"] else ""
    formats.write(f"{when}  {change['job_id']}  {state}{sub_state}\n")


def top(call: Call) -> int:
    """Show what running jobs use, again and again; once where stdout is no terminal."""
    call.no_words()
    terminal = sys.stdout.isatty()
    times = number(call.values, "times", least=1) or (0 if terminal else 1)
    before: dict[str, tuple[float, float]] = {}
    shown = 0
    while True:
        access = Access(call)
        rows = access.looked(access.rows(live=True))
        lines = [line for line in (_line(row, before) for row in rows) if line]
        formats.write(("\x1b[H\x1b[2J" if terminal else "") + formats.table(_HEAD, lines, formats.terminal_width()))
        sys.stdout.flush()
        access.close()
        shown += 1
        if shown == times:
            return 0
        time.sleep(listing.REFRESH)


def _line(row: JobRow, before: dict[str, tuple[float, float]]) -> list[str] | None:
    """A job's usage, None where it has no process; the share of processors is that since the last look, at first of all."""
    from proctracker import procs
    from proctracker.model import JobState

    now = time.time()
    used = None if row.pid is None else procs.usage(row.pid)
    if used is None:
        return None
    wall = listing.wall(row, now) or 0.0
    then, cpu_then = before.get(row.id, (now - wall, 0.0))
    before[row.id] = (now, used.cpu)
    share = 100 * max(0.0, used.cpu - cpu_then) / max(now - then, 1e-3)
    state = JobState(row.state).name
    cells = [row.id, row.session, state, f"{share:.0f}%", size(used.rss), formats.duration(used.cpu)]
    return [*cells, formats.duration(wall), listing.command_of(row)]


def size(kib: int) -> str:
    """KiB as ``512K``, ``1.5M``, ``2.0G``."""
    for unit, many in _KIB:
        if kib >= many:
            return f"{kib / many:.1f}{unit}"
    return f"{kib}K"
