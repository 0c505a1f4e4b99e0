"""proctracker: jobs as processes or containers, with DRMAA2's states, controls and accounting.

``run`` and ``submit`` start one job; ``job_session`` opens a session for many. Everything is imported when first used.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FROM = {
    "errors": (
        "DeniedByDrms DeniedByDrmsException Drmaa2Exception DrmCommunicationError DrmCommunicationException"
        " ImplementationSpecificError ImplementationSpecificException InternalError InternalException InvalidArgument"
        " InvalidArgumentException InvalidSession InvalidSessionException InvalidState InvalidStateException"
        " JobFailedException OutOfResourceException ResourceNotAvailable SessionManagementError"
        " SessionManagementException TimeoutException TryLaterError TryLaterException UnsupportedAttribute"
        " UnsupportedAttributeException UnsupportedOperation UnsupportedOperationException"
    ),
    "model": (
        "Capability Cpu CpuArchitecture DrmaaCapability DrmaaEvent Event HOME_DIR HOME_DIRECTORY INFINITE_TIME JobInfo"
        " JobState JobTemplate MachineInfo NOW Notification OperatingSystem Os PARAMETRIC_INDEX QueueInfo"
        " ReservationInfo ReservationTemplate ResourceLimit ResourceLimitType SlotInfo StatusCode Time Version"
        " WORKING_DIR WORKING_DIRECTORY ZERO_TIME"
    ),
    "version": "__version__",
    "sessions.functions": (
        "create_job_session create_reservation_session describe_attribute destroy_job_session"
        " destroy_reservation_session destroy_session drmaa_name drmaa_supports drmaa_version drms_name drms_version"
        " get_drmaa_name get_drmaa_version get_drms_name get_drms_version get_instance_value get_job_session_names get_reservation_session_names job_session open_job_session"
        " open_monitoring_session open_reservation_session register_event_notification run set_instance_value submit"
        " supports"
    ),
    "sessions.executor": "JobExecutor",
    "sessions.groups": "as_completed",
    "sessions.job": "Job",
    "sessions.jobarray": "JobArray",
    "sessions.jobsession": "JobSession",
    "sessions.manager": "SessionManager",
    "sessions.monitoring": "MonitoringSession",
    "sessions.reservations": "Reservation ReservationSession",
    "tracker.jobtracker": "JobTracker",
}
"""Module -> the public names that come from it."""

_WHERE = {name: module for module, names in _FROM.items() for name in names.split()}

__all__ = list(_WHERE)


def __getattr__(name: str) -> Any:
    """A public name, imported now."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return list(__all__)
