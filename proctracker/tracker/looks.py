"""Looks at live jobs, all of an engine in one call, engines side by side."""

from __future__ import annotations

import time

from proctracker import runner, runtimes
from proctracker.errors import Drmaa2Exception
from proctracker.linux import clock, procfs
from proctracker.model import JobRow, JobState, Observation
from proctracker.model.marks import ENDING, STOPPED
from proctracker.model.observation import LOST, of_former_boot
from proctracker.records import NamedTuple, replace
from proctracker.runtimes.base import Engine, elsewhere
from proctracker.store import Reader
from proctracker.tracker.contacts import engine_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping, Sequence

LONGEST = 0.5
"""Seconds an answer may serve other questions, at most as long as the look took."""

REMOVED = "removed"
"""Sub-state of a container that was removed by hand."""

_STARTED = (int(JobState.RUNNING), int(JobState.SUSPENDED), int(JobState.UNDETERMINED))


def look(rows: Iterable[JobRow], reader: Reader, *, timeout: float = 15.0) -> dict[str, Observation]:
    """Return what is seen of live jobs of this host, by id, where their rows differ.

    A container is looked at through its engine; one the engine does not know is UNDETERMINED ``removed``, and where the
    engine cannot be asked UNDETERMINED with its reason as annotation. A process is looked at only if no supervisor runs
    that would know: one that has gone is UNDETERMINED ``lost``. Nothing is written.
    """
    live = [row for row in rows if row.finished is None and row.state in _STARTED and row.host == reader.home.host]
    found = _processes([row for row in live if row.container is None], reader)
    containers = [row for row in live if row.container is not None and runtimes.get(row.runtime).batch is None]
    if containers:
        seen = _containers(containers, reader, timeout)
        found.update(_settled(containers, seen, reader))
    return found


def _containers(rows: Sequence[JobRow], reader: Reader, timeout: float) -> dict[str, Observation]:
    """Return what the engines say, by job id, what they do not know being ``removed``."""
    groups = _by_engine(rows, reader)
    pairs = []
    for (name, _), (engine, members) in groups.items():
        names = [row.address for row in members]
        pairs.append((runner.Runner(engine, timeout), runtimes.get(name).look(engine, names)))
    found: dict[str, Observation] = {}
    for (_, members), answer in zip(groups.values(), runner.converse_all(pairs)):
        for row in members:
            if isinstance(answer, Drmaa2Exception):
                found[row.id] = Observation(JobState.UNDETERMINED, annotation=answer.message)
            else:
                found[row.id] = answer.get(row.address) or Observation(
                    JobState.UNDETERMINED, REMOVED, annotation="its engine does not know the container: removed by hand"
                )
    return found


def _by_engine(rows: Sequence[JobRow], reader: Reader) -> dict[tuple[str, str], tuple[Engine, list[JobRow]]]:
    groups: dict[tuple[str, str], tuple[Engine, list[JobRow]]] = {}
    for row in rows:
        spec = reader.spec(row.spec)
        key = (row.runtime, repr(spec.get("engine")))
        if key not in groups:
            groups[key] = (engine_of(spec), [])
        groups[key][1].append(row)
    return groups


def _settled(rows: Sequence[JobRow], seen: Mapping[str, Observation], reader: Reader) -> dict[str, Observation]:
    """Weigh what was seen against what is known, unless the store has changed meanwhile."""
    found = {}
    for row in rows:
        weighed = weigh(row, _believed(row, seen[row.id], reader))
        if weighed is not None:
            found[row.id] = weighed
    doubtful = [
        row
        for row in rows
        if row.id in found and (found[row.id].state.ended or found[row.id].sub_state in (REMOVED, LOST))
    ]
    if doubtful:
        now = {row.id: row for row in reader.jobs([row.id for row in doubtful])}
        for row in doubtful:
            other = now.get(row.id)
            if (
                other is None
                or other.finished is not None
                or other.container != row.container
                or other.state not in _STARTED
            ):
                del found[row.id]
    return found


def _believed(row: JobRow, seen: Observation, reader: Reader) -> Observation:
    """Return what of an engine's words holds for a job of a former boot."""
    unknown = seen.state == JobState.UNDETERMINED and seen.sub_state is None
    if unknown or row.boot is None or row.boot == procfs.boot_id() or elsewhere(engine_of(reader.spec(row.spec))):
        return seen
    return of_former_boot(seen, clock.since(0.0))


def weigh(row: JobRow, seen: Observation) -> Observation | None:
    """Return an observation as the job's history reads it, or None if it says nothing new."""
    if seen.state.queued:
        seen = Observation(JobState.UNDETERMINED, LOST, annotation="its engine knows no more that it ran")
    if seen.state.ended and row.sub_state in ENDING:
        return replace(seen, state=JobState.FAILED, sub_state=ENDING[row.sub_state])
    if seen.state == JobState.RUNNING and row.state == JobState.SUSPENDED and row.sub_state == STOPPED:
        return None
    if seen.state == row.state and seen.sub_state is None and row.sub_state is not None:
        return replace(seen, sub_state=row.sub_state)
    return seen


def _processes(rows: Sequence[JobRow], reader: Reader) -> dict[str, Observation]:
    if not rows:
        return {}
    from proctracker.wire import election

    alone = {keeper for keeper in {row.keeper for row in rows} if not election.holders(reader.home.run, keeper)}
    found = {}
    boot = procfs.boot_id() if alone else ""
    for row in rows:
        if row.keeper in alone and not (row.pid and row.boot == boot and procfs.alive(row.pid, row.ticks)):
            why = "it ended while nothing of proctracker was there to see how"
            found[row.id] = Observation(JobState.UNDETERMINED, LOST, annotation=why)
    return found


class Seen(NamedTuple):
    """A job as it was looked at."""

    row: JobRow
    observation: Observation | None


class Looks:
    """Looks of one session, each serving further questions for as long as it took."""

    def __init__(self, reader: Reader, clock: Callable[[], float] = time.monotonic) -> None:
        self._reader, self._clock = reader, clock
        self._seen: dict[str, Seen] = {}
        self._until = 0.0

    def forget(self) -> None:
        """Somebody acted on a job: look anew."""
        self._until = 0.0

    def known(self, job_id: str) -> Seen | None:
        """What the last look saw of a job, while that counts."""
        return self._seen.get(job_id) if self._clock() < self._until else None

    def at(self, rows: Sequence[JobRow], timeout: float) -> dict[str, Seen]:
        """Look at these live jobs."""
        began = self._clock()
        found = look(rows, self._reader, timeout=timeout)
        seen = {row.id: Seen(row, found.get(row.id)) for row in rows}
        ended = self._clock()
        self._seen, self._until = seen, ended + min(LONGEST, ended - began)
        return seen


def differing(seen: Iterable[Seen]) -> list[Any]:
    """Return ids of containers in another state than recorded, which their supervisor must see."""
    return [
        each.row.id
        for each in seen
        if each.observation is not None
        and each.row.container is not None
        and each.observation.state != each.row.state
        and (each.observation.state != JobState.UNDETERMINED or each.observation.sub_state in (REMOVED, LOST))
    ]
