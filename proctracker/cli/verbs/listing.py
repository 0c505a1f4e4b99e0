"""``ps`` and ``info``: what there is, as a table, as keys and values, as JSON."""

from __future__ import annotations

import sys
import time
from collections import Counter

from proctracker.cli import columns, formats
from proctracker.cli.access import Access
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError, nearest_word, text
from proctracker.model import JobInfo, JobRow, JobState, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Sequence

_HEAD = ["ID", "NAME", "STATE", "CONTACT", "COMMAND", "START", "WALL", "EXIT"]
_COMMAND_WIDTH = 40
_REASON_WIDTH = 16
"""Columns that a reason needs to tell something."""
_NO_KEYS = ("stdout", "stderr")
"""Attributes of JobInfo that only ``run(capture_output=True)`` sets."""

REFRESH = 2.0
"""Seconds between two tables of ``ps --watch`` and ``top``."""


def ps(call: Call) -> int:
    """List jobs: the live ones, with ``-a`` or a state that is an end all."""
    if call.words:
        raise UsageError(f"ps takes no job ids: `proctracker info {formats.safe(call.words[0])}` tells about one")
    states = read_states(text(call.values, "state"))
    columns.asked(call.values)
    if not call.flag("watch"):
        return _ps_once(call, Access(call), states)
    from proctracker.cli.keys import Keys

    with Keys() as keys:
        while True:
            access = Access(call)
            if sys.stdout.isatty():
                formats.write("\x1b[H\x1b[2J")
            _ps_once(call, access, states)
            sys.stdout.flush()
            access.close()
            if keys.leave(REFRESH):
                return 0


def _ps_once(call: Call, access: Access, states: list[int] | None) -> int:
    ended = call.flag("all") or any(JobState(state).ended or not state for state in states or ())
    hosts = call.flag("all_hosts")
    rows = access.refreshed(access.rows(live=None if ended else True, states=states, all_hosts=hosts))
    rows = _sorted([row for row in rows if ended or not row.ended], call)
    if call.flag("json"):
        formats.write(formats.dump_json([record(info) for info in access.infos(rows)]))
        return 0
    if call.flag("quiet"):
        formats.write("".join(f"{row.id}\n" for row in rows))
        return 0
    names = columns.asked(call.values)
    if names:
        formats.write(columns.shown(access.infos(rows), names, call.flag("tsv")))
        return 0
    rows = access.looked(rows)
    formats.write(_table(rows, session=call.session is None, host=hosts))
    _remarks(access, rows, hosts)
    return 0


def _sorted(rows: list[JobRow], call: Call) -> list[JobRow]:
    """The rows of the name asked for, in the order asked for."""
    name, key = text(call.values, "name"), text(call.values, "sort")
    found = rows if name is None else [row for row in rows if row.name == name]
    if key is None:
        return found
    word, now = key.lower().lstrip("-"), time.time()
    if word not in _SORTS:
        raise UsageError(f"--sort: no key {word!r}{nearest_word(word, _SORTS)}: {' '.join(_SORTS)}")
    return sorted(found, key=lambda row: _SORTS[word](row, now), reverse=key.startswith("-"))


def read_states(word: str | None) -> list[int] | None:
    """Return the numbers of states named, ``RUNNING,SUSPENDED``, or raise UsageError."""
    if word is None:
        return None
    found = []
    for name in word.upper().replace("-", "_").split(","):
        if name not in JobState.__members__:
            near = nearest_word(name, JobState.__members__)
            raise UsageError(f"--state: no state {name!r}{near}: {' '.join(JobState.__members__)}")
        found.append(int(JobState[name]))
    return found


def _remarks(access: Access, rows: Sequence[JobRow], hosts: bool) -> None:
    """What a reader of the list should know besides."""
    elsewhere = 0 if hosts else access.reader.live_elsewhere()
    if elsewhere:
        jobs = "1 live job" if elsewhere == 1 else f"{elsewhere} live jobs"
        formats.say(f"{jobs} on other hosts: ps --all-hosts")
    _left(access, _queued(access, rows))


def _queued(access: Access, rows: Sequence[JobRow]) -> list[JobRow]:
    """Jobs of this host that wait for their turn."""
    mine = [row for row in rows if row.host == access.home.host and not row.ended]
    return [row for row in mine if row.state in (JobState.QUEUED, JobState.REQUEUED)]


def _left(access: Access, queued: Sequence[JobRow]) -> None:
    """Say that queued jobs wait for somebody, as after a reboot."""
    if queued and not (access.supervised(queued) and not (access.supervisor_told() or {}).get("paused")):
        formats.say(f"{len(queued)} queued wait for a start: `proctracker session start` lets them go on")


def _table(rows: Sequence[JobRow], *, session: bool, host: bool) -> str:
    """Return the table, with the reasons of waiting where the terminal is wide enough."""
    head = [*_HEAD[:1], *(["HOST"] if host else []), *(["SESSION"] if session else []), *_HEAD[1:]]
    now = time.time()
    lines = []
    for shown, row in _folded(rows):
        cells = [shown, *([row.host] if host else []), *([row.session] if session else [])]
        lines.append([*cells, *_cells(row, now)])
    table, width = formats.table(head, lines), formats.terminal_width()
    reasons = [_waiting(row) for _, row in _folded(rows)]
    room = width is None or width - max(map(len, table.splitlines())) >= _REASON_WIDTH
    if not any(reasons) or not room:
        return table
    return formats.table([*head, "REASON"], [[*line, why] for line, why in zip(lines, reasons)], width)


