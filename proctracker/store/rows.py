"""What the store gives back beside job rows, and the integer by which it knows a job."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from proctracker.model import JobRow
from proctracker.records import NamedTuple
from proctracker.store.schema import COLUMNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ALL = ", ".join(COLUMNS)
"""The columns that make a JobRow."""

ARRAY = "SELECT num, session, spec, indices, max_parallel, items FROM arrays WHERE num=?"
UNSET: Mapping[str, Any] = {
    **dict.fromkeys("input output error name start_time deadline time_limit resubmitted_from start_timeout".split()),
    **dict.fromkeys("output_dir cli_timeout stdin call".split()),
    **dict.fromkeys("runtime_containers append join hold rerunnable remove keep_input over".split(), False),
    "engine": {},
    "after": [],
    "after_any": [],
    "max_parallel": 0,
    "output_limit": 0,
}
"""What a stored spec leaves out."""

CHUNK = 900
"""Ids in one statement, of which SQLite before 3.32 takes 999."""


class SessionRow(NamedTuple):
    """Describes a session.

    ``max_running`` is 0 for no limit and -1 for none of its own, ``created`` in epoch seconds.
    """

    name: str
    contact: str
    max_running: int
    created: float


class ArrayRow(NamedTuple):
    """Describes an array.

    Indices of its tasks, how many may run at once (0: all), for each task a text, its fields, or None.
    """

    num: int
    session: str
    spec: int
    indices: list[int]
    max_parallel: int
    items: list[str] | list[list[str]] | None = None


class TransitionRow(NamedTuple):
    """Describes a state change.

    ``seq`` grows and is never used twice, ``time`` is in epoch seconds.
    """

    seq: int
    job_id: str
    attempt: int
    time: float
    state: int
    sub_state: str | None


def array_row(row: tuple[Any, ...]) -> ArrayRow:
    """An array as ``ARRAY`` fetched it."""
    num, session, spec, indices, max_parallel, items = row
    return ArrayRow(num, session, spec, json.loads(indices), max_parallel, json.loads(items) if items else None)


def row_key(row: JobRow) -> int:
    """The key of a row: its number, then its task, so keys have the order of jobs."""
    return row.num << 32 | (row.task or 0)


def key(job_id: str) -> int:
    """Return the key of a job id, ``42`` or ``43_1``, or -1, which no job has."""
    number, _, task = job_id.partition("_")
    try:
        found = int(number) << 32 | int(task or 0)
    except ValueError:
        return -1
    return found if 0 < found < 1 << 63 and id_of(found) == job_id else -1


def keys(ids: Iterable[str]) -> list[int]:
    """Return the keys of job ids, leaving out what is none."""
    return [found for found in map(key, ids) if found >= 0]


def id_of(number: int) -> str:
    """The job id of a key."""
    task = number & 0xFFFFFFFF
    return f"{number >> 32}_{task}" if task else str(number >> 32)


def marks(count: int) -> str:
    """``(?,?,?)`` for so many values."""
    return f"({','.join('?' * count)})"
