"""The supervisor: what its parts share, how they are put together, when it goes."""

from __future__ import annotations

import gc
import os

from proctracker.linux import procfs
from proctracker.model import JobRow, JobState
from proctracker.model.observation import LOST
from proctracker.store import Home, Store
from proctracker.supervisor import log
from proctracker.supervisor.base import settings, shapes
from proctracker.supervisor.base.jobs import Job, Jobs
from proctracker.supervisor.base.ledger import Ledger
from proctracker.supervisor.base.lifecycle import Ends
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.cleanup.forgetting import Reaping
from proctracker.supervisor.cleanup.leftovers import Sweeps
from proctracker.supervisor.cleanup.removal import Removal
from proctracker.supervisor.cleanup.tidying import Housekeeping
from proctracker.supervisor.control.actions import Controls
from proctracker.supervisor.control.batch import BatchControls
from proctracker.supervisor.keeper import Seat
from proctracker.supervisor.processes import jobgroups, spawn
from proctracker.supervisor.processes.calls import Calls
from proctracker.supervisor.processes.children import Reaper
from proctracker.supervisor.processes.command import NOT_STARTED
from proctracker.supervisor.processes.conmon import Monitors
from proctracker.supervisor.processes.watch import Afar
from proctracker.supervisor.recovery import recover
from proctracker.supervisor.relocation import Relocation
from proctracker.supervisor.running.batchjobs import BatchJobs
from proctracker.supervisor.running.containers import Containers
from proctracker.supervisor.running.contexts import Context
from proctracker.supervisor.running.exitfiles import ExitFiles
from proctracker.supervisor.running.guests import Guests
from proctracker.supervisor.running.handover import Handovers
from proctracker.supervisor.running.launcher import Starter
from proctracker.supervisor.running.outputlimit import OutputLimits
from proctracker.supervisor.running.outputs import Outputs
from proctracker.supervisor.running.sharednotes import SharedNotes
from proctracker.supervisor.running.startfolders import StartFolders
from proctracker.supervisor.scheduling.queue import Queue
from proctracker.supervisor.scheduling.storewatch import Neighbours
from proctracker.supervisor.serving.followers import Followers
from proctracker.supervisor.serving.intake import Intake
from proctracker.supervisor.serving.notices import Notices
from proctracker.supervisor.serving.presence import Presence
from proctracker.supervisor.serving.server import Server
from proctracker.supervisor.serving.waits import Waits
from proctracker.supervisor.upgrade import upgrade
from proctracker.wire import confinement

ORPHANED = 75
"""Exit status that says: the keeper has gone, be the keeper now."""

CONTEXTS = 64
"""Contexts kept parsed."""


