"""Watches running containers, and inspects each once when it exits."""

from __future__ import annotations

import os
import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.linux import cgroups, clock, procfs
from proctracker.model import JobRow, JobState, Observation
from proctracker.model.observation import LOST
from proctracker.runtimes import inspection
from proctracker.supervisor.base.jobs import Job, Phase, engine_of
from proctracker.supervisor.running import boots, exitfiles, removers, sampling
from proctracker.supervisor.running.polled import Polled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.processes.watch import Exit, Watch
    from proctracker.supervisor.running.exitfiles import ExitFiles
    from proctracker.supervisor.running.exits import Exits
    from proctracker.supervisor.running.outputs import Outputs
    from proctracker.supervisor.running.startfolders import StartFolders

PATIENCE = 15.0
"""Seconds an engine may go on calling a container running whose process has gone."""

WITHOUT_CODE = 2.0
"""Seconds within which an engine that tells of an end without an exit code may find one."""

APART = 0.5
"""Seconds between two questions to an engine that is down, on the average."""


class Containers:
    """Watches containers from their start to their end."""

    def __init__(
        self,
        here: Here,
        calls: Calls,
        watch: Watch,
        exitfiles: ExitFiles,
        outputs: Outputs,
        folders: StartFolders,
        lifecycle: Lifecycle,
        exits: Exits,
    ) -> None:
        self._here, self._calls, self._watch, self._exitfiles = here, calls, watch, exitfiles
        self._outputs, self._folders, self._lifecycle, self._exits = outputs, folders, lifecycle, exits
        self._struck: set[str] = set()
        self._polled = Polled(here.loop, self.look)
        self._awaited: dict[str, Exit] = {}

    def runs(self, job: Job, seen: Observation) -> None:
        """Take in what is seen of a container that was started, or was found again."""
        row = job.row
        if row.ended:
            return
        self._struck.discard(row.id)
        if seen.state.ended or seen.state == JobState.UNDETERMINED:
            self._has_run(job, seen)
            return
        pid = seen.pid
        stat = procfs.stat(pid) if pid else None
        process = (pid, stat.ticks) if pid and stat else None
        began = seen.started or (procfs.started_at(pid) if pid and stat else time.time())
        self._lifecycle.contained(job, seen, process, began)

    def started(self, job: Job) -> None:
        """Watch the process of a container that runs from now on."""
        if not job.supervised:
            self._follow(job)

    def _has_run(self, job: Job, seen: Observation) -> None:
        """Follow a container that has ended with its start, or whose state has no known word."""
        row = job.row
        if seen.annotation and seen.started is None and seen.exit_status in (125, 126, 127):
            self._outputs.empty(row, job.spec.get("output_dir"))
            self._lifecycle.not_started(job, seen.exit_status, seen.annotation)
            return
        self._lifecycle.ran(job, seen)
        if _tells(job, seen):
            self._told(job, seen, None, clock.boottime())
        else:
            self._ask(job, clock.boottime())

    def belongs(self, pid: int, name: str, container_id: str | None) -> bool:
        """Return whether a pid told by an engine is that container's, on this machine."""
        return any(cgroups.has_name(pid, each) for each in (container_id, name) if each)

    def is_here(self, row: JobRow) -> bool:
        """Return whether a container's process as it is recorded runs on this machine."""
        return bool(row.pid and self.belongs(row.pid, row.container or "", row.container_id))

    def _follow(self, job: Job) -> None:
        """Watch the container's process, or look once a second where there is none here."""
        row, job.monitor = job.row, None
        self._unwatch(job)
        if row.pid and self.is_here(row):
            job.cgroup = cgroups.paths(row.pid, row.container_id or row.container)
            job.monitor = exitfiles.monitor(job)
            sampling.begin(self._here.loop, job, self._usage)
            # Where /proc is read, that is when to see what was used: nothing tells it after the end.
            gone, meanwhile = job.now(lambda: self.gone(job)), job.now(lambda: self._usage(job))
            found = self._awaited[row.id] = self._watch.exited(row.pid, row.ticks, gone, meanwhile)
            job.pidfd = found.fd if found.at_once else None
            return
        self._polled.add(job)

    def _unwatch(self, job: Job) -> None:
        self._polled.drop(job.row.id)
        sampling.over(job)
        self._watch.forget(self._awaited.pop(job.row.id, None))
        job.pidfd = None

    def gone(self, job: Job, seen: bool = True, answer: Observation | None = None) -> None:
        """Ask exit files, then the engine, how a container ended, just now or before, unless that is known."""
        if job.row.ended:
            return
        job.seen = seen
        self._usage(job)
        self._unwatch(job)
        job.tries, gone = 0, clock.boottime()
        told = job.now(lambda found=None: self._told(job, found, None, gone) if found else self._ask(job, gone))
        if job.streams:
            # What it wrote is still on its way through the command that carries its streams.
            job.timer("look", self._here.loop.after(PATIENCE, told))
            job.gone = gone
        elif answer is not None and _tells(job, answer):
            told(answer)
        else:
            self._exitfiles.ask(job, told)

    def _usage(self, job: Job) -> None:
        if sampling.look(job):
            self._struck.add(job.row.id)

    def _ask(self, job: Job, gone: float) -> None:
        """One look at a container whose process has gone."""
        runtime, engine = runtimes.get(job.row.runtime), engine_of(job)
        name = job.row.address

        def seen(found: Any, error: Drmaa2Exception | None) -> None:
            self._told(job, found, error, gone)

        self._calls.converse(engine, runtime.end(engine, name), job.now(seen))

    def _told(self, job: Job, found: Observation | None, error: Drmaa2Exception | None, gone: float) -> None:
        here, row = self._here, job.row
        if row.ended or (job.ending and row.saved):
            return  # of a live one the output is saved where it is just being removed (restarts.py)
        if error is not None:
            self._unanswered(job, error, gone)
            return
        found = boots.judged(here.boot, job, found)
        if found is None or self._another(job, found):
            why = "its container was removed by somebody else"
            self._lifecycle.lost(job, "removed", why, job.ended_at(gone))
        elif found.state.ended and removers.are_at(job, found, self._calls):
            job.timer("look", here.loop.after(0.1, lambda: self._ask(job, gone)))
        elif found.state.ended:
            self._exits.container(job, found, found.oom or self._killed(row), gone)
        elif found.state in (JobState.RUNNING, JobState.SUSPENDED) and procfs.lives(found.pid or 0):
            # Restarted, or never gone.
            self.runs(job, found)
        elif found.sub_state == inspection.CHECKPOINTED:
            self._checkpointed(job)
        elif found.sub_state == inspection.RESTARTING:
            self._lifecycle.resumed(job, inspection.RESTARTING)
            self._again(job, clock.boottime(), 0.5)
        elif row.boot != here.boot or clock.boottime() - gone > (WITHOUT_CODE if found.annotation else PATIENCE):
            said = f"its process has gone and its engine says {found.sub_state or found.state.name}"
            self._lifecycle.lost(job, LOST, found.annotation or said, job.ended_at(gone))
        else:
            self._again(job, gone, 0.02)

    def _unanswered(self, job: Job, error: Drmaa2Exception, gone: float) -> None:
        """Ask an engine that is down again, until it says how the container ended."""
        if not os.path.isdir(self._here.home.here):
            self._lifecycle.lost(job, "lost", error.message, job.ended_at(gone))
            return
        self._lifecycle.noted(job, error.message)
        self._again(job, gone, 1.0)

    def _checkpointed(self, job: Job) -> None:
        """Frozen to disk by hand, it may be restored: nobody but its engine tells when."""
        if job.row.sub_state != inspection.CHECKPOINTED:
            self._lifecycle.suspended(job, inspection.CHECKPOINTED)
        self._again(job, clock.boottime(), 0.5)

    def _another(self, job: Job, found: Observation) -> bool:
        """Return whether a container of the job's name is another one, by its start time."""
        row, running = job.row, found.state in (JobState.RUNNING, JobState.SUSPENDED)
        return running and found.container_id == row.container and None is not row.pid != found.pid

    def _again(self, job: Job, gone: float, least: float) -> None:
        job.tries = min(job.tries + 1, 6)
        most = max(5.0, APART * sum(1 for other in self._here.jobs if other.tries))
        job.timer("look", self._here.loop.after(min(least * 2 ** (job.tries - 1), most), lambda: self._ask(job, gone)))

    def _killed(self, row: JobRow) -> bool:
        return row.id in self._struck or self._folders.struck(row)

    def inherit(self, jobs: Sequence[Job]) -> None:
        """Take over what a former supervisor watched: what runs is watched before its engine has answered.

        It may end meanwhile, and the answer takes long where the machine is busy.
        """
        for job in jobs:
            row = job.row
            if row.boot == self._here.boot and not job.scheduled and self.is_here(row):
                self._follow(job)
        self.look([job.row.id for job in jobs])

    def look(self, ids: Sequence[str]) -> None:
        """Look at these containers now, those of one engine in one call."""
        groups: dict[tuple[str, str], list[Job]] = {}
        for name in ids:
            job = self._here.jobs.find(name)
            if job is not None and job.phase is Phase.RUNNING and runtimes.get(job.row.runtime).containers:
                groups.setdefault((job.row.runtime, repr(job.spec.get("engine"))), []).append(job)
        for jobs in groups.values():
            self._look(jobs)

    def _look(self, jobs: list[Job]) -> None:
        runtime, engine = runtimes.get(jobs[0].row.runtime), engine_of(jobs[0])
        calls = [(job, job.row.address, job.now(self._looked)) for job in jobs]

        def seen(found: Any, error: Drmaa2Exception | None) -> None:
            for job, name, call in calls:
                call(job, (found or {}).get(name), error)

        self._calls.converse(engine, runtime.look(engine, [name for _, name, _ in calls]), seen)

    def _looked(self, job: Job, found: Observation | None, error: Drmaa2Exception | None) -> None:
        row = job.row
        if row.ended or job.phase is Phase.STARTING:
            return
        if error is not None:
            if job.pidfd is None:
                job.timer("look", self._here.loop.after(5.0, lambda: self.look([row.id])))
            return
        found = boots.judged(self._here.boot, job, found)
        if found is None or found.state.ended or found.state.queued or found.sub_state == LOST:
            self.gone(job, seen=False, answer=found)
        elif found.state == JobState.UNDETERMINED:
            self._follow(job)
        elif found.pid and found.pid != row.pid:
            self.runs(job, found)
        else:
            self._lifecycle.settled(job, found)
            if row.id not in self._awaited and row.id not in self._polled:
                self._follow(job)

    def stream_command_ended(self, job: Job) -> None:
        """Look at the container whose streams' command has exited."""
        if job.row.ended:
            return
        if job.gone:
            job.timer("look", None)
            self._ask(job, job.gone)
        elif job.pidfd is None:
            self.gone(job)

    def ended(self, job: Job) -> None:
        """A job has ended: nothing of it is watched any more."""
        self._unwatch(job)
        self._exitfiles.forget(job)
        self._struck.discard(job.row.id)


def _tells(job: Job, seen: Observation) -> bool:
    """Whether a look says all there is to know of an end."""
    known = seen.exit_status is not None or seen.terminating_signal
    return bool(runtimes.get(job.row.runtime).keeps_logs and seen.state.ended and known)
