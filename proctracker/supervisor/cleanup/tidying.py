"""Drops what ended jobs need no more: environments, old containers, old records."""

from __future__ import annotations

import time

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.model import JobRow
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.loop import Timer
    from proctracker.supervisor.cleanup.forgetting import Forgetting
    from proctracker.supervisor.cleanup.removal import Removal
    from proctracker.supervisor.running.outputs import Outputs

DELAY = 1.0
"""Seconds after the last end until environments and old containers are dropped."""

HOUR = 3600.0


class Tidying:
    """Does it some time after the last end, and before the supervisor leaves."""

    def __init__(self, here: Here, outputs: Outputs, removal: Removal, forgetting: Forgetting) -> None:
        self._here, self._outputs, self._removal, self._forgetting = here, outputs, removal, forgetting
        self._timer: Timer | None = None
        self._ended: set[str] = set()
        """Contexts of jobs that have ended."""
        self.on_contexts_dropped: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Take up what the supervisor before may have been killed before."""
        self._ended = self._here.store.contexts()
        self.soon()
        self._publish()

    def _publish(self) -> None:
        due = self._here.store.publish_due
        if due is not None:
            self._here.store.publish()
        if self._here.store.publish_due is not None or due is not None:
            self._here.loop.after(0.5, self._publish)

    def ended(self, job: Job) -> None:
        """Note that a job has ended."""
        self._ended.add(job.spec_context)
        self.soon()

    def soon(self) -> None:
        """Drop what is not needed any more, a little later."""
        if self._timer is None:
            self._timer = self._here.loop.after(DELAY, self.tidy)

    def tidy(self) -> None:
        """Drop it now."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        here, settings, store = self._here, self._here.settings, self._here.store
        self._outputs.tidy()
        try:
            if self._ended and not settings["keep_environment"]:
                self._drop_contexts()
            days = float(settings["keep_days"])
            if days:
                old = store.ended_beyond(before_time=time.time() - days * 86400)
                if old:
                    self._forgetting.reap(old, lambda outcome: None)
            for row in store.jobs(store.ended_beyond(keep=int(settings["keep_ended"]), keeps=_keeps)):
                if row.keeper == here.key:
                    self._removal.discard(self._ended_job(row))
            store.checkpoint()
            store.keep_reserve()
            if store.forgotten:
                self.soon()  # somebody is just reading it
        except Drmaa2Exception:
            if store.in_transaction:
                store.rollback()
            self._timer = here.loop.after(HOUR, self.tidy)

    def _drop_contexts(self) -> None:
        store = self._here.store
        self._here.ledger.flush()
        store.begin()
        store.drop_context_if_unused(self._ended)
        store.commit()
        self._ended = set()
        for call in self.on_contexts_dropped:
            call()

    def _ended_job(self, row: JobRow) -> Job:
        text, context = self._here.store.spec(row.spec)
        return Job(row, shapes.spec_of(text), context)


def _keeps(runtime: str) -> bool:
    """Whether the engine of a runtime keeps what has ended: a scheduler does not."""
    return runtimes.get(runtime).containers
