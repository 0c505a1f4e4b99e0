"""What Slurm's words for a job's state mean, and what squeue prints of jobs."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation, signal_name
from proctracker.runtimes import slurm_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, Mapping, Sequence

FIELDS = (
    "JobArrayID JobID ArrayJobID ArrayTaskID State NodeList StartTime EndTime Partition exit_code RestartCnt UserName"
    " NumCPUs Reason Name"
).split()
"""Columns of ``squeue --Format``, the name last, as a foreign one may hold anything."""

FORMAT = ",".join(f"{name}:|" for name in FIELDS)

STATES: Mapping[str, str] = {
    "PENDING": "QUEUED",
    "CONFIGURING": "QUEUED",
    "RESV_DEL_HOLD": "QUEUED_HELD",
    "REQUEUED": "REQUEUED",
    "REQUEUE_FED": "REQUEUED",
    "REQUEUE_HOLD": "REQUEUED_HELD",
    "SPECIAL_EXIT": "REQUEUED_HELD",
    "RUNNING": "RUNNING",
    "COMPLETING": "RUNNING",
    "RESIZING": "RUNNING",
    "SIGNALING": "RUNNING",
    "STAGE_OUT": "RUNNING",
    "STOPPED": "SUSPENDED",
    "SUSPENDED": "SUSPENDED",
    "COMPLETED": "DONE",
    "FAILED": "FAILED",
    "CANCELLED": "FAILED",
    "TIMEOUT": "FAILED",
    "DEADLINE": "FAILED",
    "OUT_OF_MEMORY": "FAILED",
    "NODE_FAIL": "FAILED",
    "BOOT_FAIL": "FAILED",
    "PREEMPTED": "FAILED",
    "LAUNCH_FAILED": "FAILED",
    "RECONFIG_FAIL": "FAILED",
    "REVOKED": "UNDETERMINED",
}
"""squeue's word (squeue(1), "JOB STATE CODES") -> DRMAA2's state."""

ENDS: Mapping[str, str] = {
    "CANCELLED": "cancelled",
    "TIMEOUT": "time-limit",
    "DEADLINE": "deadline",
    "OUT_OF_MEMORY": "oom-killed",
    "NODE_FAIL": "node-fail",
    "BOOT_FAIL": "boot-fail",
    "PREEMPTED": "preempted",
    "LAUNCH_FAILED": "start-failed",
    "RECONFIG_FAIL": "reconfig-fail",
}
"""An end that is not the job's own doing -> its sub-state."""

SAID = {
    "cancelled": "cancelled in Slurm",
    "time-limit": "its time limit was over",
    "deadline": "it could not end before its deadline",
    "oom-killed": "it took more memory than it was given",
    "node-fail": "its node failed",
    "boot-fail": "its node did not boot",
    "preempted": "another job took its place",
    "dependency": "a job that it waits for did not end well",
    "start-failed": "Slurm could not start it: its files or its directory are not to be had on the node",
}

NEVER = re.compile(
    r"DependencyNeverSatisfied|Partition(NodeLimit|TimeLimit|Config|Down|Inactive)|BadConstraints|Assoc\w*PerJob\w*"
    r"|QOSMax\w*PerJob\w*|QOSMin\w*|QOSTimeLimit|QOSNotAllowed|InvalidAccount|InvalidQOS|AccountNotAllowed"
    r"|FedJobLock|JobHoldMaxRequeue"
)
"""Reasons for which a job pends until somebody changes something."""

HELD = {
    "JobHeldUser": "held",
    "JobHeldAdmin": "held-by-admin",
    "job requeued in held state": "held",
    "job_requeued_in_held_state": "held",
    "launch failed requeued held": "launch-failed",
    "launch_failed_requeued_held": "launch-failed",
}
"""Reasons of jobs that wait for somebody's release -> their sub-state."""

_START_FAILED = 53
"""The signal in an exit code that stands for missing streams or directory (slurmd)."""

_OURS = "proctracker-"


def parse_look(done: Completed) -> Mapping[str, Observation]:
    """Parse jobs under names of ours by their keys.

    Raises DrmCommunicationException where the controller was not asked.
    """
    found: dict[str, Observation] = {}
    for fields, seen in _read(done):
        if seen.name and seen.name.startswith(_OURS):
            task = fields["ArrayTaskID"]
            one = f"{seen.name}/{task}" if task.isdecimal() else seen.name
            found[one] = _newer(found.get(one), seen)
    return found


def parse_listing(done: Completed) -> Mapping[str, Observation]:
    """Parse all jobs by Slurm's ids, with owner and processors as ``labels``."""
    return {fields["JobArrayID"]: seen for fields, seen in _read(done)}


def _newer(known: Observation | None, seen: Observation) -> Observation:
    """Return of two jobs under one name the one that lives, else the first."""
    if known is None or known.state.ended != seen.state.ended:
        return seen if known is None or known.state.ended else known
    return min(known, seen, key=lambda each: int(re.sub(r"\D.*", "", each.container_id or "") or 0))


