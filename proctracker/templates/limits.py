"""DRMAA2's resource limits as setrlimit(2) knows them: names, units, spellings."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException
from proctracker.model import ResourceLimitType, nearest
from proctracker.model.structs import written
from proctracker.templates.quantities import duration, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

RLIMITS = {
    "CORE_FILE_SIZE": ("CORE", 1024),
    "CPU_TIME": ("CPU", 1),
    "DATA_SIZE": ("DATA", 1024),
    "FILE_SIZE": ("FSIZE", 1024),
    "OPEN_FILES": ("NOFILE", 1),
    "STACK_SIZE": ("STACK", 1024),
    "VIRTUAL_MEMORY": ("AS", 1024),
}
"""DRMAA2 name -> RLIMIT_ name and setrlimit's unit, sizes being KiB, CPU_TIME seconds."""

_LARGEST = 2**63 - 1
"""What setrlimit(2) can count to."""

_KNOWN = list(ResourceLimitType.__members__)


def read(limits: Mapping[str, Any]) -> tuple[dict[str, int], float | None]:
    """RLIMIT name -> value, and the wall-clock limit in seconds.

    Numbers are DRMAA2's units; a size with a unit (``2G``) or a duration (``1h``) is converted. Raises
    InvalidArgumentException for an unknown name or a wrong value.
    """
    found: dict[str, int] = {}
    wall = None
    for name, value in limits.items():
        if name not in _KNOWN:
            raise InvalidArgumentException(f"resource_limits: no limit {name!r}{nearest(name, _KNOWN)}")
        what = f"resource_limits {name}"
        if name == "WALLCLOCK_TIME":
            wall = None if _unlimited(value) else duration(value, what) or None  # 0: no limit
            continue
        limit, unit = RLIMITS[name]
        found[limit] = _number(name, value, unit, what)
        if found[limit] > _LARGEST:
            raise InvalidArgumentException(f"{what}: {value} is more than can be counted: say unlimited")
    return found, wall


def _unlimited(value: Any) -> bool:
    return written(value).strip().lower() in ("unlimited", "infinity", "-1")


def _number(name: str, value: Any, unit: int, what: str) -> int:
    if _unlimited(value):
        return -1
    if name == "CPU_TIME":
        return int(duration(value, what))
    text = str(value).strip()
    if text.replace(".", "", 1).isdecimal():
        number = float(text) * unit
        return int(number) if number < _LARGEST else _LARGEST + 1
    if unit == 1:
        raise InvalidArgumentException(f"{what}: {value!r} is no number")
    return size(value, what)
