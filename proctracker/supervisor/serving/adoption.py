"""Adopts containers of ours whose jobs the store does not know."""

from __future__ import annotations

import json
import re
import time

from proctracker.model import JobRow, JobState
from proctracker.supervisor.running.identity import TOLD
from proctracker.supervisor.serving.intake import NONE_OF_ITS_OWN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

    from proctracker.store import Store
    from proctracker.supervisor.base.here import Here
    from proctracker.supervisor.base.lifecycle import Lifecycle
    from proctracker.supervisor.running.resumption import Resumption
    from proctracker.supervisor.scheduling.queue import Queue

_MARKS = ("proctracker.home", "proctracker.job", "proctracker.attempt")


class Adoption:
    """Makes jobs of containers."""

    def __init__(self, here: Here, lifecycle: Lifecycle, queue: Queue, resumption: Resumption) -> None:
        self._here, self._lifecycle, self._queue, self._resumption = here, lifecycle, queue, resumption

    def adopt(self, contact: str, found: Sequence[Mapping[str, Any]], token: str | None = None) -> list[str]:
        """Make a job of each container that has none, and return the new ids, the same ones for the same token.

        A container is told by its ``name``, the ``labels`` it carries, its ``container_id``, when it ``started``, and the ``spec`` of the job.
        A number that a job of another home shares with one of ours is replaced by a new one.
        """
        here = self._here
        known_by_token = here.store.adopted(token) if token else []
        if known_by_token:
            return known_by_token
        taken = here.store.containers(each["name"] for each in found)
        rows = [_row(here, contact, each) for each in found if each["name"] not in taken]
        foreign = {
            each["name"] for each in found if each["labels"].get("proctracker.home", here.home.uuid) != here.home.uuid
        }
        known = {row.id for row in here.store.jobs([row.id for row in rows])}
        rows = [row for row in rows if row.id not in known or row.container in foreign]
        rows.sort(key=lambda row: (row.num, row.task or 0, row.attempt))
        newest = {(row.container in foreign, row.id): row for row in rows}
        specs = {each["name"]: _spec(each, foreign) for each in found}
        ours = {row.num for row in here.store.jobs(sorted(known))} | {
            row.num for row in rows if row.container not in foreign
        }

        def write(store: Store) -> None:
            """Write sessions, specs, arrays and jobs."""
            _renumber(store, [row for row in newest.values() if row.container in foreign], ours)
            store.keep_off({row.num for row in newest.values()})
            for name in sorted({row.session for row in newest.values()}):
                if store.session(name) is None:
                    store.add_session(name, contact, NONE_OF_ITS_OWN)
            for row in newest.values():
                row.spec = store.add_spec(specs[row.container or ""], "", token)
            for num in sorted({row.num for row in newest.values() if row.task is not None}):
                tasks = [row for row in newest.values() if row.num == num and row.task is not None]
                if store.array(num) is None:
                    indices = sorted(row.task or 0 for row in tasks)
                    store.add_array(num, tasks[0].session, tasks[0].spec, indices, 0, None)
            store.add_jobs(list(newest.values()))

        if newest:
            here.ledger.accept(write)
        for row in newest.values():
            job = self._lifecycle.load(row, {row.spec: (specs[row.container or ""], "")})
            self._queue.take(job)
            self._resumption.find(job)
        return [row.id for row in newest.values()]


def _renumber(store: Store, rows: Sequence[JobRow], ours: set[int]) -> None:
    """Give new numbers to another home's jobs whose own are in use, arrays alike."""
    nums = {row.num for row in rows}
    used = {num for num in nums if num in ours or store.array(num) is not None or store.jobs([str(num)])}
    store.keep_off(nums - used)
    fresh = {num: store.allocate(1) for num in sorted(used)}
    for row in rows:
        if row.num in fresh:
            row.num = fresh[row.num]
            row.id = str(row.num) if row.task is None else f"{row.num}_{row.task}"


def _spec(found: Mapping[str, Any], foreign: set[str]) -> str:
    """The spec as it is stored: what its start labelled the container with is not what we would."""
    spec, labels = dict(found["spec"]), found["labels"]
    if found["name"] in foreign:
        spec["marks"] = {mark: labels[mark] for mark in _MARKS if mark in labels}
    return json.dumps(spec)


def told(labels: Mapping[str, str]) -> dict[str, str]:
    """What a container's labels tell of its job beside whose it is, by the row's columns."""
    found = {}
    for name in (*TOLD, "join"):
        value = labels.get(f"proctracker.{name}")
        if value:
            raw = re.sub(
                rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), value.encode("utf-8", "replace")
            )
            found[name] = raw.decode("utf-8", "surrogateescape").replace("\0", "")
    return found


def _row(here: Here, contact: str, found: Mapping[str, Any]) -> JobRow:
    """Make the row of a job from its labels, the look at its container telling the rest."""
    labels, spec = found["labels"], found["spec"]
    number, _, task = str(labels["proctracker.job"]).partition("_")
    template = spec["template"]
    words = [*([template["remote_command"]] if template.get("remote_command") else []), *(template.get("args") or [])]
    began = found.get("started") or time.time()
    row = JobRow(
        id=labels["proctracker.job"],
        num=int(number),
        task=int(task) if task else None,
        session=labels.get("proctracker.session") or "default",
        contact=contact,
        runtime=spec["runtime"],
        state=int(JobState.QUEUED),
        submitted=began,
        dispatched=began,
        boot=here.boot,
        host=here.home.host,
        container=found["name"],
        container_id=found.get("container_id"),
        attempt=int(labels.get("proctracker.attempt") or 1),
        keeper=here.key,
        command=json.dumps(words),
        category=template.get("job_category"),
    )
    for name, value in told(labels).items():
        if name in TOLD:
            setattr(row, name, value)
    return row
