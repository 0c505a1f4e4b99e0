"""Asks the engine what became of a container start that a former supervisor began."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.linux import procfs
from proctracker.model import JobState, Observation
from proctracker.model.observation import LOST
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.processes.command import NOT_STARTED
from proctracker.supervisor.running import boots, identity
from proctracker.supervisor.running.request import labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.processes.watch import Watch
    from proctracker.supervisor.running.containers import Containers
    from proctracker.supervisor.running.remains import Remains
    from proctracker.supervisor.running.startfolders import StartFolders

AGAIN = 2.0
"""Seconds until an engine is asked again that could not be."""


class Resumption:
    """Goes on with starts once the calls that make them are over."""

    def __init__(
        self,
        here: Here,
        calls: Calls,
        watch: Watch,
        folders: StartFolders,
        lifecycle: Lifecycle,
        containers: Containers,
        remains: Remains,
    ) -> None:
        self._here, self._calls, self._watch, self._remains = here, calls, watch, remains
        self._folders, self._lifecycle, self._containers = folders, lifecycle, containers

    def resume(self, job: Job) -> None:
        """Go on with a start that was under way."""
        pid, ticks = job.row.pid or 0, job.row.ticks or 0
        if pid and procfs.alive(pid, ticks):
            go_on = job.now(lambda: self.find(job))
            self._watch.how(pid, ticks, lambda end, when: self._call_over(job, go_on))
        else:
            self.find(job)

    def _call_over(self, job: Job, go_on: Callable[[], None]) -> None:
        """Go on with the start, or drop the files of one whose job was left meanwhile."""
        if job.row.ended:
            self._folders.drop(job.row)
        go_on()

    def find(self, job: Job) -> None:
        """Look for the container of a start whose call is over, and drop the call's files."""
        here, row, engine = self._here, job.row, engine_of(job)
        told = row.container_id or identity.told(identity.folder(here.home, row), row.container or "")
        marks = {**labels(here.uuid, row), **(job.spec.get("marks") or {})}
        self._folders.drop_given(row)

        def seen(found: Any, error: Drmaa2Exception | None) -> None:
            """Go on with what the engine has, or ask again where it did not answer."""
            observed: Observation | None = (found or {}).get(told)
            if observed is not None and not identity.agrees(marks, observed):
                observed = None
            if error is not None:
                job.timer("look", here.loop.after(AGAIN, job.now(lambda: self.find(job))))
            else:
                self._found(job, told or "", observed)

        look = runtimes.get(row.runtime).look(engine, [told] if told else [])
        self._calls.converse(engine, look, job.now(seen))

    def _found(self, job: Job, told: str, observed: Observation | None) -> None:
        boot = self._here.boot
        if job.row.boot != boot and _lost(boots.judged(boot, job, observed)):
            self._lifecycle.lost(job, LOST, "the machine was started anew while it was being started")
        elif observed is None or observed.state == JobState.QUEUED:
            self._never_started(job, told, observed)
        else:
            self._containers.runs(job, observed)

    def _never_started(self, job: Job, told: str, observed: Observation | None) -> None:
        """Remove what a start has made that was cut off before its first process."""
        row, there = job.row, told if observed is not None else None

        def cleared(left: str) -> None:
            if job.ending:
                self._lifecycle.given_up(job, left)
            elif observed is None:
                self._lifecycle.start_lost(job)
            else:
                reason = observed.annotation or "the engine created it and did not start it"
                self._lifecycle.not_started(job, NOT_STARTED, reason + left, made=False)

        start = identity.folder(self._here.home, row)
        self._remains.clear(runtimes.get(row.runtime), engine_of(job), start, there, True, job.now(cleared))


def _lost(judged: Observation | None) -> bool:
    """Whether nobody can tell what became of a start of a former boot: it may have run."""
    return judged is None or judged.sub_state == LOST
