"""What an ended job costs, and what goes when: reaping, sessions, kept containers and environments, our own leave."""

from __future__ import annotations

import time

from proctracker.errors import Drmaa2Exception
from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.supervisor import log
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from proctracker.supervisor.base.loop import Timer
    from proctracker.supervisor.service import Core

DUSK = 1.0
"""Seconds after the last end until environments of ended jobs are dropped and old containers removed."""

HOUR = 3600.0

STOPPING = 100.0
"""Seconds from TERM or HUP until that was no logout and no reboot: those end in KILL after 90."""

GONE = 600.0
"""Seconds for which a state directory that was removed or replaced may still come back, with ends to be written to it."""

AGAIN = 1.0
"""Seconds between tries to leave while the store cannot be written."""


class Housekeeping:
    """Removes what is no longer needed."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._idle: Timer | None = None
        self._dusk: Timer | None = None
        self._contexts: set[str] = set()
        self._stopping: Timer | None = None
        self._replaced: float | None = None

    def begin(self) -> None:
        """The supervisor is up; the one before may have been killed before its evening."""
        self._contexts = self._core.store.contexts()
        self.idle_soon()
        self.forget_soon()
        self._publish()

    def _publish(self) -> None:
        due = self._core.store.publish_due
        if due is not None:
            self._core.store.publish()
        if self._core.store.publish_due is not None or due is not None:
            self._core.loop.after(0.5, self._publish)

    # leaving

    def idle_soon(self) -> None:
        """Go some seconds from now, if nothing has come up by then."""
        if self._is_idle():
            self._go_in(0.0 if self._stopping else float(self._core.settings["idle"]))

    def _go_in(self, seconds: float) -> None:
        if self._idle:
            self._idle.cancel()
        self._idle = self._core.loop.after(seconds, self._go)

    def _is_idle(self) -> bool:
        core = self._core
        live = sum(1 for job in core.jobs if not core.batch.left_alone(job))
        if core.paused:
            live = sum(1 for job in core.jobs if job.starting or job.row.dispatched is not None)
        return not (
            live or core.server.connections or core.calls or core.sweeps.busy or core.removal.busy or core.reaping.busy
        )

    def _go(self) -> None:
        self._idle = None
        core = self._core
        if not self._is_idle():
            return
        self._evening()
        if not self._is_idle():
            self.idle_soon()
            return
        core.ledger.flush()
        if core.ledger.clean:
            core.leave()
        elif self._in_vain():
            log.say("gives up writing how jobs ended: the state directory was removed or replaced")
            core.leave()
        else:
            self._go_in(AGAIN)

    def _in_vain(self) -> bool:
        """Whether what is to be written had a place that is gone, for so long that nobody brings it back, or as we are to end.

        A file system that was unmounted, or replaced on a network's server, may be mounted again.
        """
        now = clock.boottime()
        if not self._core.presence.replaced:
            self._replaced = None
            return False
        self._replaced = self._replaced or now
        return self._stopping is not None or now - self._replaced >= GONE

    def stop(self) -> None:
        """TERM or HUP: see to the end of what runs and begin nothing else, unless somebody asks; leave when nothing runs.

        A logout or reboot tells all processes so at once. What is queued would be killed as it starts, so it waits.
        """
        if self._stopping:
            self._stopping.cancel()
        log.say("was told to end: it does when what runs has ended, and starts nothing until then")
        self._core.paused = True
        self._stopping = self._core.loop.after(STOPPING, self._go_on)
        self.idle_soon()

    def _go_on(self) -> None:
        """Nobody came to kill us: it was meant for us alone, who have jobs."""
        self._stopping = None
        self.unpause()
        self.idle_soon()

    def unpause(self) -> int:
        """Let jobs go on that were left by a reboot or a double death; how many there are."""
        core = self._core
        if not core.paused or core.stands_in:
            return 0
        core.paused = False
        left = sum(
            1 for job in core.jobs if job.row.dispatched is None and not JobState(job.row.state).name.endswith("HELD")
        )
        core.queue.kick()
        return left

    # ended jobs

    def ended(self, job: Job) -> None:
        """A job has ended."""
        self._contexts.add(job.spec_context)
        self._core.reaping.ended(job)
        self.forget_soon()
        self._core.loop.soon(self.idle_soon)  # the job itself is still counted now

    def forget_soon(self) -> None:
        """Something has ended or was deleted: drop what is not needed any more, a little later."""
        if self._dusk is None:
            self._dusk = self._core.loop.after(DUSK, self._evening)

    def _evening(self) -> None:
        """Drop what ended jobs need no more."""
        if self._dusk:
            self._dusk.cancel()
            self._dusk = None
        core, settings = self._core, self._core.settings
        core.outputs.tidy()
        try:
            if self._contexts and not settings["keep_environment"]:
                core.ledger.flush()
                core.store.begin()
                core.store.drop_context_if_unused(self._contexts)
                core.store.commit()
                self._contexts = set()
                core.contexts.clear()
                core.intake.forget_contexts()
            days = float(settings["keep_days"])
            if days:
                old = core.store.ended_beyond(before_time=time.time() - days * 86400)
                if old:
                    core.reaping.reap(old, lambda outcome: None)
            for row in core.store.jobs(core.store.ended_beyond(keep=int(settings["keep_ended"]))):
                if row.keeper == core.key:
                    core.removal.discard(self._ended_job(row))
            core.store.checkpoint()
            core.store.keep_reserve()
            if core.store.forgotten:
                self.forget_soon()  # somebody is just reading it
        except Drmaa2Exception:
            if core.store.in_transaction:
                core.store.rollback()
            self._dusk = core.loop.after(HOUR, self._evening)

    def _ended_job(self, row: JobRow) -> Job:
        text, context = self._core.store.spec(row.spec)
        return Job(row, shapes.spec_of(text), context)
