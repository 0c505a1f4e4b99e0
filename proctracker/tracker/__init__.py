"""Offers JobTracker, the ten verbs over one session's jobs of one contact."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.tracker.jobtracker import JobTracker

__all__ = ["JobTracker"]


def __getattr__(name: str) -> object:
    """Import the tracker when it is first used: commands that only read do without."""
    if name != "JobTracker":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from proctracker.tracker.jobtracker import JobTracker

    return JobTracker
