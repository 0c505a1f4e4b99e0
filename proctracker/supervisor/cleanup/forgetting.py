"""Forgetting ended jobs and whole sessions: containers, records, kept output."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from proctracker.errors import Drmaa2Exception, InvalidArgumentException, InvalidStateException, to_wire
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.control.actions import GRACE
from proctracker.supervisor.control.fitting import unreaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.supervisor.service import Core

Told = Callable[["dict[str, Any]"], None]
Refuse = Callable[[Drmaa2Exception], None]


class Reaping:
    """Forgets jobs and sessions."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._pending = 0
        self._leaving: dict[str, Callable[[], None]] = {}
        """Sessions that are destroyed once their jobs have ended."""

    @property
    def busy(self) -> bool:
        """Whether something is still being forgotten."""
        return bool(self._pending or self._leaving)

    def reap(self, ids: Sequence[str], told: Told) -> None:
        """Forget ended jobs, their containers and kept output; ``told`` gets ``done`` and ``errors``."""
        core = self._core
        core.ledger.flush()
        rows = {row.id: row for row in core.store.jobs(ids)}
        outcome: dict[str, Any] = {"done": [], "errors": {}}
        ready = []
        for name in dict.fromkeys(ids):
            row = rows.get(name)
            if row is None:
                outcome["errors"][name] = to_wire(InvalidArgumentException(f"no job {name}"))
            elif not row.ended:
                outcome["errors"][name] = to_wire(unreaped(row))
            else:
                ready.append(row)
        self._pending += 1

        def removed(failed: dict[str, str]) -> None:
            gone = [row for row in ready if row.id not in failed]
            for row in ready:
                if row.id in failed:
                    words = ["DrmCommunicationException", f"job {row.id}: its container stays: {failed[row.id]}"]
                    outcome["errors"][row.id] = words
            try:
                self._forget(gone)
                outcome["done"] = [row.id for row in gone]
            except Drmaa2Exception as error:
                outcome["errors"].update({row.id: to_wire(error) for row in gone})
            self._pending -= 1
            core.housekeeping.idle_soon()
            told(outcome)

        core.removal.remove(ready, removed)

    def _forget(self, rows: Sequence[JobRow]) -> None:
        """Delete records, then the files that belong to them."""
        if not rows:
            return
        core = self._core
        specs = {
            number: shapes.spec_of(text) for number, (text, _) in core.store.specs([row.spec for row in rows]).items()
        }
        core.ledger.remove([row.id for row in rows])
        core.intake.forget_contexts()
        core.contexts.clear()
        core.housekeeping.forget_soon()
        core.waits.removed(row.id for row in rows)
        for row in rows:
            spec = specs.get(row.spec) or {}
            for attempt in range(1, row.attempt + 1):
                for stream in ("out", "err"):
                    core.outputs.unlink(core.home.kept(row.id, attempt, stream, spec.get("output_dir")))
            if spec.get("keep_input") and row.input and row.task is None:
                _unlink(row.input)
            if spec.get("call"):
                core.home.drop_call(spec["call"])
        core.store.keep_reserve()

    def destroy(
        self, name: str, live: str, told: Callable[[Any], None], refuse: Callable[[Drmaa2Exception], None]
    ) -> None:
        """Forget a session with its jobs; ``live``: what becomes of those that have not ended."""
        core = self._core
        jobs = [job for job in core.jobs if job.row.session == name]
        foreign = [row for row in core.store.session_jobs(name) if not row.ended and row.keeper != core.key]
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
        for job in [job for job in self._core.jobs if job.row.session == session]:
            self._leave_alone(job)
        self._core.ledger.flush()

    def _terminate_first(self, name: str, jobs: list[Job], told: Callable[[Any], None], refuse: Refuse) -> None:
        """End a session's jobs; it is destroyed with the end of the last one."""
        self._leaving[name] = lambda: self._destroy(name, told, refuse)
        for job in jobs:
            if job.ending is None:
                self._core.controls.end(job, "terminating", 15, GRACE, lambda error: None)
        self._left(name)

    def ended(self, job: Job) -> None:
        """A job has ended."""
        if self._leaving:
            self._core.loop.soon(lambda: self._left(job.row.session))

    def _left(self, session: str) -> None:
        """Destroy a session that waits for the end of its jobs, if that was the last one."""
        if session in self._leaving and not any(job.row.session == session for job in self._core.jobs):
            self._core.loop.soon(self._leaving.pop(session))

    def _leave_alone(self, job: Job) -> None:
        """Forget a live job: what runs runs on, what is queued never starts."""
        core, row = self._core, job.row
        core.queue.drop(job)
        core.queue.give_back(job)
        core.containers.ended(job)
        core.starter.drop_stdin(job)
        core.jobs.remove(job)
        row.container = None if row.dispatched else row.container
        core.ledger.change(row, JobState.UNDETERMINED, "left", finished=time.time())

    def _destroy(self, name: str, told: Callable[[Any], None], refuse: Callable[[Drmaa2Exception], None]) -> None:
        core = self._core

        def reaped(outcome: dict[str, Any]) -> None:
            if outcome["errors"]:
                refuse(InvalidStateException(f"session {name!r} stays: {next(iter(outcome['errors'].values()))[1]}"))
                return
            core.store.remove_session(name)
            core.intake.forget_session(name)
            core.queue.limits_changed(name)
            told({"reaped": outcome["done"]})

        core.ledger.flush()
        self.reap([row.id for row in core.store.session_jobs(name)], reaped)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
