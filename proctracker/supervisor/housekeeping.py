"""What an ended job costs, and what goes when: reaping, sessions, kept containers and environments, our own leave."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Callable, Iterable, Sequence

from proctracker import runtimes
from proctracker.errors import Drmaa2Exception, InvalidArgumentException, InvalidStateException, to_wire
from proctracker.model import JobRow, JobState
from proctracker.runtimes.base import Engine
from proctracker.supervisor.controls import GRACE
from proctracker.supervisor.ends import save_logs
from proctracker.supervisor.jobs import Job

if TYPE_CHECKING:
    from proctracker.supervisor.core import Core
    from proctracker.supervisor.loop import Timer

DUSK = 1.0
"""Seconds after the last end until environments of ended jobs are dropped and old containers removed."""

HOUR = 3600.0

Told = Callable[["dict[str, Any]"], None]
Refuse = Callable[[Drmaa2Exception], None]


class Housekeeping:
    """Removes what is no longer needed."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._idle: Timer | None = None
        self._dusk: Timer | None = None
        self._contexts: set[str] = set()
        self._pending = 0
        self._leaving: dict[str, Callable[[], None]] = {}
        """Sessions that are destroyed once their jobs have ended."""

    def begin(self) -> None:
        """The supervisor is up."""
        self.idle_soon()
        self._dusk_soon()
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
        if self._idle is None and self._is_idle():
            self._idle = self._core.loop.after(float(self._core.settings["idle"]), self._go)

    def _is_idle(self) -> bool:
        core = self._core
        live = sum(1 for job in core.jobs if job.row.dispatched is not None) if core.paused else len(core.jobs)
        return not (live or core.server.connections or core.calls or core.controls.busy or self._pending)

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
        else:
            self.idle_soon()

    def unpause(self) -> int:
        """Let jobs go on that were left by a reboot or a double death; how many there are."""
        core = self._core
        if not core.paused:
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
        if self._leaving:
            self._core.loop.soon(lambda: self._left(job.row.session))
        self._dusk_soon()
        self.idle_soon()

    def _dusk_soon(self) -> None:
        if self._dusk is None:
            self._dusk = self._core.loop.after(DUSK, self._evening)

    def _evening(self) -> None:
        """Drop what ended jobs need no more."""
        if self._dusk:
            self._dusk.cancel()
            self._dusk = None
        core, settings = self._core, self._core.settings
        try:
            if self._contexts and not settings["keep_environment"]:
                core.ledger.flush()
                contexts, self._contexts = self._contexts, set()
                core.store.begin()
                core.store.drop_context_if_unused(contexts)
                core.store.commit()
                core.contexts.clear()
                core.intake.forget_contexts()
            days = float(settings["keep_days"])
            if days:
                old = core.store.ended_beyond(before_time=time.time() - days * 86400)
                if old:
                    self.reap(old, lambda outcome: None)
            for row in core.store.jobs(core.store.ended_beyond(keep=int(settings["keep_ended"]))):
                if row.keeper == core.key:
                    self.discard(self._ended_job(row))
            core.store.checkpoint()
        except Drmaa2Exception:
            if core.store.in_transaction:
                core.store.rollback()
            self._dusk = core.loop.after(HOUR, self._evening)

    def _ended_job(self, row: JobRow) -> Job:
        text, context = self._core.store.spec(row.spec)
        return Job(row, json.loads(text), context)

    def discard(self, job: Job) -> None:
        """Remove an ended job's container now, its output saved beside the record first."""
        self._pending += 1

        row = job.row

        def saved(problem: str | None) -> None:
            if problem:
                self._over()
                return
            # Readers must know of the saved output before the engine's own is gone.
            held = JobRow(**vars(row))
            row.saved = 1
            self._core.ledger.change(row)
            self._core.ledger.then(lambda: self._remove([held], removed))

        def removed(failed: dict[str, str]) -> None:
            if failed:
                row.saved = 0
                self._core.ledger.change(row)
            self._over()

        save_logs(self._core, job, saved)

    def remove_later(self, job: Job) -> None:
        """Remove the container of an attempt that another follows; its output is kept."""
        copy = Job(JobRow(**vars(job.row)), job.spec, job.spec_context)
        self._pending += 1

        def saved(problem: str | None) -> None:
            self._remove([copy.row], lambda failed: self._over())

        save_logs(self._core, copy, saved)

    def _over(self) -> None:
        self._pending -= 1
        self.idle_soon()

    def _remove(self, rows: Iterable[JobRow], then: Callable[[dict[str, str]], None]) -> None:
        """Remove containers, those of one engine in one call; ``then`` gets job id -> why it is still there."""
        groups: dict[tuple[str, str], list[JobRow]] = {}
        for row in rows:
            if row.container and not row.saved and row.sub_state != "removed":
                text = self._core.store.spec(row.spec)[0]
                groups.setdefault((row.runtime, json.dumps(json.loads(text).get("engine") or {})), []).append(row)
        failed: dict[str, str] = {}
        left = len(groups)
        if not left:
            self._core.loop.soon(lambda: then(failed))

        def group(members: list[JobRow]) -> Callable[[Any, Drmaa2Exception | None], None]:
            def removed(answer: Any, error: Drmaa2Exception | None) -> None:
                nonlocal left
                left -= 1
                for row in members:
                    why = error.message if error else (answer or {}).get(row.container or "")
                    if why:
                        failed[row.id] = why
                if not left:
                    then(failed)

            return removed

        for (runtime, engine), members in groups.items():
            given = json.loads(engine)
            it = Engine(tuple(given.get("command") or ()), given.get("options") or {}, given.get("env") or {})
            dialog = runtimes.get(runtime).remove(it, [row.container or "" for row in members])
            self._core.calls.converse(it, dialog, group(members), timeout=GRACE + 15.0 + len(members) * 0.1)

    # reaping

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
                state = JobState(row.state).name
                outcome["errors"][name] = to_wire(
                    InvalidStateException(f"job {name} is {state}: reap takes ended jobs")
                )
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
            self._over()
            told(outcome)

        self._remove(ready, removed)

    def _forget(self, rows: Sequence[JobRow]) -> None:
        """Delete records, then the files that belong to them."""
        if not rows:
            return
        core = self._core
        specs = {number: json.loads(text) for number, (text, _) in core.store.specs([row.spec for row in rows]).items()}
        core.store.begin()
        try:
            core.store.delete([row.id for row in rows])
            core.store.commit()
        except BaseException:
            core.store.rollback()
            raise
        core.intake.forget_contexts()
        core.contexts.clear()
        core.waits.removed(row.id for row in rows)
        for row in rows:
            spec = specs.get(row.spec) or {}
            for attempt in range(1, row.attempt + 1):
                for stream in ("out", "err"):
                    _unlink(core.home.kept(row.id, attempt, stream, spec.get("output_dir")))
            if spec.get("keep_input") and row.input and row.task is None:
                _unlink(row.input)

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
                    f"session {name!r} has {count} live job{'s' if count > 1 else ''}: wait for them, or say --terminate or --leave"
                )
            )
            return
        if live == "terminate":
            self._terminate_first(name, jobs, told, refuse)
            return
        for job in jobs:
            self._leave_alone(job)
        self._destroy(name, told, refuse)

    def _terminate_first(self, name: str, jobs: list[Job], told: Callable[[Any], None], refuse: Refuse) -> None:
        """End a session's jobs; it is destroyed with the end of the last one."""
        self._leaving[name] = lambda: self._destroy(name, told, refuse)
        for job in jobs:
            if job.ending is None:
                self._core.controls.end(job, "terminating", 15, GRACE, lambda error: None)
        self._left(name)

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
            core.queue.limits_changed(name)
            told({"reaped": outcome["done"]})

        core.ledger.flush()
        self.reap([row.id for row in core.store.session_jobs(name)], reaped)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
