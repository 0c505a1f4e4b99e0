"""Defines the DRMAA 1 binding's exceptions (``drmaa.errors``), and which of ours is which."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Iterator

from proctracker import errors as native

if TYPE_CHECKING:
    from typing import Any, NoReturn


class DrmaaException(Exception):
    """Is the base of what the binding raises, as ``code N: …`` with the C library's number."""


def _kind(name: str, doc: str, *more: type[Exception]) -> Any:
    return type(name, (DrmaaException, *more), {"__doc__": doc, "__module__": __name__})


# In the order of the C library's numbers; the last three have none.
InternalException = _kind("InternalException", "An error nobody expected: code 1.")
DrmCommunicationException = _kind(
    "DrmCommunicationException", "Supervisor, store or engine could not be asked: code 2."
)
AuthorizationException = _kind("AuthorizationException", "The user may not: code 3.")
InvalidArgumentException = _kind("InvalidArgumentException", "An argument is wrong: code 4.", AttributeError)
NoActiveSessionException = _kind("NoActiveSessionException", "``initialize`` was not called: code 5.")
OutOfMemoryException = _kind("OutOfMemoryException", "No memory, processes or disk space: code 6.", MemoryError)
InvalidContactStringException = _kind("InvalidContactStringException", "Nobody knows the contact: code 7.")
DefaultContactStringException = _kind("DefaultContactStringException", "The default contact cannot be used: code 8.")
NoDefaultContactStringSelectedException = _kind(
    "NoDefaultContactStringSelectedException", "No contact is the default: code 9."
)
DrmsInitException = _kind("DrmsInitException", "The session could not be begun: code 10.")
AlreadyActiveSessionException = _kind("AlreadyActiveSessionException", "There is an active session: code 11.")
DrmsExitException = _kind("DrmsExitException", "The session could not be left: code 12.")
InvalidAttributeFormatException = _kind(
    "InvalidAttributeFormatException", "An attribute's value is not written as it has to be: code 13.", AttributeError
)
InvalidAttributeValueException = _kind(
    "InvalidAttributeValueException", "An attribute cannot have that value: code 14.", AttributeError
)
ConflictingAttributeValuesException = _kind(
    "ConflictingAttributeValuesException", "Two attributes exclude each other: code 15.", AttributeError
)
TryLaterException = _kind("TryLaterException", "A passing problem: code 16.")
DeniedByDrmException = _kind("DeniedByDrmException", "The job would never be accepted: code 17.")
InvalidJobException = _kind("InvalidJobException", "There is, or is left, no such job: code 18.")
ResumeInconsistentStateException = _kind(
    "ResumeInconsistentStateException", "The job cannot be resumed in its state: code 19."
)
SuspendInconsistentStateException = _kind(
    "SuspendInconsistentStateException", "The job cannot be suspended in its state: code 20."
)
HoldInconsistentStateException = _kind(
    "HoldInconsistentStateException", "The job cannot be held in its state: code 21."
)
ReleaseInconsistentStateException = _kind(
    "ReleaseInconsistentStateException", "The job cannot be released in its state: code 22."
)
ExitTimeoutException = _kind("ExitTimeoutException", "The time-out of a wait was reached: code 23.")
IllegalStateException = _kind("IllegalStateException", "Kept for programs that name it.")
InvalidJobTemplateException = _kind("InvalidJobTemplateException", "Kept for programs that name it.")
UnsupportedAttributeException = _kind(
    "UnsupportedAttributeException", "Kept for programs that name it.", AttributeError
)

_ERRORS: tuple[type[Exception], ...] = (*DrmaaException.__subclasses__()[:23], Exception, StopIteration)
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
