"""The exceptions of DRMAA2 (GFD.194, chapter 4) and the few of ours."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence


class Drmaa2Exception(Exception):
    """Is the base of what this package raises.

    ``error_code`` is the C binding's drmaa2_error number.
    """

    code = 13

    def __init__(self, message: str = "", error_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = self.code if error_code is None else error_code

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.message, self.error_code), self.__dict__)


class DeniedByDrmsException(Drmaa2Exception):
    """The operation was refused for safety."""

    code = 1


class DrmCommunicationException(Drmaa2Exception):
    """Supervisor, store or engine could not be asked."""

    code = 2


class TryLaterException(Drmaa2Exception):
    """Tells of a passing problem, so that the same call may work later."""

    code = 3


class SessionManagementException(Drmaa2Exception):
    """Tells of trouble with sessions as such (of the C binding, not of the IDL)."""

    code = 4


class TimeoutException(Drmaa2Exception, TimeoutError):
    """Tells that a wait timed out.

    That of ``run`` has the ``job``, which has ended by then, and what it wrote.
    """

    code = 5
    job: Any = None

    @property
    def stdout(self) -> bytes | None:
        """Return what the job of ``run`` wrote, read when asked for."""
        return self._written("stdout")

    @property
    def stderr(self) -> bytes | None:
        """The same of its standard error."""
        return self._written("stderr")

    def _written(self, stream: str) -> bytes | None:
        found: bytes | None = None if self.job is None else self.job.read_output(stream)
        return found


class InternalException(Drmaa2Exception):
    """An error of ours, or a failed system call nobody expected."""

    code = 6


class InvalidArgumentException(Drmaa2Exception, ValueError):
    """An argument or template attribute is wrong."""

    code = 7


class InvalidSessionException(Drmaa2Exception):
    """The session was closed or destroyed."""

    code = 8


class InvalidStateException(Drmaa2Exception):
    """The operation does not fit the job's state."""

    code = 9


class OutOfResourceException(Drmaa2Exception):
    """No memory, processes, disk space or quota."""

    code = 10


class UnsupportedAttributeException(Drmaa2Exception):
    """This contact cannot honour an attribute."""

    code = 11


class UnsupportedOperationException(Drmaa2Exception):
    """This contact cannot do that."""

    code = 12


class ImplementationSpecificException(Drmaa2Exception):
    """Tells of anything else, by its message and code."""

    code = 13


class JobFailedException(ImplementationSpecificException):
    """``run(check=True)``: the job did not end DONE. ``info`` is its JobInfo."""

    def __init__(self, message: str = "", error_code: int | None = None, info: Any = None) -> None:
        super().__init__(message, error_code)
        self.info = info


# The Grid Engine binding's spellings of the same classes.
DeniedByDrms = DeniedByDrmsException
DrmCommunicationError = DrmCommunicationException
TryLaterError = TryLaterException
SessionManagementError = SessionManagementException
InternalError = InternalException
InvalidArgument = InvalidArgumentException
InvalidSession = InvalidSessionException
InvalidState = InvalidStateException
ResourceNotAvailable = OutOfResourceException
UnsupportedAttribute = UnsupportedAttributeException
UnsupportedOperation = UnsupportedOperationException
ImplementationSpecificError = ImplementationSpecificException


def to_wire(error: Drmaa2Exception) -> list[str]:
    """An exception as the supervisor's protocol carries it."""
    return [type(error).__name__, error.message]


def from_wire(words: Sequence[str]) -> Drmaa2Exception:
    """Return the exception that ``to_wire`` described, an unknown one as InternalException."""
    name, message = words
    found = globals().get(name)
    if isinstance(found, type) and issubclass(found, Drmaa2Exception):
        return found(message)
    return InternalException(f"{name}: {message}")


def words(error: BaseException) -> str:
    """Return an error's words: our message, the system's text, or type and text."""
    if isinstance(error, Drmaa2Exception):
        return error.message
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"
