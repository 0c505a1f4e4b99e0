"""Marks by which what belongs to a job is known."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.model.row import JobRow


def group_name(row: JobRow) -> str:
    """Return the name of the control group of a job's present attempt."""
    return f"job-{row.id}.{row.attempt}"
