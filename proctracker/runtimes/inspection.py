"""What ``inspect`` of podman, docker and nerdctl tells of a container, as an Observation."""

from __future__ import annotations

import json
import re
from datetime import datetime

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation, ended
from proctracker.model.observation import LOST
from proctracker.records import replace
from proctracker.runtimes import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping, Sequence

FIELDS = {
    "id": ".ID",
    "name": ".Name",
    "state": ".State",
    "labels": ".Config.Labels",
    "image": ".Config.Image",
    "entrypoint": ".Config.Entrypoint",
    "cmd": ".Config.Cmd",
    "restarts": ".RestartCount",
    "restart": ".HostConfig.RestartPolicy",
}
"""Our key -> the CLI's field, in a line a fifteenth as long as a container's whole description."""

APART = 1.0
"""Seconds that podman's end, an exit file's time, may seem to precede its start."""

BY_EXIT_CODE = "by exit code"
RESTARTING = "restarting"
CHECKPOINTED = "checkpointed"
"""podman's flag of a container frozen to disk, beside ``exited`` (InspectContainerState)."""

STATES = {
    "created": "QUEUED",
    "running": "RUNNING",
    "restarting": "RUNNING",
    "paused": "SUSPENDED",
    "exited": BY_EXIT_CODE,
    "removing": "UNDETERMINED",
    "dead": "UNDETERMINED",
}
"""docker's state words and what they mean (docker container ls)."""

_DECODER = json.JSONDecoder()
_TIME = r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)?\s?(?:Z|([+-]\d\d):?(\d\d))?"


def template(fields: Mapping[str, str] = FIELDS) -> str:
    """The ``--format`` that prints a JSON object a line."""
    return "{" + ",".join(f'"{key}":{{{{json {field}}}}}' for key, field in fields.items()) + "}"


def parse(done: Completed, states: Mapping[str, str] = STATES) -> dict[str, Observation]:
    """Parse what ``inspect`` printed as JSON into containers by name.

    Raises DrmCommunicationException where the engine was not reached or what came is no such text.
    """
    if done.returncode and (words.unanswered(done) or not words.says(words.errors(done.stderr), words.UNKNOWN)):
        raise DrmCommunicationException(words.told(done))
    found = {}
    for each in objects(done):
        seen = observe(each, states)
        found[seen.name or ""] = seen
    return found


def as_asked(names: Sequence[str], found: Mapping[str, Observation]) -> dict[str, Observation]:
    """The same by what was asked for, be it a name or an id."""
    by_id = {seen.container_id: seen for seen in found.values()}
    asked = {name: found.get(name) or by_id.get(name) for name in names}
    return {name: seen for name, seen in asked.items() if seen is not None}


def objects(done: Completed) -> Iterator[Mapping[str, Any]]:
    """Return the JSON objects in a text, also in arrays (nerdctl 1.7 prints one a container)."""
    text, at = done.stdout.strip(), 0
    while at < len(text):
        try:
            value, after = _DECODER.raw_decode(text, at)
        except ValueError:
            value, after = None, at
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, dict):
                raise DrmCommunicationException(
                    f"{done.argv[0]} answered with something else than JSON: {text[at : at + 80]!r}"
                )
            yield _ours(each) if "State" in each else each
        at = after
        while text[at : at + 1].isspace():
            at += 1


def _ours(whole: Mapping[str, Any]) -> dict[str, Any]:
    """A container's whole description, with our keys."""
    config, host = mapping(whole.get("Config")), mapping(whole.get("HostConfig"))
    return {
        "id": whole.get("Id"),
        "name": whole.get("Name"),
        "state": whole.get("State"),
        "labels": config.get("Labels"),
        "image": config.get("Image") or whole.get("Image"),
        "entrypoint": config.get("Entrypoint"),
        "cmd": config.get("Cmd"),
        "restarts": whole.get("RestartCount"),
        "restart": host.get("RestartPolicy"),
    }


def observe(found: Mapping[str, Any], states: Mapping[str, str] = STATES) -> Observation:
    """One container's object, with the keys of ``FIELDS``."""
    state = mapping(found.get("state"))
    seen = _state(state, found, str(state.get("Status") or ""), states)
    started, finished = moment(state.get("StartedAt")), moment(state.get("FinishedAt"))
    if started and finished:
        # podman takes the end from its exit file's time, which can be a moment before the start.
        finished = max(started, finished)
    return replace(
        seen,
        name=str(found.get("name") or "").lstrip("/") or None,
        container_id=found.get("id") or None,
        labels={str(key): str(value) for key, value in mapping(found.get("labels")).items()},
        image=found.get("image") or None,
        command=_command(found),
        started=started,
        finished=finished if seen.state.ended else None,
    )


