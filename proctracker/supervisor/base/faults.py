"""Ends the supervision of one job whose handling raises, so that the others' goes on.

What an exception has left half done in memory nobody knows. So this supervisor ends and the next one reads what is
durable, as after a kill: but without the job, whose row says why by then.
"""

from __future__ import annotations

import errno

from proctracker.errors import DrmCommunicationException, OutOfResourceException, TryLaterException, words
from proctracker.model import JobRow
from proctracker.supervisor import log
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Callable, Iterator

    from proctracker.supervisor.base.jobs import Jobs

_OUTER = (OutOfResourceException, TryLaterException, DrmCommunicationException, MemoryError)
_SHORT = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EIO, errno.EROFS}
_SHORT |= {errno.ESTALE, errno.ENOLCK, errno.ETIMEDOUT, errno.EREMOTEIO}
"""What the machine or its file server is short of, whichever job was handled then."""


class Faults:
    """Finds whose handling raised, and calls ``broken(job, why)``, which has to be durable once ``flush`` returns."""

    def __init__(self, jobs: Jobs, broken: Callable[[Job, str], None], flush: Callable[[], None]) -> None:
        self._jobs, self._broken, self._flush = jobs, broken, flush

    def __enter__(self) -> None:
        """Begin what handles jobs."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Break with the jobs whose handling raised, if it was that: the exception goes on to end this supervisor."""
        if not isinstance(error, Exception) or outer(error):
            return
        found = self._handled(error)
        for job in found:
            self._broken(job, why(error))
        if found:
            self._flush()

    def _handled(self, error: Exception) -> list[Job]:
        """The live jobs that the innermost call with any was made for."""
        for frame in _frames(error):
            found = [job for value in _arguments(frame) for job in self._of(value)]
            if found:
                return found
        return []

    def _of(self, value: object) -> list[Job]:
        if isinstance(value, JobRow):
            found = self._jobs.find(value.id)
            return [found] if found is not None and found.row is value else []
        if isinstance(value, (list, tuple)):
            return [job for part in value for job in self._of(part)]
        return [value] if isinstance(value, Job) and self._jobs.find(value.row.id) is value else []


def contained(call: Callable[[], None], broken: Callable[[str], None]) -> None:
    """Make a call for one of several jobs, and break with that one alone where it raises."""
    try:
        call()
    except Exception as error:
        if outer(error):
            raise
        log.trace()
        broken(why(error))


def outer(error: Exception) -> bool:
    """Whether something is short that no job is to blame for."""
    return isinstance(error, _OUTER) or (isinstance(error, OSError) and error.errno in _SHORT)


def why(error: Exception) -> str:
    """Say why a job is not supervised any more."""
    return f"it cannot be supervised ({words(error)}), what of it runs may run on: supervisor.log tells more"


def _frames(error: Exception) -> list[FrameType]:
    """The calls an exception went through, the innermost first."""
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(trace.tb_frame)
        trace = trace.tb_next
    return found[::-1]


def _arguments(frame: FrameType) -> Iterator[object]:
    """What a call was given, or made for: other locals may be what it has finished with."""
    code = frame.f_code
    for name in (*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount], *code.co_freevars):
        yield frame.f_locals.get(name)
