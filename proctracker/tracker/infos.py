"""What is told of a job: a JobInfo of its row, its spec, and what was seen of it now."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from operator import attrgetter

from proctracker.model import JobInfo, JobRow, JobState, Observation
from proctracker.store import Home
from proctracker.tracker import schedulers, walls

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

    from proctracker.linux.cgroups import Usage

_STATES = {int(state): state for state in JobState}
_PLAIN = {
    "job_id": "id",
    "job_name": "name",
    "exit_status": "exit_status",
    "terminating_signal": "signal",
    "annotation": "annotation",
    "job_sub_state": "sub_state",
    "submission_machine": "host",
    "slots": "slots",
    "queue_name": "queue",
    "cpu_time": "cpu",
    "session_name": "session",
    "contact": "contact",
    "runtime": "runtime",
    "job_category": "category",
    "pid": "pid",
    "task_id": "task",
    "host": "host",
    "working_directory": "workdir",
    "input_path": "input",
    "output_path": "output",
    "error_path": "error",
    "attempt": "attempt",
}
"""Attributes that are a row's columns as they stand."""

_columns = attrgetter(*_PLAIN.values())
_owner: list[str] = []


def info(
    row: JobRow,
    spec: Mapping[str, Any] | None = None,
    observation: Observation | None = None,
    *,
    home: Home | None = None,
    now: float | None = None,
) -> JobInfo:
    """Everything about a job. What was observed of a live one counts more than its row.

    With ``home``, the paths of output kept by us are told too (``spec`` says where). Times are aware datetimes in UTC,
    durations float seconds, ``max_rss`` KiB.
    """
    found = JobInfo.__new__(JobInfo)
    scheduled, pends = schedulers.of_scheduler(row), schedulers.pends(row)
    bounded = row.max_rss is not None and row.rss_floor is not None and row.max_rss <= row.rss_floor
    values = found.__dict__
    values.update(zip(_PLAIN, _columns(row)))
    values.update(
        {
            "job_state": _STATES[row.state],
            "allocated_machines": _machines(row, scheduled),
            "job_owner": owner(),
            "wallclock_time": None if pends else walls.wall(row, observation, now),
            "submission_time": _moment(row.submitted),
            "dispatch_time": None if pends else _moment(row.dispatched),
            "finish_time": None if row.unseen else _moment(row.finished),
            "command": json.loads(row.command),
            "container_id": None if scheduled else row.container_id,
            "scheduler_id": row.container_id if scheduled else None,
            "max_rss": None if bounded else row.max_rss,
            "max_rss_at_most": row.max_rss if bounded else None,
            "array_id": None if row.task is None else str(row.num),
            "resubmitted_from": _first(row),
            "stdout": None,
            "stderr": None,
        }
    )
    if home is not None and row.dispatched is not None:
        values["output_path"], values["error_path"] = paths(row, spec or {}, home)
    if spec and "given" in spec:
        values["job_category"] = spec["given"].get("job_category") or row.category
    if observation is not None and row.finished is None:
        _observed(values, observation)
    return found


def _machines(row: JobRow, scheduled: bool) -> list[str] | None:
    """Return where a job runs or ran."""
    if scheduled:
        return row.nodes.split(",") if row.nodes else None
    return None if row.dispatched is None else [row.host]


def add_usage(found: JobInfo, row: JobRow) -> None:
    """Add what a live job of this machine used so far: ``cpu_time`` and ``max_rss``."""
    from proctracker import procs
    from proctracker.linux import procfs

    live = row.finished is None and row.pid and procfs.alive(row.pid, row.ticks)
    used = procs.usage(row.pid) if live and row.pid else None
    if used is None:
        return
    group = _group(row)
    if group is not None and group.peak is not None:
        found.cpu_time = found.cpu_time if group.cpu is None else group.cpu
        found.max_rss = group.peak
    found.cpu_time = used.cpu if found.cpu_time is None else found.cpu_time
    found.max_rss = used.peak if found.max_rss is None else found.max_rss


def _group(row: JobRow) -> Usage | None:
    """Return what the control group of a live job used so far, or None without one."""
    from proctracker.linux import cgroups
    from proctracker.model.marks import group_name

    if row.container is not None:
        return cgroups.usage(cgroups.paths(row.pid or 0, row.address))
    group = cgroups.paths(row.pid or 0)
    return cgroups.usage(group) if os.path.basename(group.unified or "") == group_name(row) else None


def _observed(values: dict[str, Any], seen: Observation) -> None:
    """Put what was seen of a live job in place of what its row says."""
    values["job_state"], values["job_sub_state"] = seen.state, seen.sub_state
    if seen.state.ended:
        values["exit_status"], values["terminating_signal"] = seen.exit_status, seen.terminating_signal
        values["finish_time"] = _moment(seen.finished)
    for name, value in (
        ("annotation", seen.annotation),
        ("pid", seen.pid),
        ("container_id", seen.container_id),
        ("cpu_time", seen.cpu_time),
        ("max_rss", seen.max_rss),
    ):
        if value is not None:
            values[name] = value


def in_engine(row: JobRow, spec: Mapping[str, Any]) -> bool:
    """Return whether a job's output is with its engine alone."""
    if row.container is None or row.output or row.error or row.input or row.saved or spec.get("stdin"):
        return False
    from proctracker import runtimes

    return runtimes.get(row.runtime).keeps_logs


def paths(row: JobRow, spec: Mapping[str, Any], home: Home) -> tuple[str | None, str | None]:
    """Return the paths of a job's output and error, None where the engine has it, or joined."""
    if in_engine(row, spec):
        return None, None
    kept = [home.kept(row.id, row.attempt, stream, spec.get("output_dir")) for stream in ("out", "err")]
    output = row.output or kept[0]
    if spec.get("join") or (row.error is not None and row.output is not None and _one(row.output, row.error)):
        return output, None
    return output, row.error or kept[1]


def _one(output: str, error: str) -> bool:
    """Return whether a job's streams became one file by a link made later."""
    try:
        return output == error or os.path.samefile(output, error)
    except OSError:
        return False


def _first(row: JobRow) -> str | None:
    """Return the id of the job, or of the array's task, that this one repeats."""
    found = row.resubmitted_from
    return f"{found}_{row.task}" if found and row.task is not None and "_" not in found else found


def _moment(epoch: float | None) -> datetime | None:
    """Return an epoch second as an aware datetime in UTC."""
    return None if epoch is None else datetime.fromtimestamp(epoch, timezone.utc)


def owner() -> str:
    """The user's name, or uid where there is none."""
    if not _owner:
        import pwd

        try:
            _owner.append(pwd.getpwuid(os.geteuid()).pw_name)
        except KeyError:
            _owner.append(str(os.geteuid()))
    return _owner[0]
