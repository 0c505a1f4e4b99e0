"""One supervisor: names all parts, puts them together and wires who is called when."""

from __future__ import annotations

import gc
from contextlib import suppress

from proctracker.model.observation import LOST
from proctracker.store import Home
from proctracker.supervisor.base.faults import Faults
from proctracker.supervisor.base.here import Here
from proctracker.supervisor.base.idle import Idle
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.base.lifecycle import Lifecycle
from proctracker.supervisor.base.seat import Seat
from proctracker.supervisor.cleanup.forgetting import Forgetting
from proctracker.supervisor.cleanup.leftovers import Leftovers
from proctracker.supervisor.cleanup.removal import Removal
from proctracker.supervisor.cleanup.tidying import Tidying
from proctracker.supervisor.control.actions import Actions
from proctracker.supervisor.control.batch import BatchControls
from proctracker.supervisor.control.guests import Guests
from proctracker.supervisor.control.halting import Halting
from proctracker.supervisor.control.restarts import Restarts
from proctracker.supervisor.control.stopping import Stopping
from proctracker.supervisor.processes.calls import Calls
from proctracker.supervisor.processes.children import Children
from proctracker.supervisor.processes.jobgroups import Groups
from proctracker.supervisor.processes.watch import KeeperNotes, Watch
from proctracker.supervisor.relocation import Relocation
from proctracker.supervisor.running.batchjobs import BatchJobs
from proctracker.supervisor.running.container_start import ContainerStarts
from proctracker.supervisor.running.containers import Containers
from proctracker.supervisor.running.contexts import Contexts
from proctracker.supervisor.running.exitfiles import ExitFiles
from proctracker.supervisor.running.exits import Exits
from proctracker.supervisor.running.handover import Handovers
from proctracker.supervisor.running.launcher import Launcher
from proctracker.supervisor.running.outputlimit import OutputLimits
from proctracker.supervisor.running.outputs import Outputs
from proctracker.supervisor.running.process_start import ProcessStart
from proctracker.supervisor.running.remains import Remains
from proctracker.supervisor.running.request import Requests
from proctracker.supervisor.running.resumption import Resumption
from proctracker.supervisor.running.sharednotes import SharedNotes
from proctracker.supervisor.running.startfolders import StartFolders
from proctracker.supervisor.scheduling.queue import Queue
from proctracker.supervisor.scheduling.storewatch import StoreWatch
from proctracker.supervisor.serving.adoption import Adoption
from proctracker.supervisor.serving.departure import Departure
from proctracker.supervisor.serving.followers import Followers
from proctracker.supervisor.serving.intake import Intake
from proctracker.supervisor.serving.notices import Notices
from proctracker.supervisor.serving.operations import (
    JobRequests,
    PushRequests,
    SessionRequests,
    SightRequests,
    SupervisorRequests,
    by_name,
)
from proctracker.supervisor.serving.presence import Presence
from proctracker.supervisor.serving.server import Server
from proctracker.supervisor.serving.waits import Waits
from proctracker.supervisor.upgrade import upgrade

ORPHANED = 75
"""Exit status that says: the keeper has gone, be the keeper now."""


