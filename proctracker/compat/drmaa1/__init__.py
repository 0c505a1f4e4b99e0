"""Offers the DRMAA 1 binding's surface (``import drmaa``, 0.7.9) over our classes.

``wait`` reaps, what is told has the binding's types, errors its codes. ``nativeSpecification`` holds options of
``proctracker submit``. The session is that of PROCTRACKER_SESSION, the contact the one given or PROCTRACKER_CONTACT.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    def __getattr__(name: str) -> Any: ...


_NAMES = {
    "const": (
        "ATTR_BUFFER BLOCK_EMAIL CONTACT_BUFFER DEADLINE_TIME DRM_SYSTEM_BUFFER DRMAA_IMPLEMENTATION_BUFFER"
        " DURATION_HLIMIT DURATION_SLIMIT ERROR_PATH ERROR_STRING_BUFFER INPUT_PATH JOB_CATEGORY"
        " JOB_IDS_SESSION_ALL JOB_IDS_SESSION_ANY JOB_NAME JOBNAME_BUFFER JOIN_FILES JS_STATE"
        " NATIVE_SPECIFICATION NO_MORE_ELEMENTS OUTPUT_PATH PLACEHOLDER_HD PLACEHOLDER_INCR PLACEHOLDER_WD"
        " REMOTE_COMMAND SIGNAL_BUFFER START_TIME SUBMISSION_STATE_ACTIVE SUBMISSION_STATE_HOLD TIMEOUT_NO_WAIT"
        " TIMEOUT_WAIT_FOREVER TRANSFER_FILES V_ARGV V_EMAIL V_ENV WCT_HLIMIT WCT_SLIMIT WD JobControlAction"
        " JobState JobSubmissionState control_action_to_string job_state status_to_string"
        " string_to_control_action submission_state"
    ),
    "errors": (
        "AlreadyActiveSessionException AuthorizationException ConflictingAttributeValuesException"
        " DefaultContactStringException DeniedByDrmException DrmCommunicationException DrmsExitException"
        " DrmsInitException ExitTimeoutException HoldInconsistentStateException IllegalStateException"
        " InternalException InvalidArgumentException InvalidAttributeFormatException"
        " InvalidAttributeValueException InvalidContactStringException InvalidJobException"
        " InvalidJobTemplateException NoActiveSessionException NoDefaultContactStringSelectedException"
        " OutOfMemoryException ReleaseInconsistentStateException ResumeInconsistentStateException"
        " SuspendInconsistentStateException TryLaterException UnsupportedAttributeException"
    ),
    "session": "JobInfo JobTemplate Session",
    "version": "VERSION __version__",
}
"""Module -> the binding's names that come from it."""

__all__ = [name for names in _NAMES.values() for name in names.split()]

for _module, _names in _NAMES.items():
    _ours = import_module(f"{__name__}.{_module}")
    globals().update({name: getattr(_ours, name) for name in _names.split()})
