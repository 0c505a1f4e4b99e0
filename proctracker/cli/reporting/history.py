"""Collects what a report tells of jobs: their infos, changes of state, last lines."""

from __future__ import annotations

from proctracker.cli.reporting.lastlines import last_lines
from proctracker.cli.verbs import listing
from proctracker.model import JobInfo, JobRow, JobState
from proctracker.records import NamedTuple
from proctracker.store.rows import TransitionRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List, Sequence

    from proctracker.cli.access import Access

VERSION = 1
"""Of what ``report --json`` prints."""

_MEASURED = 200
"""Live jobs whose usage is asked for, each by a look at its processes."""


class Past(NamedTuple):
    """Holds a job and what became of it.

    ``lines`` are the last that it wrote, by stream, if it ended and is not DONE.
    """

    row: JobRow
    info: JobInfo
    changes: List[TransitionRow]
    lines: Dict[str, List[str]]


class Report(NamedTuple):
    """Jobs with their past, and where and when they were looked at (epoch seconds)."""

    session: str | None
    host: str
    owner: str
    made: float
    jobs: List[Past]


def report(access: Access, rows: Sequence[JobRow]) -> Report:
    """Make the report of these jobs as they are now."""
    import time

    from proctracker.tracker.infos import add_usage, owner

    made, found = time.time(), access.infos(rows)
    live = [(info, row) for info, row in zip(found, rows) if not row.ended and row.host == access.home.host]
    for info, row in live[-_MEASURED:]:
        add_usage(info, row)
    changes = access.changes(rows)
    failed = [row for row, info in zip(rows, found) if row.ended and info.job_state != JobState.DONE]
    lines = last_lines(access, failed)
    past = [Past(row, info, changes.get(row.id, []), lines.get(row.id, {})) for row, info in zip(rows, found)]
    return Report(access.call.session, access.home.host, owner(), made, past)


def as_json(found: Report) -> dict[str, Any]:
    """Return the report as JSON has it, ``states`` oldest first."""
    from proctracker import __version__
    from proctracker.templates.quantities import iso

    return {
        "report": VERSION,
        "proctracker": __version__,
        "time": iso(found.made),
        "host": found.host,
        "job_owner": found.owner,
        "session_name": found.session,
        "jobs": [
            {**listing.record(past.info), "states": _states(past.changes), "last_lines": past.lines or None}
            for past in found.jobs
        ],
    }


def _states(changes: Iterable[TransitionRow]) -> list[dict[str, Any]]:
    from proctracker.templates.quantities import iso

    return [
        {
            "time": iso(change.time),
            "job_state": JobState(change.state).name,
            "job_sub_state": change.sub_state,
            "attempt": change.attempt,
        }
        for change in changes
    ]
