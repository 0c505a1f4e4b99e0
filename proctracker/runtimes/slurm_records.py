"""Reads exit records and accounting, and merges them with what Slurm says."""

from __future__ import annotations

import re

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation, signal_name
from proctracker.model.observation import ended
from proctracker.records import replace
from proctracker.runtimes import slurm_states, slurm_words
from proctracker.runtimes.batch import Config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

FIELDS = "JobID,JobName,State,ExitCode,Start,End,NodeList,Partition,Reason"
"""Columns of ``sacct --format``, ours being free of the separator."""

DISABLED = r"accounting storage is disabled|slurmdbd is not|accounting is not"

_FIRST = "proctracker 1"
_LAST = "end"

_SEVEN_BITS = (25, 5)
"""The version before which sacct keeps seven bits of an exit code, 200 being 72."""

_WHYS = {"time-limit": "its time limit was over", "deadline": "its deadline came"}

_KEPT = ("cancelled", "preempted", "time-limit", "deadline", "oom-killed", "node-fail", "boot-fail")
"""What Slurm alone can tell of an end that a record tells of as well."""


def record_name(key: str, restart: int) -> str:
    """The file of a job's exit record."""
    return f"{key.replace('/', '_')}.{restart}"


def parse_record(text: str) -> Observation | None:
    """Parse an exit record, or return None for none or half of one."""
    lines = text.split("\n")
    if lines[0] != _FIRST or _LAST not in lines:
        return None
    given = dict(line.partition(" ")[::2] for line in lines[1 : lines.index(_LAST)])
    about: dict[str, Any] = {
        "started": _number(given.get("started")),
        "nodes": (given["node"],) if given.get("node") else (),
        "container_id": given.get("slurm") or None,
        "queue": given.get("queue") or None,
        "recorded": True,
        "labels": {
            **({"told": _signal(given["told"])} if given.get("told") else {}),
            **({"rss_floor": given["rss_floor"]} if given.get("rss_floor") else {}),
        },
    }
    if given.get("state") == "running":
        about["pid"] = int(given["pid"]) if given.get("pid", "").isdecimal() else None
        return Observation(JobState.RUNNING, **about)
    if given.get("state") != "ended":
        return None
    about["finished"] = _number(given.get("ended"))
    about["cpu_time"] = _number(given.get("cpu_time"))
    about["max_rss"] = int(given["max_rss"]) if given.get("max_rss", "").isdecimal() else None
    return _end(given, about)


def _end(given: Mapping[str, str], about: Mapping[str, Any]) -> Observation | None:
    code, signal, why = given.get("code", ""), given.get("signal", ""), given.get("why")
    if not code.isdecimal() and not signal.isdecimal() and why != "deadline":
        return None
    said = given.get("reason") or _WHYS.get(why or "")
    if why == "start-failed":
        # 126 and 127 tell it by themselves, as everywhere.
        return Observation(JobState.FAILED, why if code == "125" else None, int(code), annotation=said, **about)
    by_shell = "cpu_time" not in given and code.isdecimal()
    if by_shell and not why:
        return ended(int(code), **about)
    failed = why or signal or code != "0"
    return Observation(
        JobState.FAILED if failed else JobState.DONE,
        why,
        int(code) if code.isdecimal() else None,
        signal_name(int(signal)) if signal.isdecimal() else None,
        said,
        **about,
    )


def _signal(text: str) -> str:
    """A signal's name by its number, or by its name without SIG as a shell writes it."""
    return signal_name(int(text)) if text.isdecimal() else f"SIG{text}"


def _number(text: str | None) -> float | None:
    return float(text) if text and re.fullmatch(r"\d+(\.\d+)?", text) else None


def merge(recorded: Observation | None, seen: Observation | None) -> Observation | None:
    """Merge a record of the present restart with what Slurm says, or return None."""
    if recorded is None or seen is None:
        # A record alone that says "running" is of a job that nobody knows any more: how it ended nobody can tell.
        return seen if recorded is None or not recorded.state.ended else recorded
    if recorded.state.ended:
        return _with_reason(recorded, seen)
    if seen.state.ended or seen.state == JobState.SUSPENDED:
        return replace(seen, started=recorded.started, nodes=recorded.nodes or seen.nodes)
    sub_state = seen.sub_state if seen.state == JobState.RUNNING else None
    return replace(seen, state=JobState.RUNNING, sub_state=sub_state, annotation=None, started=recorded.started, pid=recorded.pid,
                   nodes=recorded.nodes or seen.nodes)  # fmt: skip


