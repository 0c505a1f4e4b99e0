"""Stands for the outcome of a call that is a job, as a ``concurrent.futures.Future``."""

from __future__ import annotations

import os
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from proctracker.errors import Drmaa2Exception, InvalidArgumentException, InvalidStateException
from proctracker.model import JobState

if TYPE_CHECKING:
    from proctracker.sessions.callfiles import Outcome
    from proctracker.sessions.job import Job


class JobFuture(Future):  # type: ignore[type-arg]  # a subscripted base costs an import in every job
    """Stands for the outcome of a call in ``job``, for the process that submitted it.

    The result, or the exception that the function raised, with the job's traceback as its ``__cause__``. Else
    JobFailedException (``info``: the JobInfo; the message ends with the last lines of standard error): for a job that was
    killed, refused or lost, or a function that ended its process.
    """

    job: Job

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job
        self._process = os.getpid()
        self._given_up = False

    def cancel(self) -> bool:
        """Terminate the job if it has not started, and return whether that was done.

        ``job.terminate()`` ends one that runs.
        """
        self._ours()
        with self._condition:
            if self.done():
                return self.cancelled()
            if not self._given_up:
                self._given_up = self._ended_unstarted()
                if not self._given_up:
                    return False
        self._cancelled()
        return True

    def _ended_unstarted(self) -> bool:
        """End the job while it is held: one that waits for its turn could start meanwhile."""
        try:
            if self.job.get_state()[0] != JobState.QUEUED_HELD:
                if self.job.get_state()[0] != JobState.QUEUED:
                    return False
                self.job.hold()
            self.job.terminate()
            return True
        except (InvalidStateException, InvalidArgumentException):
            return False  # it has started, or was reaped

    def _cancelled(self) -> None:
        """Be cancelled, and tell once whoever waits for several futures."""
        super().cancel()
        with self._condition:
            if self._state == "CANCELLED":
                self.set_running_or_notify_cancel()

    def running(self) -> bool:
        """Whether the job has started and not ended."""
        if self.done():
            return False
        try:
            return not self.job.get_state()[0].queued
        except Drmaa2Exception:
            return False  # it was reaped

    def result(self, timeout: float | None = None) -> Any:
        """What the function returned, or raise what it raised. TimeoutError after so many seconds."""
        self._ours()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the function raised, or None, or raise TimeoutError after so many seconds."""
        self._ours()
        return super().exception(timeout)

    def _ours(self) -> None:
        """Raise InvalidStateException in a fork, which nobody tells."""
        if self._process != os.getpid() and not self.done():
            raise InvalidStateException(
                f"job {self.job.id}: its result goes to process {self._process}, which submitted it, not to a fork:"
                " submit there, or wait for `future.job`"
            )

    def settle(self, outcome: Outcome) -> None:
        """Take the outcome, unless the call was given up before it began."""
        with self._condition:
            given_up = self._given_up
        if given_up:
            self._cancelled()
        elif outcome.error is None:
            self.set_result(outcome.value)
        else:
            self.set_exception(outcome.error)
