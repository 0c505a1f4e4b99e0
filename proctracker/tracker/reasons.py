"""Finds why queued jobs have not started: held, a dependency, a time, no slot, an engine."""

from __future__ import annotations

import time
from copy import copy

from proctracker.model import JobRow, JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Sequence, Tuple

    from proctracker.config import Config
    from proctracker.store import Reader

    Why = Tuple[str, str]

_HELD = (JobState.QUEUED_HELD, JobState.REQUEUED_HELD)
_TOLD = 3
"""Jobs named of many that are waited for."""

_FEW = 10
"""Jobs whose conditions are read one by one: those of all that wait are one read, as long as that takes."""


def explained(rows: Sequence[JobRow], reader: Reader, config: Config) -> list[JobRow]:
    """Return the rows, those of queued jobs here with the reason in sub-state and annotation."""
    mine = [row for row in rows if _queued(row) and row.host in ("", reader.home.host)]
    if not mine:
        return list(rows)
    known = {row.id: why for row, why in zip(mine, Reasons(reader, config).of(mine)) if why}
    return [_with(row, *known[row.id]) if row.id in known else row for row in rows]


def _queued(row: JobRow) -> bool:
    if row.state in _HELD:
        return not row.ended  # its scheduler may have it
    return not row.ended and row.dispatched is None and row.state == JobState.QUEUED


def _with(row: JobRow, word: str, sentence: str) -> JobRow:
    found = copy(row)
    found.sub_state = word if row.sub_state is None else row.sub_state
    found.annotation = row.annotation or sentence
    return found


class Reasons:
    """What the store tells of jobs that wait, each thing asked once."""

    def __init__(self, reader: Reader, config: Config) -> None:
        self._reader, self._config, self._now = reader, config, time.time()
        self._conditions: set[int] | None = None
        self._used: dict[str, int] | None = None
        self._by_array: dict[int, int] = {}
        self._limits: dict[str, int] = {}
        self._arrays: dict[int, int] = {}
        self._waits: dict[int, Why | None] = {}

    def of(self, rows: Iterable[JobRow]) -> list[Why | None]:
        """Return why each has not started, as a word and a sentence, or None."""
        rows = list(rows)
        if len(rows) > _FEW:
            self._conditions = self._reader.conditional()
        return [self._of(row) for row in rows]

    def _of(self, row: JobRow) -> Why | None:
        if row.state in _HELD:
            return "held", "it is held until `release`"
        if self._conditions is None or row.spec in self._conditions:
            if row.spec not in self._waits:
                self._waits[row.spec] = self._condition(row.spec)
            found = self._waits[row.spec]
            if found:
                return found
        full = self._full(row)
        if full:
            return "max-running", full
        return ("engine", "its engine is starting it, or others before it") if row.category else None

    def _condition(self, number: int) -> Why | None:
        """What a spec says that must be first."""
        spec = self._reader.spec(number)
        live = [name for name in [*spec.get("after", ()), *spec.get("after_any", ())] if self._lives(name)]
        if live:
            more = f" and {len(live) - _TOLD} more" if len(live) > _TOLD else ""
            return "dependency", f"it starts after {' '.join(live[:_TOLD])}{more}"
        start = spec.get("start_time")
        if start is not None and start > self._now:
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start))
            return "start-time", f"it starts at {when}"
        return None

    def _lives(self, name: str) -> bool:
        """Whether a job, or a task of an array, has not ended."""
        states = self._reader.states([name])
        if states:
            return states[name][2] is None
        return name.isdigit() and bool(self._reader.ids(array=int(name), live=True, limit=1))

    def _full(self, row: JobRow) -> str | None:
        """Which bound of slots a job has come to."""
        used = self._count()
        if row.task is not None:
            if row.num not in self._arrays:
                array = self._reader.array(row.num)
                self._arrays[row.num] = array.max_parallel if array else 0
            most = self._arrays[row.num]
            if most and self._by_array.get(row.num, 0) >= most:
                return f"array {row.num} runs {most} at once (max_parallel)"
        session = self._limit(row.session)
        if session and used.get(row.session, 0) + row.slots > session:
            return f"session {row.session} runs {used.get(row.session, 0)} of {session} at once (max_running)"
        host = self._config.max_running_host
        if host and sum(used.values()) + row.slots > host:
            return f"this host runs {sum(used.values())} of {host} at once (max_running_host)"
        return None

    def _limit(self, name: str) -> int:
        """Return a session's bound, or the configuration's, 0 for none."""
        if name not in self._limits:
            found = self._reader.session(name)
            limit = found.max_running if found else -1
            self._limits[name] = limit if limit >= 0 else self._config.max_running
        return self._limits[name]

    def _count(self) -> dict[str, int]:
        """The slots that are held, by session."""
        if self._used is None:
            self._used = {}
            for session, number, task, slots in self._reader.slots_taken():
                self._used[session] = self._used.get(session, 0) + slots
                if task is not None:
                    self._by_array[number] = self._by_array.get(number, 0) + 1
        return self._used
