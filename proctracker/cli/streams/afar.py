"""Reads the rows of other hosts' jobs again and again, as no kernel tells of them."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable

    from proctracker.cli.access import Access
    from proctracker.model import JobRow

LOOK = 1.0
"""Seconds between two looks at the store of another host."""


class Afar:
    """Live jobs of other hosts until all of them have ended."""

    def __init__(self, access: Access, rows: Iterable[JobRow]) -> None:
        self._access = access
        self._rows = {row.id: row for row in rows}
        self._due = 0.0
        self._begun = dict.fromkeys(self._rows, 0)
        """The newest attempt of each job that was told of."""

    @property
    def open(self) -> bool:
        """Whether one of them lives as far as was seen."""
        return bool(self._rows)

    @property
    def timeout(self) -> float | None:
        """Return the seconds after which to ask again, or None once all have ended."""
        return max(0.0, self._due - time.monotonic()) if self._rows else None

    def begun(self) -> list[JobRow]:
        """The rows of attempts that have begun, or of jobs that have ended without one, each once."""
        if not self._rows or time.monotonic() < self._due:
            return []
        found = []
        # A job that was reaped meanwhile is not among them.
        now = self._access.again(list(self._rows.values()))
        for row in now:
            fresh = row.attempt > self._begun[row.id]
            if fresh and (row.dispatched is not None or row.ended):
                self._begun[row.id] = row.attempt
                found.append(row)
        self._rows = {row.id: row for row in now if not row.ended}
        self._due = time.monotonic() + LOOK
        return found
