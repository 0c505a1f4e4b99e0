"""Ends containers that restart fast, which take no signal between two runs."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import ImplementationSpecificException, InvalidStateException
from proctracker.model import JobState
from proctracker.model.marks import ENDING
from proctracker.runtimes import flags, inspection
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.running.request import template_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from proctracker.errors import Drmaa2Exception
    from proctracker.model import Observation
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.containers import Containers

    Done = Callable[["Drmaa2Exception | None"], None]
    Remove = Callable[[Job, Callable[[str | None], None]], None]

TRIES = 3
"""Signals that may fall between two runs before the container is removed by force."""

AGAIN = 0.2
"""Seconds between two tries to remove it."""


class Restarts:
    """Handles signals that fall between two runs, and ``remove``s a container by force."""

    def __init__(self, here: Here, calls: Calls, containers: Containers, lifecycle: Lifecycle, remove: Remove) -> None:
        self._here, self._calls, self._containers = here, calls, containers
        self._lifecycle, self._remove = lifecycle, remove

    def told(self, job: Job, error: Drmaa2Exception | None, again: Callable[[], None], done: Done) -> None:
        """Take in what an engine said of a signal.

        "Not running" is what was wanted, how it ended is on its way: or it runs again.
        """
        row = job.row
        if row.ended or not isinstance(error, InvalidStateException) or not _again_and_again(job):
            done(None if row.ended or isinstance(error, InvalidStateException) else error)
            return
        runtime, engine, attempt = runtimes.get(row.runtime), engine_of(job), row.attempt

        def looked(found: Any, problem: Drmaa2Exception | None) -> None:
            """Try again while it restarts, then remove it."""
            seen: Observation | None = (found or {}).get(row.address)
            if row.ended or row.attempt != attempt:
                done(None)
            elif problem is not None:
                done(problem)
            elif seen is None or seen.state.ended:
                done(None)
                self._containers.look([row.id])
            elif seen.sub_state != inspection.RESTARTING and job.tries < TRIES:
                job.tries += 1
                again()
            else:
                self._by_force(job, done)

        self._calls.converse(engine, runtime.look(engine, [row.address]), looked)

    def _by_force(self, job: Job, done: Done, tries: int = TRIES) -> None:
        """Remove it, its output saved: nothing else ends it for good in every release of podman.

        podman refuses a removal that meets the end of a run ("container state improper: stopped"), so it is tried again.
        """

        def removed(problem: str | None) -> None:
            """Record the end, or try again."""
            if job.row.ended:
                done(None)
            elif problem and tries > 1:
                self._here.loop.after(AGAIN, lambda: self._by_force(job, done, tries - 1))
            elif problem:
                self._containers.look([job.row.id])
                done(ImplementationSpecificException(f"job {job.row.id}: its container cannot be removed: {problem}"))
            else:
                why = "its engine started it again and again: its container was removed"
                self._lifecycle.refused(job, why, ENDING[job.ending or "terminating"])
                done(None)

        if job.row.state in (JobState.RUNNING, JobState.SUSPENDED):
            self._remove(job, removed)
        else:
            done(None)


def _again_and_again(job: Job) -> bool:
    """Whether the template has a restart policy."""
    return flags.restarts(template_of(job.row, job.spec, {}))