class Core:
    """All there is of one supervisor."""

    def __init__(self, home: Home, key: str, seat: Seat) -> None:
        self.home, self.key, self.seat = home, key, seat
        self.uuid = home.uuid
        self.boot = procfs.boot_id()
        self.settings = settings.load(home, key)
        self.loop = Loop()
        self.store = Store(home, os.environ.get("PROCTRACKER_DURABILITY", "process"))
        self.ledger = Ledger(self.store, seat.journal, self.loop)
        self.jobs = Jobs()
        self.own = spawn.own()
        self.groups = jobgroups.Groups(seat.keeper)
        self.me = confinement.describe()
        self.me["delegated"] = self.groups.base is not None
        self.contexts: dict[str, Context] = {}
        self.stands_in = bool(os.environ.get(confinement.STANDS_IN))
        """Started from another confinement: it controls what its key's last supervisor left, and starts nothing."""
        self.paused = False
        """Queued jobs wait: they were left by a reboot or a double death, and nobody has said that they may go on."""
        self.leaving = False
        self.outputs = Outputs(home)
        self.output_limits = OutputLimits(self)
        self.calls = Calls(self)
        self.afar = Afar(self)
        self.folders = StartFolders(home)
        self.waits = Waits(self)
        self.neighbours = Neighbours(self)
        self.followers = Followers(self)
        self.queue = Queue(self)
        self.starter = Starter(self)
        self.notices = Notices(self)
        self.containers = Containers(self)
        self.monitors = Monitors(self)
        self.exits = ExitFiles(self)
        self.ends = Ends(self)
        self.controls = Controls(self)
        self.batch = BatchJobs(
            self.loop,
            self.ledger,
            self.calls,
            home.records,
            self.boot,
            ended=self.ends.batch,
            lost=lambda job, why: self.ends.lost(job, LOST, why),
            anew=lambda job: self.ends.given_up(job) if job.ending else self.ends.start_lost(job),
            trouble=lambda text: self.notices.trouble(text, "scheduler"),
            notes=SharedNotes(home.records),
        )
        self.guests = Guests(
            home,
            self.store,
            self.loop,
            self.calls,
            self.boot,
            changed=self._guest_changed,
            trouble=lambda text: self.notices.trouble(text, "scheduler of other hosts' jobs"),
        )
        self.handovers = Handovers(
            home,
            self.ledger,
            self.calls,
            self.outputs,
            self.folders,
            self.ends,
            self.batch,
            request=lambda job, runtime: self.starter.request(job, runtime, self.starter.ours(job)),
            context=self.context,
            throttle=self.queue.throttle,
            over=self.starter.engine_started,
        )
        self.batch_controls = BatchControls(self.loop, self.ledger, self.calls, self.jobs, self.batch)
        self.sweeps = Sweeps(self)
        self.intake = Intake(self)
        self.removal = Removal(self)
        self.reaping = Reaping(self)
        self.housekeeping = Housekeeping(self)
        self.relocation = Relocation(self)
        self.reaper = Reaper(self)
        self.server = Server(self)
        self.presence = Presence(self)
        self.ledger.on_change = self.waits.changed
        self.ledger.told = self._told
        self.ledger.trouble = self.notices.trouble
        self.ledger.before = self.starter.settle
        self.ledger.urgent = lambda row: (
            bool(self.followers) or self.waits.wanted(row) or self.queue.dependencies.awaited(row.id)
        )

    def _guest_changed(self, row: JobRow) -> None:
        self.waits.changed(row)
        self.loop.soon(self.waits.flush)

    def _told(self) -> None:
        """Something is durable: tell of it."""
        self.waits.flush()
        self.followers.feed()

    def context(self, key: str) -> Context | None:
        """A context by its key; None once it was dropped."""
        found = self.contexts.get(key)
        if found is None:
            text = self.store.context(key)
            if text is None:
                return None
            if len(self.contexts) >= CONTEXTS:
                self.contexts.clear()
            found = self.contexts[key] = Context(text, self.own)
        return found

    def mark(self, row: JobRow) -> str:
        """What the processes of a job carry in their environment."""
        return f"{self.uuid}/{row.id}/{row.attempt}"

    def load(self, row: JobRow, specs: dict[int, tuple[str, str]]) -> Job:
        """A job of the store, taken in. One that cannot be handled, whatever its record holds, has failed; it alone.

        A process that runs is followed to its end all the same.
        """
        wrong = shapes.mend(row)
        text, context = specs.get(row.spec, ("{}", ""))
        spec = shapes.parsed(text)
        unfit = shapes.problem(spec, shapes.SPEC)
        job = Job(row, {} if unfit else spec, context)
        job.cgroup = None if row.container or not row.pid else self.groups.of(row)
        self.jobs.add(job)
        followed = row.container is None and row.state in (JobState.RUNNING, JobState.SUSPENDED)
        if wrong:
            self.ledger.accept(lambda store: store.update(row, shapes.MENDED))
        if wrong or (unfit and not followed):
            self.ends.not_started(job, NOT_STARTED, f"it cannot be handled: {wrong or unfit}")
        return job

    def serve(self) -> int:
        """Be the supervisor of the seat; 0 when there is nothing left to do, ORPHANED when the keeper has gone."""
        try:
            return self.run()
        finally:
            self.close()

    def recover(self) -> None:
        """Take in what a former supervisor left. Raises Drmaa2Exception where the store cannot be read."""
        self.loop.watch(self.seat.note, self._note)
        recover(self)

    def run(self) -> int:
        """Serve until there is nothing to do; the exit status."""
        self.server.open()
        self.presence.begin()
        self.housekeeping.begin()
        self.relocation.begin()
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)  # few objects here have cycles, and a look at all costs more than a start
        try:
            with open("/proc/self/clear_refs", "wb", buffering=0) as file:
                file.write(b"5")
        except OSError:
            pass  # a job's max rss has our peak as its floor then
        self.loop.run()
        return ORPHANED if not self.leaving else 0

    def _note(self) -> None:
        """The keeper reaped a process of a former supervisor, or has gone."""
        try:
            said = os.read(self.seat.note, 4096)
        except BlockingIOError:
            return
        if said:
            self.reaper.kept()
            return
        self.loop.forget(self.seat.note)
        self.reaper.kept(final=True)
        self.ledger.flush()
        self.loop.stop()

    def leave(self) -> None:
        """End this supervisor if really nobody is there: the name goes first, so whoever comes now finds none."""
        if self.presence.hide() and self.server.accept():
            self.presence.show()
            return
        log.say("leaves: nothing is left to do")
        self.leaving = True
        self.loop.stop()

    def give_way(self) -> None:
        """Leave the seat to a client that is of our confinement, for which we stand in; none of the processes is our child."""
        if self.calls:
            self.loop.after(0.05, self.give_way)
            return
        self.ledger.flush()
        self.presence.hide()
        log.say("leaves: its place is taken by a supervisor of the same confinement as its callers")
        self.leaving = True
        self.loop.stop()

    def upgrade(self, command: list[bytes]) -> None:
        """Let another release go on: it is tried first, then the keeper is told, then this process becomes it.

        Raises DrmCommunicationException where the new release does not answer ``--probe``; nothing has changed then.
        """
        upgrade(self, command)

    def close(self) -> None:
        """Give back what the next supervisor of this process has to open again."""
        self.server.close()
        self.reaper.close()
        self.guests.close()
        self.neighbours.close()
        for job in self.jobs:
            self.containers.ended(job)
        self.exits.close()
        self.calls.close()
        self.starter.close()
        self.relocation.close()
        self.output_limits.close()
        self.outputs.close()
        self.ledger.close()
        self.presence.close()
        self.loop.close()
        self.home.release()