def _with_reason(recorded: Observation, seen: Observation) -> Observation:
    about: dict[str, Any] = {"container_id": seen.container_id or recorded.container_id, "name": seen.name, "queue": seen.queue or recorded.queue,
             "restart": seen.restart, "nodes": seen.nodes or recorded.nodes, "labels": {**seen.labels, **recorded.labels}}  # fmt: skip
    if seen.sub_state in _KEPT and recorded.sub_state is None:
        about.update(state=JobState.FAILED, sub_state=seen.sub_state, annotation=seen.annotation, oom=seen.oom)
    return replace(recorded, **about)


def parse_accounting(done: Completed, config: Config) -> dict[str, Observation]:
    """Parse jobs by their keys, the last run of each."""
    if done.returncode and re.search(DISABLED, done.stderr, re.IGNORECASE):
        return {}
    if done.returncode:
        raise DrmCommunicationException(slurm_words.told(done))
    found = {}
    names = FIELDS.split(",")
    for line in done.stdout.splitlines():
        values = line.split("|")
        if len(values) != len(names):
            continue
        fields = dict(zip(names, values))
        if fields["JobName"].startswith("proctracker-") and "." not in fields["JobID"]:
            job, _, task = fields["JobID"].partition("_")
            if not task.startswith("["):
                key = f"{fields['JobName']}/{task}" if task else fields["JobName"]
                found[key] = _accounted(fields, job + (f"_{task}" if task else ""), config)
    return found


def _accounted(fields: Mapping[str, str], job: str, config: Config) -> Observation:
    """Parse one line of sacct, without a failed job's code where that has seven bits."""
    word, _, _ = fields["State"].partition(" ")
    left, _, right = fields["ExitCode"].partition(":")
    code, signal = (int(part) if part.isdecimal() else 0 for part in (left, right))
    about: dict[str, Any] = {
        "name": fields["JobName"],
        "container_id": job,
        "queue": fields["Partition"] or None,
        "nodes": tuple(slurm_states.nodes(fields["NodeList"])) if fields["NodeList"] != "None assigned" else (),
        "started": slurm_states.moment(fields["Start"]),
    }
    state = JobState[slurm_states.STATES.get(word, "UNDETERMINED")]
    if not state.ended:
        # What the controller has forgotten does not run: the accounting was not told how it ended.
        return Observation(JobState.UNDETERMINED, "lost", annotation=f"Slurm's accounting says {word}", **about)
    about["finished"] = slurm_states.moment(fields["End"])
    if word == "FAILED" and not signal and version(config.version) < _SEVEN_BITS:
        said = f"its exit code is {code} or {code + 128}: this version's accounting keeps seven bits of it"
        return Observation(JobState.FAILED, annotation=said, **about)
    return slurm_states.end(word, fields["Reason"], signal, code, **about)


def version(text: str) -> tuple[int, ...]:
    """Parse ``22.05.8`` into numbers, or return the oldest there is."""
    match = re.match(r"(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else (0, 0)


def parse_config(done: Completed) -> Config:
    """What ``scontrol show config`` says."""
    if done.returncode:
        raise DrmCommunicationException(slurm_words.told(done))
    given = dict(re.findall(r"(?m)^(\w+)\s*= ?(.*?)\s*$", done.stdout))

    def number(name: str, otherwise: int) -> int:
        match = re.match(r"\d+", given.get(name, ""))
        return int(match[0]) if match else otherwise

    plain = Config()
    return Config(
        version=given.get("SLURM_VERSION", ""),
        cluster=given.get("ClusterName", ""),
        min_job_age=number("MinJobAge", plain.min_job_age),
        kill_wait=number("KillWait", plain.kill_wait),
        max_array_size=number("MaxArraySize", plain.max_array_size),
        max_job_count=number("MaxJobCount", plain.max_job_count),
        accounting=given.get("AccountingStorageType", "").endswith("slurmdbd"),
    )
