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


def _numbered(name: str, unset: str, members: Any) -> Any:
    """An enumeration of ours with the binding's name for unset."""
    return IntEnum(name, {unset: -1, **{each.name: each.value for each in members}}, module=__name__)


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


class StatusCode(IntEnum):
    """The C library's numbers of errors."""

    UNSET_ERROR = -1
    SUCCESS = 0
    DENIED_BY_DRMS = 1
    DRM_COMMUNICATION = 2
    TRY_LATER = 3
    SESSION_MANAGEMENT = 4
    TIMEOUT = 5
    INTERNAL = 6
    INVALID_ARGUMENT = 7
    INVALID_SESSION = 8
    INVALID_STATE = 9
    OUT_OF_RESOURCE = 10
    UNSUPPORTED_ATTRIBUTE = 11
    UNSUPPORTED_OPERATION = 12
    IMPLEMENTATION_SPECIFIC = 13
    AUTHORIZATION = 14
    LASTERROR = 15


Capability = _numbered("Capability", "UNSET_CAPABILITY", model.DrmaaCapability)
Cpu = _numbered("Cpu", "UNSET_CPU", model.CpuArchitecture)
Event = _numbered("Event", "UNSET_EVENT", model.DrmaaEvent)
Os = _numbered("Os", "UNSET_OS", model.OperatingSystem)


class ResourceLimit(Enum):
    """The limits' names."""

    CORE_FILE_SIZE = "CORE_FILE_SIZE"
    CPU_TIME = "CPU_TIME"
    DATA_SIZE = "DATA_SIZE"
    FILE_SIZE = "FILE_SIZE"
    OPEN_FILES = "OPEN_FILES"
    STACK_SIZE = "STACK_SIZE"
    VIRTUAL_MEMORY = "VIRTUAL_MEMORY"
    WALLCLOCK_TIME = "WALLCLOCK_TIME"