def _waiting(row: JobRow) -> str:
    """Why a queued job has not started."""
    queued = not row.ended and JobState(row.state).queued
    return (row.annotation or row.sub_state or "") if queued else ""


def _cells(row: JobRow, now: float) -> list[str]:
    command = command_of(row)
    if len(command) > _COMMAND_WIDTH:
        command = command[: _COMMAND_WIDTH - 1] + "…"
    return [
        row.name or "-",
        JobState(row.state).name,
        formats.contact(row.contact),
        command or "-",
        formats.local_time(began(row)),
        formats.duration(wall(row, now)),
        how(row),
    ]


def command_of(row: JobRow) -> str:
    """A row's command as one would type it."""
    import json

    return formats.command_line(json.loads(row.command))


def began(row: JobRow) -> float | None:
    """Return when a job was started, or None for one that waits, be it with its scheduler."""
    if row.dispatched is None or row.running_since is not None or row.ran:
        return row.dispatched
    from proctracker.tracker import schedulers

    return None if schedulers.pends(row) else row.dispatched


def wall(row: JobRow, now: float) -> float | None:
    """Return the seconds a job has run, without suspensions, or None if not known."""
    if row.running_since is None:
        return None if row.unseen or began(row) is None else row.ran
    from proctracker.tracker import walls

    return walls.wall(row, now=now)


def how(row: JobRow) -> str:
    """How a job ended, in a word: code, signal, or the reason there is neither."""
    if not row.ended:
        return "-"
    if row.exit_status is not None:
        return str(row.exit_status)
    return row.signal or row.sub_state or "-"


_SORTS: dict[str, Callable[[JobRow, float], Any]] = {
    "id": lambda row, now: (row.host, row.num, row.task or 0),
    "name": lambda row, now: row.name or "",
    "state": lambda row, now: row.state,
    "session": lambda row, now: row.session,
    "contact": lambda row, now: row.contact,
    "start": lambda row, now: began(row) or float("inf"),
    "wall": lambda row, now: wall(row, now) or 0.0,
    "exit": lambda row, now: (row.exit_status is None, row.exit_status or 0),
}
"""A column of the table -> what it is sorted by."""


def _folded(rows: Iterable[JobRow]) -> list[tuple[str, JobRow]]:
    """Fold queued tasks of an array that follow each other into ``43_[9-500]``."""
    found: list[tuple[str, JobRow]] = []
    first: JobRow | None = None
    last = 0
    for row in rows:
        same = first is not None and (row.num, row.state, row.sub_state) == (first.num, first.state, first.sub_state)
        if same and row.task is not None and first is not None and not row.ended and JobState(row.state).queued:
            last = row.task
            found[-1] = (f"{row.num}_[{first.task}-{last}]", first)
            continue
        first = row
        found.append((row.id, row))
    return found


def record(info: JobInfo) -> dict[str, Any]:
    """A job as JSON has it: every key, unset ones null."""
    return {name: plain(getattr(info, name)) for name in info.names() if name not in _NO_KEYS}


def info(call: Call) -> int:
    """Tell everything about jobs."""
    if not call.words:
        raise UsageError("info: name jobs: proctracker info ID…")
    from proctracker.tracker.infos import add_usage

    access = Access(call)
    rows = access.named(call.words, read_only=True)
    infos = access.infos(rows)
    for found, row in zip(infos, rows):
        if not row.ended and row.host == access.home.host:
            add_usage(found, row)
    if call.flag("json"):
        formats.write(formats.dump_json([record(info) for info in infos]))
    else:
        formats.write("\n".join([*_summaries(infos, call.words), *map(_paragraph, infos)]))
    _left(access, _queued(access, rows))
    return 1 if access.failed else 0


_LABELS = {"max_rss_at_most": "max_rss"}
"""An attribute that people are told under another's name."""


def _summaries(infos: Iterable[JobInfo], words: Sequence[str]) -> list[str]:
    """How the tasks of each array stand that was named as a whole."""
    found: dict[str, Counter[str]] = {}
    names: dict[str, str | None] = {}
    for each in infos:
        if each.array_id and each.job_state is not None and {each.array_id, each.job_name} & {*words}:
            found.setdefault(each.array_id, Counter())[each.job_state.name] += 1
            names[each.array_id] = each.job_name
    return [
        f"array_id: {array}\n{f'job_name: {formats.safe(names[array])}' + chr(10) if names[array] else ''}"
        f"tasks: {sum(states.values())}, {', '.join(f'{number} {state}' for state, number in states.most_common())}\n"
        for array, states in found.items()
    ]


def _paragraph(info: JobInfo) -> str:
    """``key: value`` lines of what is set."""
    lines = []
    for name in info.names():
        value = getattr(info, name)
        if value is not None and name not in _NO_KEYS:
            lines.append(f"{_LABELS.get(name, name)}: {_shown(name, value)}\n")
    return "".join(lines)


def _shown(name: str, value: Any) -> str:
    if name == "command":
        return formats.command_line(value)
    if isinstance(value, float):
        return f"{value:.3f} s" if value < 60 else f"{value:.3f} s ({formats.duration(value)})"
    if name == "max_rss":
        return f"{value} KiB"
    if name == "max_rss_at_most":
        return f"at most {-(-value // 1024)} MiB"
    if isinstance(value, (list, tuple)):
        return formats.safe(", ".join(str(item) for item in value))
    return formats.safe(plain(value))
