"""The Grid Engine DRMAA2 binding's surface (``import drmaa2``) over proctracker's classes."""

from __future__ import annotations

import sys
from importlib import import_module

from proctracker.compat.gridengine.job_session import JobSession
from proctracker.compat.gridengine.library_manager import LibraryManager
from proctracker.compat.gridengine.reservation_session import ReservationSession
from proctracker.compat.gridengine.structs import Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...


__version__ = "8.11.0"
"""The release of the binding whose surface this is."""

get_drms_name = LibraryManager.get_drms_name
get_drmaa_name = LibraryManager.get_drmaa_name
drmaa_supports = LibraryManager.drmaa_supports
get_drms_version = Version.get_drms_version
get_drmaa_version = Version.get_drmaa_version
get_job_session_names = JobSession.list_session_names
get_reservation_session_names = ReservationSession.list_session_names

_NAMES = {
    "drmaa2_constants": "Bool Capability Cpu Event JobState ListType Os ResourceLimit StatusCode Time",
    "drmaa2_exceptions": (
        "AuthorizationError DeniedByDrms Drmaa2Exception DrmCommunicationError ImplementationSpecificError"
        " InternalError InvalidArgument InvalidSession InvalidState ResourceNotAvailable SessionManagementError"
        " TimeoutError TryLaterError UnsupportedAttribute UnsupportedOperation"
    ),
    "job": "Job JobArray",
    "job_session": "JobSession",
    "library_manager": "LibraryManager LogManager",
    "monitoring_session": "MonitoringSession",
    "notification": "Notification",
    "reservation_session": "Reservation ReservationSession",
    "structs": "JobInfo JobTemplate MachineInfo QueueInfo ReservationInfo ReservationTemplate Sudo Version",
}
"""Module -> the binding's names that come from it."""

_FUNCTIONS = (
    "drmaa_supports get_drmaa_name get_drmaa_version get_drms_name get_drms_version get_job_session_names"
    " get_reservation_session_names"
)

__all__ = [name for names in (*_NAMES.values(), _FUNCTIONS) for name in names.split()]

for _ours, _names in _NAMES.items():
    _module = import_module(f"{__name__}.{_ours}")
    globals().update({name: getattr(_module, name) for name in _names.split()})

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
