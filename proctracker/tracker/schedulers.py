"""Jobs that a scheduler has, as they are now: their supervisor looks, at most once in some seconds, and writes down what it saw."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

    from proctracker.client.client import Client
    from proctracker.model import JobRow

    Read = Callable[[Sequence[str]], Sequence[JobRow]]


def handed_over(row: JobRow) -> bool:
    """Whether a scheduler has a job, or may have it: it is no host's then."""
    return not row.ended and row.container is not None and runtimes.get(row.runtime).batch is not None


def refreshed(
    rows: Sequence[JobRow], client: Callable[[str], Client], read: Read, tell: Callable[[str], None]
) -> list[JobRow]:
    """The rows, those of jobs that a scheduler has read again once their supervisors have looked; ``tell`` why they could not.

    ``client`` gives the client of a row's keeper; one that does not run is started, as nobody else looks.
    """
    groups: dict[str, list[str]] = {}
    for row in rows:
        if handed_over(row):
            groups.setdefault(row.keeper, []).append(row.id)
    if not groups:
        return list(rows)
    for keeper, ids in groups.items():
        try:
            wrong = client(keeper).call("refresh", ids=ids)
        except Drmaa2Exception as error:
            wrong = error.message
        if wrong:
            tell(str(wrong))
    fresh = {row.id: row for row in read([name for ids in groups.values() for name in ids])}
    return [fresh.get(row.id, row) for row in rows]
