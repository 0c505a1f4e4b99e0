"""Removes containers, those of one engine in one call, and saves their output first."""

from __future__ import annotations

import json
import os

from proctracker import runtimes
from proctracker.errors import DeniedByDrmsException, Drmaa2Exception, words
from proctracker.linux import netfs, procfs
from proctracker.model import JobRow, JobState
from proctracker.runtimes.base import Engine
from proctracker.supervisor.base import shapes
from proctracker.supervisor.base.jobs import GRACE, Job, engine_of
from proctracker.supervisor.processes.spawn import StartFailed, StartLater

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping, Sequence

    from proctracker.runtimes.base import Dialog
    from proctracker.runtimes.runtime import Runtime
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.idle import Idle
    from proctracker.supervisor.processes.calls import Calls
    from proctracker.supervisor.running.outputs import Outputs


class Removal:
    """Takes ended jobs' containers away."""

    def __init__(self, here: Here, calls: Calls, outputs: Outputs, idle: Idle) -> None:
        self._here, self._calls, self._outputs, self._idle = here, calls, outputs, idle
        self._pending = 0

    @property
    def busy(self) -> bool:
        """Whether something is still being removed."""
        return self._pending > 0

    def ended(self, job: Job) -> None:
        """Remove the container of a job that has ended and does not want it any longer."""
        row = job.row
        if job.spec.get("remove") and row.container and row.state in (JobState.DONE, JobState.FAILED):
            self.discard(job)

    def discard(self, job: Job) -> None:
        """Remove an ended job's container now, its output saved beside the record first."""
        self._pending += 1
        ledger, row = self._here.ledger, job.row

        def saved(problem: str | None) -> None:
            """Remove it once its output is on disk."""
            if problem:
                self._over()
                return
            # Readers must know of the saved output before the engine's own is gone.
            held = JobRow(**vars(row))
            row.saved = 1
            ledger.change(row)
            ledger.then(lambda: self.remove([held], removed))

        def removed(failed: dict[str, str]) -> None:
            if failed:
                row.saved = 0
                ledger.change(row)
            self._over()

        self.save_logs(job, saved)

    def by_force(self, job: Job, then: Callable[[str | None], None]) -> None:
        """Remove a live job's container that does not stay ended, and call ``then(problem)``."""
        row, ledger = job.row, self._here.ledger
        runtime, engine = runtimes.get(row.runtime), engine_of(job)

        def saved(problem: str | None) -> None:
            """Remove it once its output is on disk."""
            if problem:
                then(problem)
                return
            row.saved = 1
            ledger.change(row)
            remove = runtime.remove(engine, [row.address], force=True)
            ledger.then(lambda: self._calls.converse(engine, remove, removed, timeout=GRACE + 15.0))

        def removed(answer: Any, error: Drmaa2Exception | None) -> None:
            why = error.message if error else (answer or {}).get(row.address)
            if why:
                row.saved = 0
                ledger.change(row)
            then(why)

        self.save_logs(job, saved)

    def requeued(self, job: Job) -> None:
        """Remove the container of an attempt that another follows, and keep its output."""
        if not job.row.container:
            return
        copy = Job(JobRow(**vars(job.row)), job.spec, job.spec_context)
        self._pending += 1

        def saved(problem: str | None) -> None:
            self.remove([copy.row], lambda failed: self._over())

        self.save_logs(copy, saved)

    def _over(self) -> None:
        self._pending -= 1
        self._idle.soon()

    def remove(self, rows: Iterable[JobRow], then: Callable[[dict[str, str]], None]) -> None:
        """Remove containers by engine, and call ``then`` with job id -> why it is still there."""
        groups: dict[tuple[str, str], list[JobRow]] = {}
        for row in rows:
            kept = row.container and not row.saved and runtimes.get(row.runtime).containers
            if kept and row.sub_state != "removed":
                text = self._here.store.spec(row.spec)[0]
                groups.setdefault((row.runtime, json.dumps(shapes.spec_of(text).get("engine") or {})), []).append(row)
        failed: dict[str, str] = {}
        left = len(groups)
        if not left:
            self._here.loop.soon(lambda: then(failed))

        def group(members: list[JobRow]) -> Callable[[Any, Drmaa2Exception | None], None]:
            """Take what one engine says, and tell after the last."""

            def removed(answer: Any, error: Drmaa2Exception | None) -> None:
                nonlocal left
                left -= 1
                for row in members:
                    why = error.message if error else (answer or {}).get(row.address)
                    if why:
                        failed[row.id] = why
                if not left:
                    then(failed)

            return removed

        for (runtime, engine), members in groups.items():
            it = Engine.of(json.loads(engine))
            dialog = _gone(runtimes.get(runtime), it, members)
            self._calls.converse(it, dialog, group(members), timeout=GRACE + 15.0 + len(members) * 0.1)

    def save_logs(self, job: Job, then: Any) -> None:
        """Keep a container's output beside its record, and call ``then(error or None)``."""
        row, spec = job.row, job.spec
        runtime = runtimes.get(row.runtime)
        engine = engine_of(job)
        if not runtime.keeps_logs or (row.output and (row.error or spec.get("join"))):
            then(None)
            return
        streams = ("out",) if spec.get("join") else ("out", "err")
        paths = [self._here.home.kept(row.id, row.attempt, stream, spec.get("output_dir")) for stream in streams]
        fds: list[int] = []
        try:
            # Whoever finds the files may rely on them: they have their names once all is in them.
            for path in paths:
                fds.append(self._outputs.open(f"{path}.part"))
        except (StartFailed, StartLater) as error:
            for fd in fds:
                netfs.let_go(fd)
            then(str(error))
            return
        null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

        def done(completed: Any) -> None:
            """Give the files their names once all is in them, or remove them."""
            refused = _let_go(fds)
            problem = completed.stderr or "its output could not be read" if completed.returncode else refused
            problem = problem or self._named(paths)
            for path in paths if problem else ():
                self._outputs.unlink(f"{path}.part")
            then(problem)

        try:
            self._calls.start(runtime.logs(engine, row.address), engine, done, streams=(null, fds[0], fds[-1]))
        except Drmaa2Exception as error:
            _let_go(fds)
            then(error.message)
        finally:
            os.close(null)

    def _named(self, paths: Sequence[str]) -> str | None:
        """Give complete files their names, the last one first, or return why they have none."""
        try:
            for path in reversed(paths):
                self._outputs.rename(f"{path}.part", path)
        except (OSError, DeniedByDrmsException) as error:
            return f"{path}: {words(error)}"
        return None


