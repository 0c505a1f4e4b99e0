"""``top``: what running jobs use, again and again."""

from __future__ import annotations

import sys
import time
from collections import Counter

from proctracker.cli import formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.keys import Keys
from proctracker.cli.options import number
from proctracker.cli.verbs import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

    from proctracker.model import JobRow

_HEAD = ["ID", "SESSION", "STATE", "CPU", "MEMORY", "TIME", "WALL", "COMMAND"]
_KIB = (("G", 2**20), ("M", 2**10))


def top(call: Call) -> int:
    """Show what running jobs use until ``q``, or once without a terminal."""
    call.no_words()
    terminal = sys.stdout.isatty()
    times = number(call.values, "times", least=1) or (0 if terminal else 1)
    before: dict[str, tuple[float, float]] = {}
    shown = 0
    with Keys() as keys:
        while True:
            access = Access(call)
            text = _shown(access.looked(access.rows(live=True)), before)
            formats.write(f"\x1b[H\x1b[2J{text}" if terminal else text)
            sys.stdout.flush()
            access.close()
            shown += 1
            if shown == times or keys.leave(listing.REFRESH):
                return 0


class _Used:
    """What one job uses now."""

    def __init__(self, row: JobRow, cpu: float, share: float, rss: int, wall: float) -> None:
        self.row, self.cpu, self.share, self.rss, self.wall = row, cpu, share, rss, wall


def _shown(rows: Sequence[JobRow], before: dict[str, tuple[float, float]]) -> str:
    """A line about all jobs, and the table of those that have a process."""
    used = [each for each in (_used(row, before) for row in rows) if each]
    width = formats.terminal_width()
    line = _summary(rows, used)
    cut = line if width is None or len(line) <= width else line[: width - 1] + "…"
    return f"{cut}\n{formats.table(_HEAD, map(_cells, used), width)}"


def _summary(rows: Sequence[JobRow], used: Sequence[_Used]) -> str:
    """How many jobs there are in which states, and what they use together."""
    from proctracker.model import JobState

    states = Counter(JobState(row.state).name for row in rows)
    told = "".join(f", {number} {state}" for state, number in states.most_common())
    share, rss = sum(each.share for each in used), sum(each.rss for each in used)
    jobs = "1 job" if len(rows) == 1 else f"{len(rows)} jobs"
    return f"{time.strftime('%H:%M:%S')}  {jobs}{told}; cpu {share:.0f}%, memory {size(rss)}"


def _used(row: JobRow, before: dict[str, tuple[float, float]]) -> _Used | None:
    """Return a job's usage since the last look, or None where it has no process."""
    from proctracker import procs
    from proctracker.tracker import schedulers

    now = time.time()
    elsewhere = row.pid is None or schedulers.of_scheduler(row)  # a pid of another machine says nothing here
    used = None if elsewhere else procs.usage(row.pid or 0)
    if used is None:
        return None
    wall = listing.wall(row, now) or 0.0
    then, cpu_then = before.get(row.id, (now - wall, 0.0))
    before[row.id] = (now, used.cpu)
    share = 100 * max(0.0, used.cpu - cpu_then) / max(now - then, 1e-3)
    return _Used(row, used.cpu, share, used.rss, wall)


def _cells(used: _Used) -> list[str]:
    from proctracker.model import JobState

    row = used.row
    cells = [row.id, row.session, JobState(row.state).name, f"{used.share:.0f}%", size(used.rss)]
    return [*cells, formats.duration(used.cpu), formats.duration(used.wall), listing.command_of(row)]


def size(kib: int) -> str:
    """KiB as ``512K``, ``1.5M``, ``2.0G``."""
    for unit, many in _KIB:
        if kib >= many:
            return f"{kib / many:.1f}{unit}"
    return f"{kib}K"