def _state(state: Mapping[str, Any], found: Mapping[str, Any], word: str, states: Mapping[str, str]) -> Observation:
    """Read flags and words, paused first, as podman calls such a container not running."""
    pid = state.get("Pid") or None
    if state.get("Paused") is True:
        return Observation(JobState.SUSPENDED, pid=pid)
    meaning = states.get(word, "UNDETERMINED")
    if meaning == BY_EXIT_CODE:
        return _end(state, found, word)
    if meaning == "QUEUED" and (state.get("Error") or number(state.get("ExitCode"))):
        return _never_started(state)
    if meaning == "UNDETERMINED":
        return Observation(JobState.UNDETERMINED, word or "unknown", annotation=state.get("Error") or None, pid=pid)
    return Observation(JobState[meaning], RESTARTING if word == RESTARTING else None, pid=pid)


def _end(state: Mapping[str, Any], found: Mapping[str, Any], word: str) -> Observation:
    """Read an end.

    podman's ``stopped`` is the moment before a restart policy acts. ``exit_status`` is the last run's then.

    ``exited`` is final: what was killed by hand is not started again whatever its policy.
    """
    if state.get("Checkpointed") is True:
        return Observation(JobState.SUSPENDED, CHECKPOINTED)
    code = number(state.get("ExitCode"))
    if code is None:
        return no_code(state.get("ExitCode"))
    if "FinishedAt" in state and not _ended_at(state, number(found.get("restarts")) or 0):
        why = f"its engine calls it {word} and does not know when that was: it did not see it end"
        return Observation(JobState.UNDETERMINED, LOST, annotation=why)
    end = ended(code, oom=state.get("OOMKilled") is True, error=state.get("Error"))
    if word == "stopped" and goes_on(mapping(found.get("restart")), code, number(found.get("restarts")) or 0):
        return replace(end, state=JobState.RUNNING, sub_state=RESTARTING)
    return end


def _ended_at(state: Mapping[str, Any], restarts: int) -> float | None:
    """Return when it ended, or None where the engine or the machine died while it ran.

    The time may then still be that of the run before the last restart.
    """
    started, finished = moment(state.get("StartedAt")), moment(state.get("FinishedAt"))
    return None if restarts and started and finished and finished < started - APART else finished


def goes_on(policy: Mapping[str, Any], code: int, restarts: int) -> bool:
    """Whether a restart policy has another start left after an end with this code."""
    word, most = str(policy.get("Name") or "no"), number(policy.get("MaximumRetryCount"))
    if word == "on-failure":
        return code != 0 and (not most or restarts < most)
    return word in ("always", "unless-stopped")


def _never_started(state: Mapping[str, Any]) -> Observation:
    """Return whether its start failed, which engines keep as ``created``.

    docker with a shell's status, podman 5 with words.
    """
    error, code = str(state.get("Error") or ""), number(state.get("ExitCode"))
    return ended(words.start_status(error, code or 125), error=words.reason(error))


def _command(found: Mapping[str, Any]) -> tuple[str, ...] | None:
    parts: list[str] = []
    for key in ("entrypoint", "cmd"):
        value = found.get(key) or []
        parts += [value] if isinstance(value, str) else [str(word) for word in value]
    return tuple(parts) or None


def moment(text: Any) -> float | None:
    """Parse a time as Go prints it (RFC 3339) into epoch seconds, or None."""
    match = re.match(_TIME, str(text or ""), re.ASCII)
    if not match or match[1].startswith("0001-"):
        return None
    day, clock, fraction, hours, minutes = match.groups()
    try:
        told = datetime.fromisoformat(f"{day}T{clock}{hours or '+00'}:{minutes or '00'}")
    except (ValueError, OverflowError):
        return None
    return told.timestamp() + float(fraction or 0)


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def number(value: Any) -> int | None:
    """Return a whole number, or None for anything else, ``true`` included."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def no_code(value: Any, **rest: Any) -> Observation:
    """An end of which the engine tells no exit code that is one: nobody knows how it was."""
    why = f"it has ended, and its engine tells no exit code: {json.dumps(value)[:80]}"
    return Observation(JobState.UNDETERMINED, "lost", annotation=why, **rest)


def ids(text: str) -> Sequence[str]:
    """The ids or names a list command printed, one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]
