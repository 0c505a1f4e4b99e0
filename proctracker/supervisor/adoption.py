"""Taking in containers of ours whose jobs the store does not know: it was lost, or is an older copy."""

from __future__ import annotations

import json
import time

from proctracker.model import JobRow, JobState
from proctracker.supervisor import resumption
from proctracker.supervisor.intake import NONE_OF_ITS_OWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

    from proctracker.store import Store
    from proctracker.supervisor.core import Core


def adopt(core: Core, contact: str, found: Sequence[Mapping[str, Any]]) -> list[str]:
    """Make a job of each container that has none, and look how it is; the new ids.

    A container is told by its ``name``, the ``labels`` it carries, its ``container_id``, when it ``started``, and the ``spec`` of the job.
    """
    rows = [_row(core, contact, each) for each in found]
    known = {row.id for row in core.store.jobs([row.id for row in rows])}
    newest = {row.id: row for row in sorted(rows, key=lambda row: row.attempt) if row.id not in known}
    specs = {each["name"]: json.dumps(each["spec"]) for each in found}

    def write(store: Store) -> None:
        for name in sorted({row.session for row in newest.values()}):
            if store.session(name) is None:
                store.add_session(name, contact, NONE_OF_ITS_OWN)
        for row in newest.values():
            row.spec = store.add_spec(specs[row.container or ""], "")
        for num in sorted({row.num for row in newest.values() if row.task is not None}):
            tasks = [row for row in newest.values() if row.num == num and row.task is not None]
            if store.array(num) is None:
                indices = sorted(row.task or 0 for row in tasks)
                store.add_array(num, tasks[0].session, tasks[0].spec, indices, 0, None)
        store.add_jobs(list(newest.values()))

    core.ledger.accept(write)
    for row in newest.values():
        job = core.load(row, {row.spec: (specs[row.container or ""], "")})
        core.queue.take(job)
        resumption.find(core, job)
    return list(newest)


def _row(core: Core, contact: str, found: Mapping[str, Any]) -> JobRow:
    """The row of a job that is being started, as far as the labels tell; the look at its container tells the rest."""
    labels, spec = found["labels"], found["spec"]
    number, _, task = str(labels["proctracker.job"]).partition("_")
    template = spec["template"]
    words = [*([template["remote_command"]] if template.get("remote_command") else []), *(template.get("args") or [])]
    began = found.get("started") or time.time()
    return JobRow(
        id=labels["proctracker.job"],
        num=int(number),
        task=int(task) if task else None,
        session=labels.get("proctracker.session") or "default",
        contact=contact,
        runtime=spec["runtime"],
        state=int(JobState.QUEUED),
        submitted=began,
        changed=began,
        dispatched=began,
        boot=core.boot,
        host=core.home.host,
        container=found["name"],
        container_id=found.get("container_id"),
        attempt=int(labels.get("proctracker.attempt") or 1),
        keeper=core.key,
        command=json.dumps(words),
        category=template.get("job_category"),
    )
