"""What ctr prints of tasks and containers, as Observations."""

from __future__ import annotations

import json
import re

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation, ended
from proctracker.records import replace
from proctracker.runtimes import inspection, words
from proctracker.runtimes.inspection import mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

EXIT_LABEL = "proctracker.exit"
"""Where an attached start writes the code: ``ctr run`` deletes the task that had it."""

STATES = {
    "CREATED": "QUEUED",
    "RUNNING": "RUNNING",
    "PAUSING": "RUNNING",
    "PAUSED": "SUSPENDED",
    "STOPPED": inspection.BY_EXIT_CODE,
}
"""A task's status in ``ctr tasks ls`` -> what it means, others being UNDETERMINED."""

SHIM_STATES = {1: "CREATED", 2: "RUNNING", 3: "STOPPED", 4: "PAUSED", 5: "PAUSING"}
"""The same words by the numbers of ``ctr shim state`` (containerd's api/types/task)."""

_TABLE = r"TASK\s+PID\s+STATUS"


def labels_of(name: str) -> dict[str, str]:
    """Return the labels of a container of ours by its name, with a filter's operator."""
    match = re.fullmatch(r"proctracker-([0-9a-f]{8})-(\d+(?:_\d+)?)-(\d+)", name, re.ASCII)
    if match is None:
        return {}
    home, job, attempt = match.groups()
    return {
        "proctracker.home": f"~=^{home}",
        "proctracker.job": f"=={json.dumps(job)}",
        "proctracker.attempt": f"=={json.dumps(attempt)}",
    }


def parse_tasks(done: Completed) -> dict[str, Observation]:
    """Parse the table of ``tasks ls``, which has no codes of STOPPED ones.

    Raises DrmCommunicationException where the engine was not reached or no such table came.
    """
    header, *lines = words.expect(done).splitlines() or [""]
    if not re.match(_TABLE, header):
        raise DrmCommunicationException(f"{done.argv[0]} answered with something else than its table: {header[:80]!r}")
    found = {}
    for line in lines:
        cells = line.split()
        if len(cells) == 3 and cells[1].isdecimal():
            found[cells[0]] = _observed(cells[0], cells[2], int(cells[1]) or None)
    return found


def _observed(name: str, word: str, pid: int | None) -> Observation:
    meaning = STATES.get(word, "UNDETERMINED")
    state = JobState.UNDETERMINED if meaning == inspection.BY_EXIT_CODE else JobState[meaning]
    plain = word in ("RUNNING", "PAUSED")
    return Observation(state, None if plain else word.lower(), pid=pid, container_id=name, name=name)


def parse_end(name: str, state: Mapping[str, Any], metrics: Mapping[str, Any]) -> Observation:
    """Parse ``shim state`` and ``tasks metrics`` of a stopped task, which leave zeros out."""
    group = mapping(mapping(metrics.get("cpu")).get("usage")) or mapping(metrics.get("cpu"))
    memory = mapping(metrics.get("memory"))
    kills = {**mapping(metrics.get("memory_oom_control")), **mapping(metrics.get("memory_events"))}
    nanoseconds, microseconds = group.get("total"), group.get("usage_usec")
    peak = memory.get("max_usage") or (memory["usage"].get("max") if isinstance(memory.get("usage"), dict) else None)
    code = inspection.number(state.get("exit_status", 0))
    if code is None:
        return inspection.no_code(state.get("exit_status"), name=name, container_id=name)
    return ended(
        code,
        oom=bool(kills.get("oom_kill")),
        name=name,
        container_id=name,
        finished=_moment(state.get("exited_at")),
        cpu_time=nanoseconds / 1e9 if nanoseconds else microseconds / 1e6 if microseconds else None,
        max_rss=peak // 1024 if peak else None,
    )


def parse_container(done: Completed) -> Observation:
    """Parse a container without a task, ended where an attached start wrote its code on it."""
    found = read(done)
    if not found:
        raise DrmCommunicationException(words.told(done))
    name = str(found.get("ID"))
    code = str(mapping(found.get("Labels")).get(EXIT_LABEL, ""))
    if code.isdecimal():
        return ended(int(code), name=name, container_id=name, recorded=True)
    return gone(name)


def why(stderr: str, name: str) -> str:
    """The line about a container that could not be removed: its reason is logfmt's ``error=``."""
    said = next((line for line in stderr.splitlines() if f'{name}\\"' in line), stderr)
    found = re.search(r' error="((?:[^"\\]|\\.)*)"', said)
    return found[1].replace('\\"', '"') if found else words.reason(said)


def described(seen: Observation, container: Mapping[str, Any]) -> Observation:
    """An observation with what ``containers info`` says besides."""
    process = mapping(mapping(container.get("Spec")).get("process"))
    return replace(
        seen,
        labels={str(key): str(value) for key, value in mapping(container.get("Labels")).items()},
        image=container.get("Image") or None,
        command=tuple(str(word) for word in process.get("args") or ()) or None,
    )


def gone(name: str) -> Observation:
    """Describe a container without a task, never started or taken away."""
    return Observation(JobState.UNDETERMINED, "lost", name=name, container_id=name)


def _moment(value: Any) -> float | None:
    """Return epoch seconds of a text (containerd 1.6) or a mapping (1.7 and newer)."""
    if isinstance(value, dict):
        return int(value.get("seconds", 0)) + int(value.get("nanos", 0)) / 1e9
    return inspection.moment(value)


def read(done: Completed) -> Mapping[str, Any]:
    """Parse what a call printed, or return nothing where it failed."""
    try:
        return {} if done.returncode else mapping(json.loads(done.stdout))
    except ValueError:
        return {}
