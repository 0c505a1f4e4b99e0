"""The types of DRMAA2 and the records our parts pass to each other; pure data."""

from __future__ import annotations

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
from proctracker.model.observation import Observation, ended
from proctracker.model.row import JobRow, row_state
from proctracker.model.signals import FATAL, signal_name, signal_number
from proctracker.model.structs import moment, nearest, plain
from proctracker.model.template import EXTENSIONS, SPELLINGS, JobTemplate, extension, extension_flag

__all__ = [name for name in dir() if not name.startswith("_") and name != "annotations"]
