"""Writes changed rows in batches, and reports when they are durable."""

from __future__ import annotations

import time

from proctracker.errors import Drmaa2Exception, OutOfResourceException, TryLaterException
from proctracker.linux import clock
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import set_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Sequence

    from proctracker.store import Store
    from proctracker.supervisor.base.journal import Journal
    from proctracker.supervisor.base.loop import Loop, Timer

CHANGING = (
    "state sub_state annotation exit_status signal dispatched finished running_since ran cpu max_rss pid ticks boot"
    " container container_id attempt saved workdir input output error kill_at since changed unseen rss_floor nodes queue due"
).split()
"""The columns of a row that change after its job was accepted."""

HANDED = ("container", "container_id", "boot", "dispatched", "annotation")
"""The columns that a handing-over changes, often of a thousand rows for one command that waits for it."""

IDLE = 0.02
"""Seconds that changes nobody waits for may stay uncommitted, as the journal has them."""

AGAIN = 1.0
"""Seconds between tries while the store cannot be written (disk full, quota, ticket)."""


class Ledger:
    """Writes the store's job rows, alone.

    Nothing written here is lost while this process or its keeper lives.
    """

    def __init__(self, store: Store, journal: Journal, loop: Loop) -> None:
        self.store = store
        self._journal, self._loop = journal, loop
        self._dirty: dict[str, JobRow] = {}
        self._handed: dict[str, JobRow] = {}
        self._changes: list[tuple[str, int, float, int, str | None]] = []
        self._then: list[Callable[[], None]] = []
        self._timer: Timer | None = None
        self._failing = False
        self.on_change: Callable[[JobRow], None] = lambda row: None
        """Told of every state change once it is durable."""
        self.told: Callable[[], None] = lambda: None
        """Called once all changes of a commit were told."""
        self.urgent: Callable[[JobRow], bool] = lambda row: False
        """Whether somebody waits to be told of this: then it is committed in this round."""
        self.trouble: Callable[[str | None], None] = lambda text: None
        """Told why nothing can be written, and (None) when it can be again."""
        self.before: Callable[[], None] = lambda: None
        """Completes what is about to be written."""
        self._told: list[JobRow] = []

    def change(
        self,
        row: JobRow,
        state: JobState | None = None,
        sub_state: str | None = None,
        *,
        at: float | None = None,
        finished: float | None = None,
    ) -> float:
        """Write a changed row, and with ``state`` a change of state, and return its time.

        ``at``: when that was, if not now; ``finished``: it has ended, at that time. A job's times never go back,
        whichever clock they come from and whatever becomes of it.
        """
        when = finished if finished is not None else time.time() if at is None else at
        now = max(when, row.changed or max(row.submitted, row.dispatched or 0.0))
        if state is not None and (row.state, row.sub_state) != (int(state), sub_state):
            set_state(row, state, when, sub_state)
            row.changed = now
            self._changes.append((row.id, row.attempt, now, int(state), sub_state))
            self._told.append(row)
        if finished is not None:
            row.finished = now
        self._dirty[row.id] = row
        self._due(0 if self.urgent(row) and not self._failing else IDLE)
        return now

    def handed(self, row: JobRow) -> None:
        """Write of a row what a handing-over has changed."""
        self._handed[row.id] = row
        self._due(IDLE)

    def due(self, job_id: str) -> JobRow | None:
        """The row of a job that has changed and is not yet written."""
        return self._dirty.get(job_id) or self._handed.get(job_id)

    def then(self, call: Callable[[], None]) -> None:
        """Make a call once all that has changed so far is durable, and see to it in this round."""
        self._then.append(call)
        if not self._failing:
            self._due(0)

    def accept(self, write: Callable[[Store], None]) -> None:
        """Write new rows now, or raise what the store says and leave nothing of them.

        What else is due stays due: most of it changes once more before its time comes, and the journal has it.
        """
        if self._failing:
            self._commit()
        self._written(write)
        self.told()

    def _written(self, write: Callable[[Store], None]) -> None:
        store = self.store
        store.begin()
        try:
            write(store)
            store.commit()
        except BaseException:
            store.rollback()
            raise

    def _relieved(self, write: Callable[[], None]) -> None:
        """Write, on a full disk once more with the reserve."""
        try:
            write()
        except OutOfResourceException:
            if not self.store.relieve():
                raise
            write()

    def remove(self, ids: Sequence[str]) -> None:
        """Remove jobs from the store now, which makes room, or raise what the store says."""

        def write() -> None:
            self._written(lambda store: store.delete(ids))

        self._relieved(write)

    def flush(self) -> None:
        """Commit what is due, and keep it for another try where the store refuses."""
        self._cancel()
        try:
            try:
                self._relieved(self._commit)
            except (OutOfResourceException, TryLaterException):
                raise
            except Exception:
                if not self._mended():
                    raise
                self._relieved(self._commit)
        except Drmaa2Exception as error:
            self._failing = True
            self._due(AGAIN)
            if not isinstance(error, TryLaterException):
                self.trouble(f"{error.message}; nothing is lost, it is written as soon as that can be done")

    def _mended(self) -> bool:
        """Give what no store could ever take its default, and return whether there was any.

        One row must not keep all others from being written.
        """
        found = False
        for row in {**self._dirty, **self._handed}.values():
            wrong = shapes.mend(row)
            if wrong:
                row.annotation, found = wrong, True
                self._dirty[row.id] = row
        if found:
            kept = [(*most, text if text is None or shapes.writable(text) else None) for *most, text in self._changes]
            self._changes = kept  # type: ignore[assignment]
        return found

    @property
    def clean(self) -> bool:
        """Whether all that was written is durable."""
        return not (self._dirty or self._handed or self._changes or self._then)

    def _due(self, seconds: float) -> None:
        """Have ``flush`` called within that time."""
        when = clock.boottime() + seconds
        if self._timer is None or (self._timer.due > when and not self._failing):
            self._cancel()
            self._timer = self._loop.at(when, self.flush)

    def _cancel(self) -> None:
        """Call ``flush`` at no set time: it is called now, or set anew."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _commit(self) -> None:
        """Commit all due changes in one transaction, or leave them due."""
        store = self.store
        store.begin()
        try:
            if self._dirty:
                self.before()
                store.update_many(list(self._dirty.values()), CHANGING)
            handed = [row for row in self._handed.values() if row.id not in self._dirty]
            if handed:
                store.update_many(handed, HANDED)
            if self._changes:
                store.transitions_many(self._changes)
            store.commit()
            if self._failing:
                self._see()
        except BaseException:
            store.rollback()
            raise
        if self._failing:
            self._failing = False
            self.trouble(None)
        told, self._told = self._told, []
        calls, self._then = self._then, []
        self._dirty, self._handed, self._changes = {}, {}, []
        self._cancel()
        self._journal.clear()
        for row in told:
            self.on_change(row)
        self.told()
        for call in calls:
            call()

    def _see(self) -> None:
        """Raise unless a new connection reads what was committed, as NFS may refuse it later."""
        self.store.renew()
        for row in self.store.jobs(list(self._dirty)):
            if row.state != self._dirty[row.id].state:
                raise OutOfResourceException(f"{self.store.path}: what was written is not there: make room")

    def close(self) -> None:
        """Commit what can be written and close the store: the rest is lost with this process."""
        if not self.clean:
            self.flush()
        self.store.close()
