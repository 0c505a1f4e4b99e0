"""Reads what Slurm's commands say when something is wrong or a job waits."""

from __future__ import annotations

import re

from proctracker.errors import (
    DeniedByDrmsException,
    Drmaa2Exception,
    DrmCommunicationException,
    ImplementationSpecificException,
    InvalidStateException,
    UnsupportedOperationException,
)
from proctracker.model import Completed
from proctracker.runtimes.batch import LATER, REFUSED, UNKNOWN, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

REASONS: Mapping[str, str] = {
    "None": "Slurm has not looked at it yet",
    "Priority": "jobs of higher priority are before it",
    "Resources": "it waits for resources to become free",
    "BeginTime": "its start time has not come",
    "Dependency": "it waits for another job",
    "JobArrayTaskLimit": "as many tasks of its array run as may at once",
    "Licenses": "it waits for a licence",
    "Reservation": "it waits for its reservation",
    "ReqNodeNotAvail": "the machines it asks for are not available",
    "Prolog": "its node is being made ready",
    "DependencyNeverSatisfied": "a job that it waits for did not end as it should",
    "PartitionNodeLimit": "it asks for more nodes than the partition gives",
    "PartitionTimeLimit": "its time limit is above the partition's",
    "PartitionConfig": "it asks for more than the partition has",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition is inactive",
    "BadConstraints": "no node has what it asks for",
}
"""squeue(1), "JOB REASON CODES" -> a sentence."""

HOLDS: Mapping[str, str] = {
    "held": "it is held: release it",
    "held-by-admin": "an administrator holds it",
    "launch-failed": "its node could not start it: release it to try again",
    "special-exit": "it was requeued in a special state: release it",
}

UNREACHABLE = (
    r"unable to contact slurm controller|connection (refused|timed out|reset)|socket timed out|communications? (connection )?"
    r"(failure|error)|munge|invalid authentication credential|authentication credential|protocol authentication error"
    r"|zero bytes were transmitted|slurm controller not responding|(unable to|could not) establish a? ?configuration source"
    r"|slurmdbd|problem talking to (the )?database|backup controller"
)
"""The controller, or what its commands need to reach it, did not answer."""
BUSY = (
    r"temporarily unable to accept job|resource temporarily unavailable|job violates accounting/qos policy \(job submit limit"
    r"|too many jobs|maxjobcount"
)
"""It answered that it takes nothing now."""

_UNSURE = r"socket timed out|zero bytes were transmitted|connection (timed out|reset)|communication"
"""The question was sent and the answer is lost: the job may be there."""

_ARRAY = r"invalid job array specification"

_DENIED: Sequence[tuple[str, type[Drmaa2Exception]]] = (
    (UNREACHABLE, DrmCommunicationException),
    (r"access/permission denied|invalid user id|permission", DeniedByDrmsException),
    (
        r"invalid job id|already completed|no longer pending|not (running|pending|suspended)|job is (not )?(pending|running"
        r"|suspended)|requested operation is presently disabled|job/step already complet",
        InvalidStateException,
    ),
    (r"not supported|unsupported|function not implemented", UnsupportedOperationException),
)

_LEAD = r"^(s\w+|slurm\w*): (error: |fatal: )?|^slurm_\w+ error: |^Batch job submission failed: |^Kill job error on job id \S+: "


def reason(text: str) -> str:
    """Return what a command said in one line, its last error first."""
    lines = []
    for line in text.splitlines():
        plain = line.strip()
        while True:
            shorter = re.sub(_LEAD, "", plain)
            if shorter == plain:
                break
            plain = shorter
        if plain and not plain.startswith("Try "):
            lines.append(plain)
    last = lines.pop() if lines else ""
    more = "; ".join(dict.fromkeys(lines))
    return f"{last} ({more})"[:2000] if more else last[:2000]


def told(done: Completed) -> str:
    """The command's name and its reason, in one line."""
    return f"{done.argv[0].rpartition('/')[2]}: {reason(done.stderr) or f'ended with {done.returncode} and no word'}"


def refused(done: Completed, largest: int | None = None) -> Refusal:
    """Say what it means that sbatch failed.

    ``largest`` is the largest number a task may have, where it is known.
    """
    said = told(done)
    if done.returncode == 127 and not done.stdout:
        return Refusal(LATER, said)
    if re.search(BUSY, done.stderr, re.IGNORECASE):
        return Refusal(UNKNOWN if done.returncode < 0 else LATER, f"{said}: the cluster takes no more jobs now")
    if done.returncode < 0 or re.search(_UNSURE, done.stderr, re.IGNORECASE):
        return Refusal(UNKNOWN, said)
    if re.search(UNREACHABLE, done.stderr, re.IGNORECASE):
        return Refusal(LATER, said)
    if re.search(_ARRAY, done.stderr, re.IGNORECASE):
        limit = f" ({largest} here)" if largest is not None else ""
        said += f": the cluster's MaxArraySize allows tasks up to a number{limit}: split the array"
    return Refusal(REFUSED, said)


def failed(done: Completed) -> Drmaa2Exception:
    """The exception for a control that did not return 0."""
    if done.returncode < 0 or (done.returncode == 127 and not done.stdout):
        return DrmCommunicationException(told(done))
    text = done.stderr + done.stdout
    said = told(done) if done.stderr else f"{done.argv[0].rpartition('/')[2]}: {reason(done.stdout)}"
    kind = next((kind for words, kind in _DENIED if re.search(words, text, re.IGNORECASE)), None)
    return (kind or ImplementationSpecificException)(said)
