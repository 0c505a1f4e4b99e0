"""Resolves what a start needs: template, streams, environment, labels, marks."""

from __future__ import annotations

import json
import os

from proctracker import runtimes
from proctracker.model import JobRow, JobTemplate
from proctracker.runtimes.base import PASSED, Request
from proctracker.supervisor.base.jobs import Job, engine_of
from proctracker.supervisor.processes.command import NOT_STARTED, StartFailed
from proctracker.supervisor.running import identity
from proctracker.templates import items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.running.contexts import Context, Contexts
    from proctracker.supervisor.running.outputs import Outputs


class Requests:
    """Makes the requests that runtimes turn into launches."""

    def __init__(self, here: Here, contexts: Contexts, outputs: Outputs) -> None:
        self._here, self._contexts, self._outputs = here, contexts, outputs
        self._items: tuple[int, dict[int, str]] = (0, {})
        """An array, and what its tasks were made of."""

    def make(self, job: Job, ours: dict[str, str]) -> tuple[Request, Context]:
        """Resolve everything. Raises StartFailed where what the start is to have is gone."""
        home, row, spec, runtime = self._here.home, job.row, job.spec, runtimes.get(job.row.runtime)
        context = self._contexts.get(job.spec_context)
        if context is None:
            raise StartFailed(NOT_STARTED, "its environment is no longer known")
        out, err = self._outputs.paths(row, spec.get("output_dir"))
        stdin = row.input
        if spec.get("stdin") == "passed":
            if job.stdin is None:
                raise StartFailed(NOT_STARTED, "its standard input went with the client or supervisor that had it")
            stdin = PASSED
        marked = identity.described(row, bool(spec.get("join"))) if runtime.containers else {}
        request = Request(
            engine=engine_of(job),
            template=template_of(row, spec, context.job_env),
            job_id=row.id,
            attempt=row.attempt,
            name=home.container(row.id, row.attempt),
            folder=identity.folder(home, row),
            keep_output=out,
            keep_error=err,
            environment=context.environment(ours, runtime.containers),
            labels={**marked, **labels(self._here.uuid, row), identity.LABEL: os.urandom(8).hex()}
            if runtime.containers
            else {},
            directory=(None if runtime.containers else row.workdir) or spec.get("cwd") or "/",
            limits=context.surroundings.limits or {},
            input=stdin,
            output=row.output,
            error=row.error,
            append=bool(spec.get("append")) or row.attempt > 1,
        )
        return request, context

    def ours(self, job: Job) -> dict[str, str]:
        """Return the variables that say which job it is."""
        row = job.row
        found = {
            "JOB_ID": row.id,
            "PROCTRACKER_SESSION": row.session,
            "PROCTRACKER_ATTEMPT": str(row.attempt),
            "PROCTRACKER_JOB": self._here.mark(row),
        }
        if row.task is not None:
            found["TASK_ID"] = str(row.task)
            item = self.item(job)
            if item is not None:
                found["TASK_ITEM"] = item
        return found

    def item(self, job: Job) -> str | None:
        """Return what a task was made of, as ``TASK_ITEM`` has it, or None."""
        row = job.row
        if row.task is None or not job.spec.get("over"):
            return None
        if job.spec.get("fields"):
            return self._fields(row.num, row.task)
        return str(json.loads(row.command)[-1])

    def _fields(self, num: int, task: int) -> str:
        """Return the fields of a task as a text.

        Those of one array are kept, as its tasks start one after the other.
        """
        if self._items[0] != num:
            array = self._here.store.array(num)
            self._items = num, dict(zip(array.indices, map(items.whole, array.items or ()))) if array else {}
        return self._items[1].get(task, "")


def labels(uuid: str, row: JobRow) -> dict[str, str]:
    """Return what marks a container as a job's of that home."""
    found = {
        "proctracker.home": uuid,
        "proctracker.session": row.session,
        "proctracker.job": row.id,
        "proctracker.attempt": str(row.attempt),
        "proctracker.owner": str(os.getuid()),
    }
    if row.task is not None:
        found.update({"proctracker.array": str(row.num), "proctracker.index": str(row.task)})
    return found


def template_of(row: JobRow, spec: dict[str, Any], job_environment: dict[str, str]) -> JobTemplate:
    """Return a job's template, that of a task with the command that its item made."""
    template = JobTemplate.checked({**spec["template"], "job_environment": job_environment})
    if row.task is not None:
        words = json.loads(row.command)
        # A first word that a line left empty is no reason to run the second.
        named = bool(template.remote_command and words[0])
        template.remote_command, template.args = (words[0], words[1:]) if named else (None, words)
    if template.working_directory is not None:
        template.working_directory = row.workdir
    return template
