"""The types of DRMAA2 and the records our parts pass to each other; pure data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proctracker.model.calls import Completed
from proctracker.model.enums import (
    HOME_DIR,
    HOME_DIRECTORY,
    INFINITE_TIME,
    NOW,
    PARAMETRIC_INDEX,
    WORKING_DIR,
    WORKING_DIRECTORY,
    ZERO_TIME,
    Capability,
    Cpu,
    CpuArchitecture,
    DrmaaCapability,
    DrmaaEvent,
    Event,
    JobState,
    OperatingSystem,
    Os,
    ResourceLimit,
    ResourceLimitType,
    StatusCode,
    Time,
)
from proctracker.model.observation import Observation, ended
from proctracker.model.row import JobRow, row_state
from proctracker.model.signals import FATAL, signal_name, signal_number
from proctracker.model.structs import moment, nearest, plain
from proctracker.model.template import EXTENSIONS, SPELLINGS, JobTemplate, extension, extension_flag

if TYPE_CHECKING:
    from proctracker.model.info import (
        JobInfo,
        MachineInfo,
        Notification,
        QueueInfo,
        ReservationInfo,
        ReservationTemplate,
        SlotInfo,
        Version,
        matches,
    )

__all__ = [
    "EXTENSIONS",
    "FATAL",
    "HOME_DIR",
    "HOME_DIRECTORY",
    "INFINITE_TIME",
    "NOW",
    "PARAMETRIC_INDEX",
    "SPELLINGS",
    "WORKING_DIR",
    "WORKING_DIRECTORY",
    "ZERO_TIME",
    "Capability",
    "Completed",
    "Cpu",
    "CpuArchitecture",
    "DrmaaCapability",
    "DrmaaEvent",
    "Event",
    "JobInfo",
    "JobRow",
    "JobState",
    "JobTemplate",
    "MachineInfo",
    "Notification",
    "Observation",
    "OperatingSystem",
    "Os",
    "QueueInfo",
    "ReservationInfo",
    "ReservationTemplate",
    "ResourceLimit",
    "ResourceLimitType",
    "SlotInfo",
    "StatusCode",
    "Time",
    "Version",
    "ended",
    "extension",
    "extension_flag",
    "matches",
    "moment",
    "nearest",
    "plain",
    "row_state",
    "signal_name",
    "signal_number",
]

_INFO = "JobInfo MachineInfo Notification QueueInfo ReservationInfo ReservationTemplate SlotInfo Version matches".split()


def __getattr__(name: str) -> object:
    """Import what is only told, not asked, when it is first used: starting a job needs none of it."""
    if name not in _INFO:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from proctracker.model import info

    return getattr(info, name)
