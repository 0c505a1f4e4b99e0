"""DURATION, TIME, SIZE and index ranges as users write them (docs/reference-cli.md)."""

from __future__ import annotations

import re

from proctracker.errors import InvalidArgumentException
from proctracker.model import NOW
from proctracker.model.structs import instant, shown, written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_LARGEST = 2.0**63 - 1024
"""Seconds or bytes: what is beyond is no whole number of 63 bits."""
LARGEST_ARRAY = 1_000_000
"""Tasks of an array."""
LAST_TASK = 2**31 - 1
"""The largest number a task can have."""


def duration(value: Any, what: str = "duration") -> float:
    """Return the seconds of ``90``, ``90s``, ``1.5h``, ``2h30m`` or ``1:30:00``.

    Raises InvalidArgumentException for anything else.
    """
    text = written(value).strip().lower()
    if re.fullmatch(r"\d+:\d+(\.\d+)?", text):
        first, second = text.split(":")
        raise InvalidArgumentException(
            f"{what}: {value!r} may mean minutes or hours: write {first}:{second}:00 or 0:{first}:{second} (H:MM:SS),"
            f" or as 90s, 10m, 2h, 1d"
        )
    if re.fullmatch(r"\d+:\d+:\d+(\.\d+)?", text):
        hours, minutes, seconds = map(float, text.split(":"))
        return _counted(hours * 3600 + minutes * 60 + seconds, value, what)
    if re.fullmatch(r"(\d+(\.\d+)?[smhd]?)|((\d+(\.\d+)?[smhd])+)", text) and not isinstance(value, bool):
        total = sum(float(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+(?:\.\d+)?)([smhd]?)", text))
        return _counted(total, value, what)
    raise InvalidArgumentException(
        f"{what}: {shown(value)} is no duration: give seconds, or 90s, 10m, 2h, 1d, or H:MM:SS"
    )


def _counted(number: float, value: Any, what: str) -> float:
    """A number that was read. Raises InvalidArgumentException where nobody could count to it."""
    if number > _LARGEST:
        raise InvalidArgumentException(f"{what}: {shown(value)} is more than can be counted")
    return number


def moment(value: Any, now: float, what: str = "time") -> float:
    """Return epoch seconds of a datetime, a number, ISO 8601 or ``+DURATION`` (-2 is now)."""
    text = str(value).strip()
    if text.startswith("+"):
        return now + duration(text[1:], what)
    if text.lower() == "now" or value == NOW:
        return now
    try:
        return instant(value).timestamp()
    except ValueError:
        raise InvalidArgumentException(
            f"{what}: {shown(value)} is no time: give ISO 8601 (2026-01-31T18:00) or +DURATION (+10m)"
        ) from None


def iso(epoch: float) -> str:
    """An epoch time as ISO 8601 UTC with a Z and six digits."""
    from datetime import datetime, timezone

    return datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def size(value: Any, what: str = "size") -> int:
    """Bytes of ``1048576``, ``16M``, ``2G``, ``1.5GiB`` (binary units)."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([bkmgt]?)(?:ib|b)?", written(value).strip().lower())
    if not match or isinstance(value, bool):
        raise InvalidArgumentException(f"{what}: {shown(value)} is no size: give bytes, or 512K, 16M, 2G")
    return int(_counted(float(match[1]) * _SIZES[match[2]], value, what))


def indices(text: str) -> list[int]:
    """The task numbers of ``1-10``, ``1-10:2``, ``3,7,12-20``, in order, from 1."""
    found: list[int] = []
    for part in str(text).split(","):
        match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18})(?::(\d{1,18}))?)?", part.strip())
        if not match:
            raise InvalidArgumentException(f"{text!r} is no range: give 1-10, 1-10:2 or 3,7,12-20")
        first, step = int(match[1]), int(match[3] or 1)
        last = int(match[2] or first)
        if first < 1 or last < first or step < 1:
            raise InvalidArgumentException(f"{text!r} is no range: tasks count from 1, upwards")
        if len(found) + (last - first) // step >= LARGEST_ARRAY:
            raise InvalidArgumentException(f"{text!r}: an array has at most {LARGEST_ARRAY} tasks")
        if last > LAST_TASK:
            raise InvalidArgumentException(f"{text!r} is no range: the last number is {LAST_TASK}")
        found += range(first, last + 1, step)
    if len(set(found)) != len(found):
        raise InvalidArgumentException(f"{text!r} names a task twice")
    return found
