"""Ends the rest of an array once so many of its tasks have failed (``--halt``)."""

from __future__ import annotations

from signal import SIGTERM

from proctracker.model import JobState

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterable, Optional

    from proctracker.errors import Drmaa2Exception
    from proctracker.supervisor.base.jobs import Job

    Done = Callable[[Optional[Drmaa2Exception]], None]

GRACE = 10.0
"""Seconds that a task has after SIGTERM."""


class Halting:
    """Counts the failed tasks of arrays that have a bound on them.

    ``failed`` tells the tasks of an array that the store knows to have failed, ``live`` its jobs, ``note`` why one does
    not go on, and ``end`` ends one.
    """

    def __init__(
        self,
        failed: Callable[[int], Iterable[int]],
        live: Callable[[int], Iterable[Job]],
        note: Callable[[Job, str], None],
        end: Callable[[Job, str, int, float, Done], None],
    ) -> None:
        self._stored, self._live, self._note, self._end = failed, live, note, end
        self._failed: dict[int, set[int]] = {}
        self._halted: set[int] = set()

    def begin(self, jobs: Iterable[Job]) -> None:
        """Halt the arrays that a former supervisor was killed before it could halt."""
        for num, most in {job.row.num: job.spec["halt"] for job in jobs if job.spec.get("halt")}.items():
            self._failed[num] = set(self._stored(num))
            self._check(num, most)

    def ended(self, job: Job) -> None:
        """Count a job that has ended for good."""
        row, most = job.row, job.spec.get("halt")
        if not most or row.task is None or row.state == JobState.DONE or row.num in self._halted:
            return
        if row.num not in self._failed:
            self._failed[row.num] = set(self._stored(row.num))
        self._failed[row.num].add(row.task)
        self._check(row.num, most)

    def _check(self, num: int, most: int) -> None:
        """End what is left of an array if enough of it has failed."""
        failed = len(self._failed[num])
        if failed < most:
            return
        self._halted.add(num)
        del self._failed[num]
        tasks = "1 of its tasks has" if failed == 1 else f"{failed} of its tasks have"
        for each in self._live(num):
            each.notice = f"array {num} was halted: {tasks} failed"
            self._note(each, each.notice)
            self._end(each, "terminating", SIGTERM, GRACE, lambda error: None)