def _read(done: Completed) -> Iterator[tuple[dict[str, str], Observation]]:
    if done.returncode:
        raise DrmCommunicationException(slurm_words.told(done))
    for line in done.stdout.splitlines():
        values = line.split("|", len(FIELDS) - 1)
        if len(values) == len(FIELDS) and values[-1].endswith("|"):
            fields = dict(zip(FIELDS, values))
            fields["Name"] = fields["Name"][:-1]
            yield fields, observed(fields)


def observed(fields: Mapping[str, str]) -> Observation:
    """One line of squeue."""
    word, reason = fields["State"], fields["Reason"].strip("()")
    restart = int(fields["RestartCnt"]) if fields["RestartCnt"].isdecimal() else 0
    signal, code = exit_code(fields["exit_code"])
    about: dict[str, Any] = {
        "name": fields["Name"],
        "container_id": fields["JobArrayID"],
        "restart": restart,
        "nodes": tuple(nodes(fields["NodeList"])),
        "queue": fields["Partition"] or None,
        "labels": {"owner": fields["UserName"], "slots": fields["NumCPUs"]},
    }
    state = JobState[STATES.get(word, "UNDETERMINED")]
    if state.queued:
        state, why, said = waiting(state, word, reason, restart)
        return Observation(state, why, annotation=said, **about)
    # What was cancelled before it had a node has a start time all the same.
    about["started"] = moment(fields["StartTime"]) if about["nodes"] else None
    if state.ended:
        about["finished"] = moment(fields["EndTime"])
        return end(word, reason, signal, code, **about)
    sub_state = word.lower() if word in STATES else word
    return Observation(state, None if word == "RUNNING" else sub_state, **about)


def exit_code(text: str) -> tuple[int, int]:
    """Return signal and code, of a wait status (22.05) or of ``200:0`` and ``0:11``."""
    match = re.fullmatch(r"(\d+)(?::(\d+))?", text)
    if match is None:
        return 0, 0
    if match[2] is not None:
        return int(match[2]), int(match[1])
    return int(match[1]) & 127, int(match[1]) >> 8


def waiting(state: JobState, word: str, reason: str, restart: int) -> tuple[JobState, str, str]:
    """The state of a job that waits, its sub-state, and why in a sentence."""
    held = HELD.get(reason)
    if word == "SPECIAL_EXIT":
        held = "special-exit"
    if held or state in (JobState.QUEUED_HELD, JobState.REQUEUED_HELD):
        again = restart or state == JobState.REQUEUED_HELD
        said = slurm_words.HOLDS.get(held or "", "it is held in Slurm")
        return (JobState.REQUEUED_HELD if again else JobState.QUEUED_HELD), held or word.lower(), said
    if NEVER.fullmatch(reason):
        never = f"it cannot start: {slurm_words.REASONS.get(reason, reason)}"
        return (JobState.REQUEUED if restart else state), f"never:{reason}", never
    why = slurm_words.REASONS.get(reason, f"Slurm says {reason}")
    if restart and state == JobState.QUEUED:
        return JobState.REQUEUED, "requeued", f"Slurm runs it again: {why}"
    if word == "CONFIGURING":
        return state, "configuring", "its node is being made ready"
    return state, f"pending:{reason}", why


def end(word: str, reason: str, signal: int, code: int, **about: Any) -> Observation:
    """How a job ended by Slurm's word, the reason, and the two halves of its exit code."""
    if word == "COMPLETED":
        return Observation(JobState.DONE, exit_status=0, **about)
    if word == "FAILED" and signal == _START_FAILED:
        return Observation(JobState.FAILED, "start-failed", 125, annotation=SAID["start-failed"], **about)
    if word == "CANCELLED" and reason == "DependencyNeverSatisfied":
        return Observation(JobState.FAILED, "dependency", annotation=SAID["dependency"], **about)
    sub_state = ENDS.get(word)
    told = word not in ("DEADLINE", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL")
    return Observation(
        JobState[STATES.get(word, "UNDETERMINED")],
        sub_state,
        code if code and told and not signal else None,
        signal_name(signal) if signal and told else None,
        SAID.get(sub_state or ""),
        oom=sub_state == "oom-killed",
        **about,
    )


def moment(text: str) -> float | None:
    """Epoch seconds of a time that was printed for TZ=UTC0."""
    match = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text)
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() if match else None


def nodes(text: str) -> Sequence[str]:
    """Expand ``n[1-3,07],login1``, or return it as it is."""
    found: list[str] = []
    for part in re.findall(r"[^,\[\]]+(?:\[[^\]]*\][^,\[\]]*)*", text.strip("()")):
        found += _spread(part)
    return found


def _spread(part: str) -> list[str]:
    front, bracket, rest = part.partition("[")
    inner, _, back = rest.partition("]")
    if not bracket:
        return [part] if part not in ("", "null") else []
    names = []
    for piece in inner.split(","):
        low, dash, high = piece.partition("-")
        if dash and low.isdecimal() and high.isdecimal() and int(high) - int(low) < 100_000:
            names += [f"{front}{number:0{len(low)}d}" for number in range(int(low), int(high) + 1)]
        else:
            names.append(front + piece)
    return [name for each in names for name in _spread(each + back)]
