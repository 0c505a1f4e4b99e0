"""JobArray: the tasks of one submit, as one thing and one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generator, Mapping

from proctracker.errors import InvalidArgumentException
from proctracker.model import INFINITE_TIME, JobInfo, JobRow, JobState, JobTemplate
from proctracker.sessions.controlled import Controlled
from proctracker.sessions.job import Job, again, restore, template_of
from proctracker.tracker import infos, waits
from proctracker.tracker.hosts import unknown
from proctracker.tracker.track import Track

if TYPE_CHECKING:
    from proctracker.sessions.keywords import Timeout


class JobArray(Controlled):
    """Stands for an array of jobs (GFD.194 8.5).

    Made by sessions. It compares and hashes by home and id, pickles, and survives a fork.

    A control acts on every task in a fitting state and reaches the others when one fails for another reason, which is
    raised then, naming it; InvalidStateException only if none was in a fitting state.
    """

    def __init__(
        self, track: Track, array_id: str, given: Mapping[str, Any] | None = None, tasks: Any = None, facts: Any = None
    ) -> None:
        """Made by sessions only."""
        self._track, self.job_array_id, self._given, self._facts = track, array_id, given, facts
        self._tasks: list[int] | None = tasks
        self._jobs: list[Job] | None = None

    @property
    def id(self) -> str:
        """The same as ``job_array_id``."""
        return self.job_array_id

    @property
    def jobs(self) -> list[Job]:
        """The tasks as jobs, in order, whatever their states."""
        if self._jobs is None:
            self._jobs = [Job(self._track, name, self._given, self._facts) for name in self._ids()]
        return list(self._jobs)

    @property
    def job_list(self) -> list[Job]:
        """The same as ``jobs``."""
        return self.jobs

    @property
    def job_template(self) -> JobTemplate:
        """A template equal to the one submitted."""
        if self._given is not None:
            return JobTemplate(self._given)
        return template_of(self._track, self._rows()[0])

    # waiting

    def wait_started(self, timeout: Timeout = INFINITE_TIME) -> None:
        """Block until every task has started (or ended). TimeoutException after so many seconds."""
        waits.wait(self._track.place, self._left(), "started", False, waits.seconds(timeout))

    def wait_terminated(self, timeout: Timeout = INFINITE_TIME) -> list[JobInfo]:
        """Block until every task has ended, and return how, in order, or raise TimeoutException."""
        rows = waits.wait(self._track.place, self._left(), "ended", False, waits.seconds(timeout))
        waits.told(self._track.place, rows)
        return self._told(rows)

    def __await__(self) -> Generator[Any, None, list[JobInfo]]:
        """Await the JobInfos of the ended tasks, which a cancel leaves alone."""
        return self._ended().__await__()

    async def _ended(self) -> list[JobInfo]:
        import asyncio

        from proctracker.sessions import awaits

        place = self._track.place
        return self._told(await asyncio.gather(*(awaits.ended(place, name) for name in self._left())))

    def _told(self, rows: list[JobRow]) -> list[JobInfo]:
        place = self._track.place
        facts = self._facts
        if facts is None and rows:
            facts = place.hosts.spec(rows[0])
        return [infos.info(row, facts, home=place.home) for row in rows]

    def resubmit(self, failed: bool = False, after: Any = None, after_any: Any = None) -> JobArray:
        """Submit the same tasks as a new array, with ``failed`` those that did not end DONE.

        The rest as Job.resubmit.
        """
        rows = self._rows()
        if failed:
            rows = [row for row in rows if row.ended and row.state != JobState.DONE]
            if not rows:
                raise InvalidArgumentException(f"array {self.job_array_id}: no task has failed")
        return JobArray(self._track, again(self._track, rows, after, after_any))

    def _act(self, action: str, **options: Any) -> None:
        self._track.forget_all()
        self._track.place.act_on_all(self._left(), action, f"array {self.job_array_id}", **options)
        self._track.forget_all()

    # which tasks

    def _ids(self) -> list[str]:
        if self._tasks is None:
            found = self._track.place.hosts.array(self.job_array_id)
            if found is None:
                raise unknown(self.job_array_id)
            self._tasks = found[0].indices
        return [f"{self.job_array_id}_{task}" for task in self._tasks]

    def _left(self) -> list[str]:
        """Ids of the tasks that were not reaped."""
        ids = self._ids()
        return self._track.place.reader.ids(array=int(self.job_array_id)) or ids

    def _rows(self) -> list[JobRow]:
        return list(self._track.place.hosts.rows(self._left()).values())

    def __reduce__(self) -> tuple[Any, ...]:
        return restore, (JobArray, self._track.place.home.path, self._track.session, self.job_array_id, self._given)
