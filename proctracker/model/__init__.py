"""Holds the types of DRMAA2 and the records our parts pass to each other, as pure data."""

from __future__ import annotations

_PARTS = {
    "calls": "Completed",
    "enums": "Capability Cpu CpuArchitecture DrmaaCapability DrmaaEvent Event HOME_DIR HOME_DIRECTORY INFINITE_TIME JobState NOW OperatingSystem Os PARAMETRIC_INDEX ResourceLimit ResourceLimitType StatusCode Time WORKING_DIR WORKING_DIRECTORY ZERO_TIME",
    "info": "JobInfo MachineInfo Notification QueueInfo ReservationInfo ReservationTemplate SlotInfo Version matches",
    "observation": "Observation ended",
    "row": "JobRow",
    "signals": "FATAL signal_name signal_number",
    "structs": "moment nearest plain",
    "template": "EXTENSIONS JobTemplate SPELLINGS extension extension_flag",
}
_WHERE = {name: part for part, names in _PARTS.items() for name in names.split()}

__all__ = list(_WHERE)


def __getattr__(name: str) -> object:
    """Import a name's module: to submit a job takes a third of them."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(__import__(f"{__name__}.{_WHERE[name]}", fromlist=[name]), name)
    globals()[name] = value
    return value
