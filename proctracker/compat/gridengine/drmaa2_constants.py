"""The constants of the Grid Engine DRMAA2 binding."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from typing import Any

from proctracker import model

UNSET_BOOL = 0
UNSET_ENUM = -1
UNSET_NUM = -1
UNSET_PRIORITY = -99999
UNSET_TIME = -3

POSIX_EPOCH = datetime(1970, 1, 1)
"""Naive and in UTC, as all of the binding's times."""
PY_DICT_TYPE = dict
PY_STRING_TYPE = str
PY_BYTES_TYPE = bytes


def _numbered(name: str, unset: str, members: Any, **more: int) -> Any:
    """An enumeration of ours with the binding's name for unset, and what else it has."""
    return IntEnum(name, {unset: -1, **{each.name: each.value for each in members}, **more}, module=__name__)


class Bool(IntEnum):
    """True and false."""

    FALSE = 0
    TRUE = 1


class Time(IntEnum):
    """The special times."""

    ZERO_TIME = 0
    INFINITE_TIME = -1
    NOW = -2
    UNSET_TIME = -3


class JobState(IntEnum):
    """Lists the states, with Grid Engine's RUNNING_HELD, which is met nowhere here."""

    UNSET_JSTATE = -1
    UNDETERMINED = 0
    QUEUED = 1
    QUEUED_HELD = 2
    RUNNING = 3
    SUSPENDED = 4
    REQUEUED = 5
    REQUEUED_HELD = 6
    DONE = 7
    FAILED = 8
    RUNNING_HELD = 9


class ListType(IntEnum):
    """The C library's lists."""

    UNSET_LISTTYPE = -1
    STRINGLIST = 0
    JOBLIST = 1
    QUEUEINFOLIST = 2
    MACHINEINFOLIST = 3
    SLOTINFOLIST = 4
    RESERVATIONLIST = 5


Capability = _numbered("Capability", "UNSET_CAPABILITY", model.DrmaaCapability)
Cpu = _numbered("Cpu", "UNSET_CPU", model.CpuArchitecture)
Event = _numbered("Event", "UNSET_EVENT", model.DrmaaEvent)
Os = _numbered("Os", "UNSET_OS", model.OperatingSystem)
StatusCode = _numbered("StatusCode", "UNSET_ERROR", list(model.StatusCode)[:-1], AUTHORIZATION=14, LASTERROR=15)
ResourceLimit: Any = Enum("ResourceLimit", {each.name: each.name for each in model.ResourceLimitType}, module=__name__)  # type: ignore[misc]