class Service:
    """All parts of one supervisor, each made of those above it."""

    def __init__(self, home: Home, key: str, seat: Seat) -> None:
        self.here = here = Here(home, key, seat)
        self.lifecycle = Lifecycle(here)
        self.faults = Faults(here.jobs, self.lifecycle.broken, here.ledger.flush)
        self.idle = Idle(here, lambda: self.departure.leave())
        self.groups = Groups(seat.keeper)
        here.me["delegated"] = self.groups.base is not None
        self.children = Children(here.loop, here.seat.journal, lambda: self.stopping.stop())
        self.watch = Watch(here.loop, here.seat, self.children)
        self.keeper_notes = KeeperNotes(here, self.watch)
        self.calls = Calls(here.loop, here.settings, self.children, self.watch)
        self.storewatch = StoreWatch(here.loop, here.files, here.store.path)
        self.queue = Queue(here, self.storewatch, self.lifecycle, lambda job: self.launcher.start(job))
        self._make_running()
        self.removal = Removal(here, self.calls, self.outputs, self.idle)
        restarts = Restarts(here, self.calls, self.containers, self.lifecycle, self.removal.by_force)
        self.batch_controls = BatchControls(here, self.calls, self.lifecycle, self.batch)
        self.guests = Guests(here, self.calls, self.notes)
        self.actions = Actions(here, self.calls, self.lifecycle, self.queue, restarts, self.batch_controls, self.guests)
        self.halting = Halting(here.store.failed, here.jobs.task_jobs, self.lifecycle.noted, self.actions.end)
        self.stopping = Stopping(here.loop, self.queue, self.idle)
        self.leftovers = Leftovers(here, self.groups, self.idle)
        self.forgetting = Forgetting(
            here, self.lifecycle, self.queue, self.containers, self.outputs, self.actions, self.removal, self.idle
        )
        self.tidying = Tidying(here, self.outputs, self.removal, self.forgetting)
        self._make_serving()
        self.relocation = Relocation(here, self.calls, self.groups)
        self._wire()
        self._wire_others()

    def _make_running(self) -> None:
        """Make what takes a job from its turn to its exit."""
        here, lifecycle = self.here, self.lifecycle
        self.contexts = Contexts(here.store)
        self.outputs = Outputs(here.home)
        self.output_limits = OutputLimits(here, self.outputs)
        self.folders = StartFolders(here.home)
        self.exitfiles = ExitFiles(here.loop, here.files)
        self.exits = Exits(here, self.groups, self.outputs, self.output_limits, lifecycle)
        requests = Requests(here, self.contexts, self.outputs)
        self.process_start = ProcessStart(
            here, requests, self.outputs, self.groups, lifecycle, self.children, self.queue.delay, self.exits.process
        )
        self.containers = Containers(
            here, self.calls, self.watch, self.exitfiles, self.outputs, self.folders, lifecycle, self.exits
        )
        remains = Remains(here.loop, self.calls)
        self.container_starts = ContainerStarts(
            here,
            requests,
            self.calls,
            lifecycle,
            self.containers,
            self.outputs,
            self.folders,
            self.queue.bound,
            remains,
        )
        self.resumption = Resumption(here, self.calls, self.watch, self.folders, lifecycle, self.containers, remains)
        self.notes = SharedNotes(here.home.records)
        self.batch = BatchJobs(
            here,
            self.calls,
            lifecycle,
            self.notes,
            ended=self.exits.batch,
            lost=lambda job, why: lifecycle.lost(job, LOST, why),
            broken=lifecycle.broken,
            anew=lambda job: lifecycle.given_up(job) if job.ending else lifecycle.start_lost(job),
        )
        handovers = Handovers(here, requests, self.calls, self.outputs, self.folders, lifecycle, self.batch, self.queue)
        self.launcher = Launcher(lifecycle, self.process_start.begin, self.container_starts.begin, handovers.start)

    def _make_serving(self) -> None:
        """Make what answers clients."""
        here, queue = self.here, self.queue
        self.server = Server(here.loop, here.seat.listener)
        self.notices = Notices(here, queue, self.server.connections)
        self.waits = Waits(here, self.guests)
        self.followers = Followers(here, self.storewatch)
        self.intake = Intake(here, queue, self.contexts, self.actions.clocks, self.notices)
        adoption = Adoption(here, self.lifecycle, queue, self.resumption)
        self.presence = Presence(here, self.server)
        self.departure = Departure(here, self.calls, self.server, self.presence)
        self.server.operations = by_name(
            SupervisorRequests(
                here,
                queue,
                self.notices,
                self.server.connections,
                self.departure.give_way,
                lambda command: upgrade(here, self.close, command),
            ),
            JobRequests(here, self.intake, adoption, self.actions, self.forgetting, self.notices),
            SightRequests(here, self.containers, self.batch, self.guests),
            PushRequests(self.waits, self.followers, self.notices),
            SessionRequests(here.ledger, queue, self.forgetting),
        )

    def _wire(self) -> None:
        """Say who is called in a job's life, in this order."""
        life = self.lifecycle
        life.on_started += [
            self.containers.started,
            self.actions.clocks.limit_time,
            self.output_limits.started,
            self.actions.catch_up,
        ]
        life.on_requeued += [
            self.removal.requeued,
            self.containers.ended,
            self.batch.forget,
            self.folders.over,
            self.leftovers.due,
            self.queue.requeued,
        ]
        life.on_ended += [
            self.halting.ended,  # before slots are given back, lest another task begins
            self.containers.ended,
            self.batch.forget,
            Job.drop_stdin,
            self.folders.over,
            self.queue.ended,  # slots are given back before dependants are looked at
            self.removal.ended,
            self.leftovers.ended,
            self.forgetting.ended,
            self.tidying.ended,
            lambda job: self.idle.soon(),
        ]

    def _wire_others(self) -> None:
        """Say who hears of commits, schedulers, forgotten jobs and clients, and what keeps us awake."""
        ledger = self.here.ledger
        ledger.before = self.process_start.settle
        ledger.on_change = self.waits.changed
        ledger.told = self._told
        ledger.trouble = self.notices.trouble
        self.batch.looks.trouble = lambda text: self.notices.trouble(text, "scheduler")
        self.batch.handed_on = self.queue.chains.handed
        self.batch.dependencies = self.queue.dependencies
        self.queue.chains.holds, self.queue.chains.ask = self.batch.sightings.holds, self.batch.sightings.ask
        self.guests.watch.looks.trouble = lambda text: self.notices.trouble(text, "scheduler of other hosts' jobs")
        self.guests.on_change += [self.waits.changed, lambda row: self.here.loop.soon(self.waits.flush)]
        self.idle.replaced = lambda: self.presence.replaced
        ledger.urgent = lambda row: (
            bool(self.followers) or self.waits.wanted(row) or self.queue.dependencies.awaited(row.id)
        )
        self.forgetting.on_forgotten += [self._forget_contexts, self.waits.removed]
        self.forgetting.on_destroyed += [self.intake.forget_session, self.queue.limits_changed]
        self.tidying.on_contexts_dropped += [self.contexts.forget, self.intake.forget_contexts]
        self.server.on_read += [self.followers.feed]
        self.server.on_gone += [self.waits.gone, self.followers.gone, lambda connection: self.idle.soon()]
        self.idle.before_leaving += [self.tidying.tidy]
        self.idle.keep_awake += [
            self._has_jobs,
            lambda: self.server.connections,
            lambda: len(self.calls),
            lambda: self.leftovers.busy,
            lambda: self.removal.busy,
            lambda: self.forgetting.busy,
        ]

    def _forget_contexts(self, ids: object) -> None:
        """Forget what was known of contexts, as jobs were forgotten."""
        self.contexts.forget()
        self.intake.forget_contexts()
        self.tidying.soon()

    def _told(self) -> None:
        """Tell of what is durable now."""
        self.waits.flush()
        self.followers.feed()

    def _has_jobs(self) -> bool:
        """Whether there are jobs, or (while the queue is paused) some that have begun."""
        jobs = self.here.jobs
        if self.queue.paused:
            return any(not job.waits for job in jobs)
        return any(not self.batch.left_alone(job) for job in jobs)

    def run(self) -> int:
        """Serve until there is nothing to do, and return 0, or ORPHANED without a keeper."""
        self.server.open()
        self.presence.begin()
        self.tidying.begin()
        self.idle.soon()
        self.relocation.begin()
        self.halting.begin(self.here.jobs)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)  # few objects here have cycles, and a look at all costs more than a start
        with suppress(OSError), open("/proc/self/clear_refs", "wb", buffering=0) as file:
            file.write(b"5")  # else a job's max rss has our peak as its floor
        with self.faults:
            self.here.loop.run()
        return 0 if self.presence.leaving else ORPHANED

    def close(self) -> None:
        """Give back what the next supervisor of this process has to open again."""
        here = self.here
        self.server.close()
        self.children.close()
        self.guests.close()
        for job in here.jobs:
            self.containers.ended(job)
            job.drop_stdin()
        self.calls.close()
        self.process_start.close()
        self.outputs.close()
        here.ledger.close()
        self.presence.close()
        here.files.close()
        here.loop.close()
        here.home.release()
