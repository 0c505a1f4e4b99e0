"""Refreshes jobs that a scheduler has, by their supervisors' looks."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import JobRow, JobState
from proctracker.records import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

    from proctracker.client.client import Client

    Read = Callable[[Sequence[str]], Sequence[JobRow]]


def of_scheduler(row: JobRow) -> bool:
    """Whether a scheduler has, or had, a job: it is no host's then."""
    return row.container is not None and runtimes.get(row.runtime).batch is not None


def handed_over(row: JobRow) -> bool:
    """Whether a scheduler has a job now, or may have it."""
    return not row.ended and of_scheduler(row)


def pends(row: JobRow) -> bool:
    """Whether a job waits with its scheduler, and has not run so far."""
    return of_scheduler(row) and row.running_since is None and not row.ran and (not row.ended or not row.nodes)


def refreshed(
    rows: Sequence[JobRow], host: str, client: Callable[[str | None], Client], read: Read, tell: Callable[[str], None]
) -> list[JobRow]:
    """Return the rows, a scheduler's read again after a look.

    ``client`` gives the client of a row's keeper, and (None) ours, which looks for jobs of other hosts than ``host`` too; one
    that does not run is started, as nobody else looks. ``read`` reads the store of this host.
    """
    groups: dict[str | None, list[str]] = {}
    for row in rows:
        if handed_over(row):
            groups.setdefault(row.keeper if row.host in ("", host) else None, []).append(row.id)
    if not groups:
        return list(rows)
    fresh: dict[str, JobRow] = {}
    unseen: dict[str, str] = {}
    for keeper, ids in groups.items():
        try:
            told = client(keeper).call("refresh", ids=ids)
        except Drmaa2Exception as error:
            told = {"wrong": error.message, "rows": []}
        if told["wrong"]:
            tell(told["wrong"])
        if told["wrong"] and not told.get("late"):
            unseen.update(dict.fromkeys(ids, told["wrong"]))
        fresh.update((row.id, row) for row in (JobRow(*values) for values in told["rows"]))
    fresh.update((row.id, row) for row in read([name for ids in groups.values() for name in ids]))
    return [_unseen(fresh.get(row.id, row), unseen.get(row.id)) for row in rows]


def _unseen(row: JobRow, wrong: str | None) -> JobRow:
    """Return a row as told while its scheduler cannot be asked, its state unknown."""
    if wrong is None or row.ended or row.container_id is None:
        return row
    return replace(row, state=int(JobState.UNDETERMINED), sub_state=None, annotation=wrong)
