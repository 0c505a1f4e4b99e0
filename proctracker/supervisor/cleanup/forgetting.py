"""Forgets ended jobs and whole sessions: containers, records, kept output."""

from __future__ import annotations

import os
from collections.abc import Callable

from proctracker.errors import Drmaa2Exception, InvalidArgumentException, InvalidStateException, to_wire
from proctracker.model import JobRow
from proctracker.store.rows import key
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import GRACE, Job
from proctracker.supervisor.control.fitting import unreaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.idle import Idle
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.cleanup.removal import Removal
    from proctracker.supervisor.control.actions import Actions
    from proctracker.supervisor.running.containers import Containers
    from proctracker.supervisor.running.outputs import Outputs
    from proctracker.supervisor.scheduling.queue import Queue

Told = Callable[["dict[str, Any]"], None]
Refuse = Callable[[Drmaa2Exception], None]


class Forgetting:
    """Carries out the verb ``reap`` and the end of sessions."""

    def __init__(
        self,
        here: Here,
        lifecycle: Lifecycle,
        queue: Queue,
        containers: Containers,
        outputs: Outputs,
        actions: Actions,
        removal: Removal,
        idle: Idle,
    ) -> None:
        self._here, self._lifecycle, self._queue, self._containers = here, lifecycle, queue, containers
        self._outputs, self._actions, self._removal, self._idle = outputs, actions, removal, idle
        self.on_forgotten: list[Callable[[Sequence[str]], None]] = []
        """Called with the ids of jobs that the store knows no longer."""
        self.on_destroyed: list[Callable[[str], None]] = []
        """Called with the name of a session that was."""
        self._pending = 0
        self._leaving: dict[str, Callable[[], None]] = {}
        """Sessions that are destroyed once their jobs have ended."""

    @property
    def busy(self) -> bool:
        """Whether something is still being forgotten."""
        return bool(self._pending or self._leaving)

    def reap(self, ids: Sequence[str], told: Told, again: bool = False) -> None:
        """Forget ended jobs, their containers and kept output, and tell ``done`` and ``errors``.

        ``again``: a former supervisor may have done so and not lived to say it, so what was removed just now is no error.
        """
        here = self._here
        here.ledger.flush()
        rows = {row.id: row for row in here.store.jobs(ids)}
        outcome: dict[str, Any] = {"done": [], "errors": {}}
        ready = []
        for name in dict.fromkeys(ids):
            row = rows.get(name)
            if row is None and again and here.store.removed(key(name) >> 32):
                outcome["done"].append(name)
            elif row is None:
                outcome["errors"][name] = to_wire(InvalidArgumentException(f"no job {name}"))
            elif not row.ended:
                outcome["errors"][name] = to_wire(unreaped(row))
            else:
                ready.append(row)
        self._pending += 1

        def removed(failed: dict[str, str]) -> None:
            """Forget those whose containers are gone, and tell."""
            gone = [row for row in ready if row.id not in failed]
            for row in ready:
                if row.id in failed:
                    words = ["DrmCommunicationException", f"job {row.id}: its container stays: {failed[row.id]}"]
                    outcome["errors"][row.id] = words
            try:
                self._forget(gone)
                outcome["done"] += [row.id for row in gone]
            except Drmaa2Exception as error:
                outcome["errors"].update({row.id: to_wire(error) for row in gone})
            self._pending -= 1
            self._idle.soon()
            told(outcome)

        self._removal.remove(ready, removed)

    def _forget(self, rows: Sequence[JobRow]) -> None:
        """Delete records, then the files that belong to them."""
        if not rows:
            return
        here, ids = self._here, [row.id for row in rows]
        found = here.store.specs([row.spec for row in rows])
        specs = {number: shapes.spec_of(text) for number, (text, _) in found.items()}
        here.ledger.remove(ids)
        for call in self.on_forgotten:
            call(ids)
        for row in rows:
            spec = specs.get(row.spec) or {}
            for attempt in range(1, row.attempt + 1):
                for stream in ("out", "err"):
                    self._outputs.unlink(here.home.kept(row.id, attempt, stream, spec.get("output_dir")))
            if spec.get("keep_input") and row.input and row.task is None:
                _unlink(row.input)
            if spec.get("call"):
                here.home.drop_call(spec["call"])
        here.store.keep_reserve()

    def destroy(
        self, name: str, live: str, told: Callable[[Any], None], refuse: Callable[[Drmaa2Exception], None]
    ) -> None:
        """Forget a session with its jobs, after ``live`` says what becomes of live ones."""
        here = self._here
        jobs = [job for job in here.jobs if job.row.session == name]
        foreign = [row for row in here.store.session_jobs(name) if not row.ended and row.keeper != here.key]
        if (jobs and live == "refuse") or foreign:
            count = len(jobs) + len(foreign)
            refuse(
                InvalidStateException(
                    f"session {name!r} has {count} live job{'s' if count > 1 else ''}: wait for them, or say what becomes of them: terminate or leave"
                )
            )
            return
        if live == "terminate":
            self._terminate_first(name, jobs, told, refuse)
            return
        self.leave(name)
        self._destroy(name, told, refuse)

    def leave(self, session: str) -> None:
        """Forget this supervisor's live jobs of a session: they go on, or never start."""
        for job in [job for job in self._here.jobs if job.row.session == session]:
            self._leave_alone(job)
        self._here.ledger.flush()

    def _terminate_first(self, name: str, jobs: list[Job], told: Callable[[Any], None], refuse: Refuse) -> None:
        """End a session's jobs, and destroy it with the end of the last one."""
        self._leaving[name] = lambda: self._destroy(name, told, refuse)
        for job in jobs:
            if job.ending is None:
                self._actions.end(job, "terminating", 15, GRACE, lambda error: None)
        self._left(name)

    def ended(self, job: Job) -> None:
        """A job has ended."""
        if self._leaving:
            self._here.loop.soon(lambda: self._left(job.row.session))

    def _left(self, session: str) -> None:
        """Destroy a session that waits for the end of its jobs, if that was the last one."""
        if session in self._leaving and not any(job.row.session == session for job in self._here.jobs):
            self._here.loop.soon(self._leaving.pop(session))

    def _leave_alone(self, job: Job) -> None:
        self._queue.give_back(job)
        self._containers.ended(job)
        job.drop_stdin()
        self._lifecycle.left(job)

    def _destroy(self, name: str, told: Callable[[Any], None], refuse: Callable[[Drmaa2Exception], None]) -> None:
        here = self._here

        def reaped(outcome: dict[str, Any]) -> None:
            """Forget the session, unless a job stays."""
            if outcome["errors"]:
                refuse(InvalidStateException(f"session {name!r} stays: {next(iter(outcome['errors'].values()))[1]}"))
                return
            here.store.remove_session(name)
            for call in self.on_destroyed:
                call(name)
            told({"reaped": outcome["done"]})

        here.ledger.flush()
        self.reap([row.id for row in here.store.session_jobs(name)], reaped)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
