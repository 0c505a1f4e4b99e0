"""What a check of ``doctor`` found."""

from __future__ import annotations

from proctracker.records import NamedTuple


class Check(NamedTuple):
    """One thing looked at. ``advice`` is what to do, where something should be done."""

    name: str
    grade: str
    text: str
    advice: str | None = None