def _let_go(fds: Sequence[int]) -> str | None:
    """Close files that a command has written, and return why their file system does not have all of it."""
    problem = None
    for fd in fds:
        try:
            netfs.arrived(fd)
        except OSError as error:
            problem = error.strerror
        netfs.let_go(fd)
    return problem


def _gone(runtime: Runtime, engine: Engine, rows: Sequence[JobRow]) -> Dialog[Mapping[str, str]]:
    """Remove them, and return container -> why it is still there.

    What was lost goes by force where its engine goes on calling a process running that has ended: podman does, once
    somebody has killed the conmon above it.
    """
    failed = dict((yield from runtime.remove(engine, [row.address for row in rows])))
    lost = {row.address: row for row in rows if row.sub_state == "lost" and row.address in failed}
    if lost:
        seen = yield from runtime.look(engine, list(lost))
        dead = [name for name, row in lost.items() if name in seen and _is_dead(row, seen[name].pid)]
        left = (yield from runtime.remove(engine, dead, force=True)) if dead else {}
        failed = {**{name: why for name, why in failed.items() if name not in dead}, **left}
    return failed


def _is_dead(row: JobRow, pid: int | None) -> bool:
    """Whether the process that an engine tells of is the job's, and has ended."""
    stat = procfs.stat(pid) if pid else None
    return pid is not None and pid == row.pid and (stat is None or stat.ticks != row.ticks)
