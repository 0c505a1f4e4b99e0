"""What is supported: read off the tables that decide it at submission, so it is the truth."""

from __future__ import annotations

from typing import Any

from proctracker.errors import InvalidArgumentException
from proctracker.model import DrmaaCapability
from proctracker.runtimes.runtime import Runtime, refused

_ATTRIBUTES = {
    DrmaaCapability.JT_EMAIL: ("email", "email_on_started", "email_on_terminated"),
    DrmaaCapability.JT_STAGING: ("stage_in_files", "stage_out_files"),
    DrmaaCapability.JT_DEADLINE: ("deadline_time",),
    DrmaaCapability.JT_MAXSLOTS: ("max_slots",),
    DrmaaCapability.JT_ACCOUNTINGID: ("accounting_id",),
}
"""A capability -> the attributes it is about (GFD.194 4.4)."""

_ALWAYS = (DrmaaCapability.CALLBACK, DrmaaCapability.BULK_JOBS_MAXPARALLEL)


def supports(capability: Any, runtime: Runtime) -> bool:
    """Return whether a runtime has a capability, or raise InvalidArgumentException for an unknown one."""
    wanted = _capability(capability)
    if wanted in _ALWAYS:
        return True
    names = _ATTRIBUTES.get(wanted, ())
    return bool(names) and refused(runtime).keys().isdisjoint(names)


def _capability(given: Any) -> DrmaaCapability:
    try:
        return DrmaaCapability[given.upper()] if isinstance(given, str) else DrmaaCapability(given)
    except (KeyError, ValueError):
        known = " ".join(DrmaaCapability.__members__)
        raise InvalidArgumentException(f"no capability {given!r}: {known}") from None
