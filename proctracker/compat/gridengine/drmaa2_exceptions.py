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


class DeniedByDrms(Drmaa2Exception):
    """The operation was refused for safety."""

    code = StatusCode.DENIED_BY_DRMS


class DrmCommunicationError(Drmaa2Exception):
    """Supervisor, store or engine could not be asked."""

    code = StatusCode.DRM_COMMUNICATION


class TryLaterError(Drmaa2Exception):
    """A passing problem."""

    code = StatusCode.TRY_LATER


class SessionManagementError(Drmaa2Exception):
    """Trouble with sessions as such."""

    code = StatusCode.SESSION_MANAGEMENT


class TimeoutError(Drmaa2Exception):
    """The time-out of a wait was reached."""

    code = StatusCode.TIMEOUT


class InternalError(Drmaa2Exception):
    """An error nobody expected."""

    code = StatusCode.INTERNAL


class InvalidArgument(Drmaa2Exception):
    """An argument or template attribute is wrong."""

    code = StatusCode.INVALID_ARGUMENT


class InvalidSession(Drmaa2Exception):
    """The session was closed or destroyed."""

    code = StatusCode.INVALID_SESSION


class InvalidState(Drmaa2Exception):
    """The operation does not fit the job's state."""

    code = StatusCode.INVALID_STATE


class ResourceNotAvailable(Drmaa2Exception):
    """No memory, processes or disk space."""

    code = StatusCode.OUT_OF_RESOURCE


class UnsupportedAttribute(Drmaa2Exception):
    """This contact cannot honour an attribute."""

    code = StatusCode.UNSUPPORTED_ATTRIBUTE


class UnsupportedOperation(Drmaa2Exception):
    """This contact cannot do that."""

    code = StatusCode.UNSUPPORTED_OPERATION


class ImplementationSpecificError(Drmaa2Exception):
    """Anything else."""

    code = StatusCode.IMPLEMENTATION_SPECIFIC


class AuthorizationError(Drmaa2Exception):
    """The user may not."""

    code = StatusCode.AUTHORIZATION


BY_CODE: dict[int, type[Drmaa2Exception]] = {int(each.code): each for each in Drmaa2Exception.__subclasses__()}
"""The exceptions by the C library's number."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise the binding's exception for ours, by the C library's numbers."""
    try:
        yield
    except native.Drmaa2Exception as error:
        raise BY_CODE.get(error.code, ImplementationSpecificError)(error.message) from error
