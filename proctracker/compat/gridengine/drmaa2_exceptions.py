"""The exceptions of the Grid Engine DRMAA2 binding, and which of ours becomes which."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator

from proctracker import errors as native
from proctracker.compat.gridengine.drmaa2_constants import StatusCode


class Drmaa2Exception(Exception):
    """Is the base of what the binding raises, with a StatusCode as ``error_code``."""

    code: Any = StatusCode.UNSET_ERROR

    def __init__(self, error: str = "", error_code: Any = None) -> None:
        super().__init__(error)
        self.error_code = self.code if error_code is None else error_code


def _kind(name: str, doc: str, code: Any) -> Any:
    return type(name, (Drmaa2Exception,), {"__doc__": doc, "__module__": __name__, "code": code})


DeniedByDrms = _kind("DeniedByDrms", "The operation was refused for safety.", StatusCode.DENIED_BY_DRMS)
DrmCommunicationError = _kind(
    "DrmCommunicationError", "Supervisor, store or engine could not be asked.", StatusCode.DRM_COMMUNICATION
)
TryLaterError = _kind("TryLaterError", "A passing problem.", StatusCode.TRY_LATER)
SessionManagementError = _kind(
    "SessionManagementError", "Trouble with sessions as such.", StatusCode.SESSION_MANAGEMENT
)
TimeoutError = _kind("TimeoutError", "The time-out of a wait was reached.", StatusCode.TIMEOUT)
InternalError = _kind("InternalError", "An error nobody expected.", StatusCode.INTERNAL)
InvalidArgument = _kind("InvalidArgument", "An argument or template attribute is wrong.", StatusCode.INVALID_ARGUMENT)
InvalidSession = _kind("InvalidSession", "The session was closed or destroyed.", StatusCode.INVALID_SESSION)
InvalidState = _kind("InvalidState", "The operation does not fit the job's state.", StatusCode.INVALID_STATE)
ResourceNotAvailable = _kind("ResourceNotAvailable", "No memory, processes or disk space.", StatusCode.OUT_OF_RESOURCE)
UnsupportedAttribute = _kind(
    "UnsupportedAttribute", "This contact cannot honour an attribute.", StatusCode.UNSUPPORTED_ATTRIBUTE
)
UnsupportedOperation = _kind("UnsupportedOperation", "This contact cannot do that.", StatusCode.UNSUPPORTED_OPERATION)
ImplementationSpecificError = _kind("ImplementationSpecificError", "Anything else.", StatusCode.IMPLEMENTATION_SPECIFIC)
AuthorizationError = _kind("AuthorizationError", "The user may not.", StatusCode.AUTHORIZATION)

BY_CODE: dict[int, type[Drmaa2Exception]] = {int(each.code): each for each in Drmaa2Exception.__subclasses__()}
"""The exceptions by the C library's number."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise the binding's exception for ours, by the C library's numbers."""
    try:
        yield
    except native.Drmaa2Exception as error:
        raise BY_CODE.get(error.code, ImplementationSpecificError)(error.message) from error
