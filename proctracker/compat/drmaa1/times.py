"""Times and durations as DRMAA 1 writes them (GFD.133, 3.2.2)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_STAMP = re.compile(
    r"(?:(?:(?:(?P<century>\d\d)?(?P<year>\d\d)/)?(?P<month>\d\d?)/)?(?P<day>\d\d?)\s+)?"
    r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d))?\s*(?P<zone>[-+]\d\d:?\d\d)?"
)
"""``[[[[CC]YY/]MM/]DD] hh:mm[:ss] [{-|+}UU:uu]``"""

_UNTIL_FEBRUARY_29 = 8 * 366
"""Days after which every partial date has come again."""


def stamp(text: str, now: datetime | None = None) -> datetime:
    """Read a partial timestamp as the soonest time to come, or ISO 8601, or raise ValueError."""
    found = _STAMP.fullmatch(text.strip())
    if found is None:
        from proctracker.model.structs import instant

        return instant(text)
    offset = found["zone"]
    now = datetime.now(timezone.utc) if now is None else now
    here = now.astimezone(_zone(offset) if offset else None)
    parts = {name: int(value) for name, value in found.groupdict().items() if value and name not in ("zone", "century")}
    if "year" in parts:
        century = int(found["century"]) if found["century"] else here.year // 100
        return _at(century * 100 + parts["year"], parts["month"], parts["day"], parts, offset)
    for days in range(_UNTIL_FEBRUARY_29):
        day = here.date() + timedelta(days)
        if parts.get("day", day.day) == day.day and parts.get("month", day.month) == day.month:
            when = _at(day.year, day.month, day.day, parts, offset)
            if when >= now.replace(microsecond=0) or (days == 0 and when > now - timedelta(seconds=60)):
                return when
    raise ValueError(f"{text!r} is no date")


def _zone(offset: str) -> timezone:
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def _at(year: int, month: int, day: int, parts: dict[str, int], offset: str | None) -> datetime:
    """A moment of a day, in a zone or the local one."""
    local = datetime(year, month, day, parts["hour"], parts["minute"], parts.get("second", 0))
    return local.replace(tzinfo=_zone(offset)) if offset else local.astimezone()


def seconds(value: object) -> int:
    """Seconds of a limit: a number, or ``[[h:]m:]s``. ValueError for anything else."""
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"(\d+:){0,2}\d+", text, re.ASCII):
        raise ValueError(f"{value!r} is no number of seconds, nor [[h:]m:]s")
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total
