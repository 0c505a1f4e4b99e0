"""Defines the DRMAA 1 binding's exceptions (``drmaa.errors``), and which of ours is which."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Iterator

from proctracker import errors as native

if TYPE_CHECKING:
    from typing import NoReturn


class DrmaaException(Exception):
    """Is the base of what the binding raises, as ``code N: …`` with the C library's number."""


class AlreadyActiveSessionException(DrmaaException):
    """There is an active session: code 11."""


class AuthorizationException(DrmaaException):
    """The user may not: code 3."""


class ConflictingAttributeValuesException(DrmaaException, AttributeError):
    """Two attributes exclude each other: code 15."""


class DefaultContactStringException(DrmaaException):
    """The default contact cannot be used: code 8."""


class DeniedByDrmException(DrmaaException):
    """The job would never be accepted: code 17."""


class DrmCommunicationException(DrmaaException):
    """Supervisor, store or engine could not be asked: code 2."""


class DrmsExitException(DrmaaException):
    """The session could not be left: code 12."""


class DrmsInitException(DrmaaException):
    """The session could not be begun: code 10."""


class ExitTimeoutException(DrmaaException):
    """The time-out of a wait was reached: code 23."""


class HoldInconsistentStateException(DrmaaException):
    """The job cannot be held in its state: code 21."""


class IllegalStateException(DrmaaException):
    """Kept for programs that name it."""


class InternalException(DrmaaException):
    """An error nobody expected: code 1."""


class InvalidAttributeFormatException(DrmaaException, AttributeError):
    """An attribute's value is not written as it has to be: code 13."""


class InvalidContactStringException(DrmaaException):
    """Nobody knows the contact: code 7."""


class InvalidJobException(DrmaaException):
    """There is, or is left, no such job: code 18."""


class InvalidJobTemplateException(DrmaaException):
    """Kept for programs that name it."""


class NoActiveSessionException(DrmaaException):
    """``initialize`` was not called: code 5."""


class NoDefaultContactStringSelectedException(DrmaaException):
    """No contact is the default: code 9."""


class ReleaseInconsistentStateException(DrmaaException):
    """The job cannot be released in its state: code 22."""


class ResumeInconsistentStateException(DrmaaException):
    """The job cannot be resumed in its state: code 19."""


class SuspendInconsistentStateException(DrmaaException):
    """The job cannot be suspended in its state: code 20."""


class TryLaterException(DrmaaException):
    """A passing problem: code 16."""


class UnsupportedAttributeException(DrmaaException, AttributeError):
    """Kept for programs that name it."""


class InvalidArgumentException(DrmaaException, AttributeError):
    """An argument is wrong: code 4."""


class InvalidAttributeValueException(DrmaaException, AttributeError):
    """An attribute cannot have that value: code 14."""


class OutOfMemoryException(DrmaaException, MemoryError):
    """No memory, processes or disk space: code 6."""


_ERRORS: tuple[type[Exception], ...] = (
    InternalException,
    DrmCommunicationException,
    AuthorizationException,
    InvalidArgumentException,
    NoActiveSessionException,
    OutOfMemoryException,
    InvalidContactStringException,
    DefaultContactStringException,
    NoDefaultContactStringSelectedException,
    DrmsInitException,
    AlreadyActiveSessionException,
    DrmsExitException,
    InvalidAttributeFormatException,
    InvalidAttributeValueException,
    ConflictingAttributeValuesException,
    TryLaterException,
    DeniedByDrmException,
    InvalidJobException,
    ResumeInconsistentStateException,
    SuspendInconsistentStateException,
    HoldInconsistentStateException,
    ReleaseInconsistentStateException,
    ExitTimeoutException,
    Exception,
    StopIteration,
)
"""By the C library's number, from 1."""

INTERNAL, COMMUNICATION, AUTHORIZATION, ARGUMENT, NO_SESSION, MEMORY, CONTACT = range(1, 8)
INIT, ACTIVE = 10, 11
FORMAT, VALUE, CONFLICT, LATER, DENIED, JOB, RESUME, SUSPEND, HOLD, RELEASE, TIMEOUT = range(13, 24)

_CODES: dict[type[native.Drmaa2Exception], int] = {
    native.DrmCommunicationException: COMMUNICATION,
    native.TryLaterException: LATER,
    native.TimeoutException: TIMEOUT,
    native.InvalidArgumentException: ARGUMENT,
    native.InvalidSessionException: NO_SESSION,
    native.InvalidStateException: JOB,
    native.OutOfResourceException: MEMORY,
    native.DeniedByDrmsException: DENIED,
    native.UnsupportedAttributeException: DENIED,
    native.UnsupportedOperationException: DENIED,
}

error_buffer = bytearray(1024)
"""The text of the newest error, as the C library keeps it."""


def error_check(code: int) -> None:
    """Raise the exception of a C library's number, with this text, or nothing for 0."""
    if code:
        raise_code(code, bytes(error_buffer).split(b"\0")[0].decode(errors="replace"))


def raise_code(code: int, message: str) -> NoReturn:
    """Raise the exception of a number of the C library."""
    said = message.encode(errors="replace")[: len(error_buffer) - 1]
    error_buffer[:] = said.ljust(len(error_buffer), b"\0")
    kind = _ERRORS[code - 1] if 0 < code <= len(_ERRORS) else DrmaaException
    raise kind(f"code {code}: {message}")


@contextlib.contextmanager
def translated(**codes: int) -> Iterator[None]:
    """Raise the binding's exception for ours.

    ``InvalidState=19`` and the like say which where that depends on the call.
    """
    try:
        yield
    except native.Drmaa2Exception as error:
        known = [kind for kind in type(error).__mro__ if kind in _CODES]
        code = _CODES[known[0]] if known else INTERNAL
        name = known[0].__name__.replace("Exception", "") if known else ""
        try:
            raise_code(codes.get(name, code), error.message)
        except Exception as other:
            raise other from error
