"""The Grid Engine DRMAA2 binding's surface (``import drmaa2``) over proctracker's classes."""

from __future__ import annotations

import sys
from importlib import import_module

from proctracker.compat.gridengine.drmaa2_constants import (
    Bool,
    Capability,
    Cpu,
    Event,
    JobState,
    ListType,
    Os,
    ResourceLimit,
    StatusCode,
    Time,
)
from proctracker.compat.gridengine.drmaa2_exceptions import (
    AuthorizationError,
    DeniedByDrms,
    Drmaa2Exception,
    DrmCommunicationError,
    ImplementationSpecificError,
    InternalError,
    InvalidArgument,
    InvalidSession,
    InvalidState,
    ResourceNotAvailable,
    SessionManagementError,
    TimeoutError,
    TryLaterError,
    UnsupportedAttribute,
    UnsupportedOperation,
)
from proctracker.compat.gridengine.job import Job, JobArray
from proctracker.compat.gridengine.job_session import JobSession
from proctracker.compat.gridengine.library_manager import LibraryManager, LogManager
from proctracker.compat.gridengine.monitoring_session import MonitoringSession
from proctracker.compat.gridengine.notification import Notification
from proctracker.compat.gridengine.reservation_session import Reservation, ReservationSession
from proctracker.compat.gridengine.structs import (
    JobInfo,
    JobTemplate,
    MachineInfo,
    QueueInfo,
    ReservationInfo,
    ReservationTemplate,
    Sudo,
    Version,
)

__version__ = "8.11.0"
"""The release of the binding whose surface this is."""

get_drms_name = LibraryManager.get_drms_name
get_drmaa_name = LibraryManager.get_drmaa_name
drmaa_supports = LibraryManager.drmaa_supports
get_drms_version = Version.get_drms_version
get_drmaa_version = Version.get_drmaa_version
get_job_session_names = JobSession.list_session_names
get_reservation_session_names = ReservationSession.list_session_names

MODULES = {
    **{
        name: name
        for name in (
            "drmaa2_constants drmaa2_exceptions drmaa2_object job job_session library_manager monitoring_session"
            " notification reservation_session"
        ).split()
    },
    "job_array": "job",
    **dict.fromkeys(("exception_mapper", "log_manager", "singleton"), "library_manager"),
    "reservation": "reservation_session",
    **dict.fromkeys(
        (
            "job_info job_template machine_info queue_info reservation_info reservation_template slot_info sudo version"
        ).split(),
        "structs",
    ),
}
"""The binding's submodules -> ours in which what they hold is."""

for _name, _ours in MODULES.items():
    # Each is an attribute, too: `import drmaa2.job_array` sets none for what is there already.
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = import_module(f"{__name__}.{_ours}")

__all__ = [
    "AuthorizationError",
    "Bool",
    "Capability",
    "Cpu",
    "DeniedByDrms",
    "DrmCommunicationError",
    "Drmaa2Exception",
    "Event",
    "ImplementationSpecificError",
    "InternalError",
    "InvalidArgument",
    "InvalidSession",
    "InvalidState",
    "Job",
    "JobArray",
    "JobInfo",
    "JobSession",
    "JobState",
    "JobTemplate",
    "LibraryManager",
    "ListType",
    "LogManager",
    "MachineInfo",
    "MonitoringSession",
    "Notification",
    "Os",
    "QueueInfo",
    "Reservation",
    "ReservationInfo",
    "ReservationSession",
    "ReservationTemplate",
    "ResourceLimit",
    "ResourceNotAvailable",
    "SessionManagementError",
    "StatusCode",
    "Sudo",
    "Time",
    "TimeoutError",
    "TryLaterError",
    "UnsupportedAttribute",
    "UnsupportedOperation",
    "Version",
    "drmaa_supports",
    "get_drmaa_name",
    "get_drmaa_version",
    "get_drms_name",
    "get_drms_version",
    "get_job_session_names",
    "get_reservation_session_names",
]
