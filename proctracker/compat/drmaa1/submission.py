"""From a job template of DRMAA 1 to one of ours."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from proctracker.compat.drmaa1 import const, errors, times
from proctracker.compat.drmaa1.active import Active, active
from proctracker.model import HOME_DIR, PARAMETRIC_INDEX, WORKING_DIR

if TYPE_CHECKING:
    from typing import Mapping

_PLACEHOLDERS = {
    const.PLACEHOLDER_HD.decode(): HOME_DIR,
    const.PLACEHOLDER_WD.decode(): WORKING_DIR,
    const.PLACEHOLDER_INCR.decode(): PARAMETRIC_INDEX,
}
_SAME = {const.REMOTE_COMMAND: "remote_command", const.JOB_CATEGORY: "job_category", const.JOB_NAME: "job_name"}
_STREAMS = {const.OUTPUT_PATH: ("output_path", "o"), const.ERROR_PATH: ("error_path", "e")}
_TIMES = {const.START_TIME: "start_time", const.DEADLINE_TIME: "deadline_time"}


def template(given: Mapping[bytes, Any], bulk: bool) -> dict[str, Any]:
    """Return a template's attributes, which win over its native specification's.

    ``bulk`` says that it is for an array.
    """
    found: dict[str, Any] = {}
    specification = given.get(const.NATIVE_SPECIFICATION)
    if specification and not specification.isspace():
        from proctracker.compat.drmaa1 import native

        found = native.attributes(specification)
    found.update({ours: given[name] for name, ours in _SAME.items() if given.get(name)})
    found.update({ours: times.stamp(given[name]) for name, ours in _TIMES.items() if given.get(name)})
    if const.V_ARGV in given:
        found["args"] = list(given[const.V_ARGV])
    if const.V_ENV in given:
        found["job_environment"] = {**(found.get("job_environment") or {}), **given[const.V_ENV]}
    if given.get(const.V_EMAIL) and given.get(const.BLOCK_EMAIL) != "1":
        found["email"] = list(given[const.V_EMAIL])
    if given.get(const.JS_STATE):
        found["submit_as_hold"] = given[const.JS_STATE] == const.SUBMISSION_STATE_HOLD
    if given.get(const.WD):
        found["working_directory"] = _filled(given[const.WD])
    _streams(given, found, bulk)
    _limit(given, found)
    return found


def _streams(given: Mapping[bytes, Any], found: dict[str, Any], bulk: bool) -> None:
    if given.get(const.INPUT_PATH):
        found["input_path"] = _path(given[const.INPUT_PATH])
    for name, (ours, letter) in _STREAMS.items():
        if given.get(name):
            found[ours] = _file(_path(given[name]), letter, found, bulk)
    if given.get(const.JOIN_FILES) == "y":
        found["join_files"] = True
        found.pop("error_path", None)
    elif given.get(const.ERROR_PATH):
        found.pop("join_files", None)


def _path(text: str) -> str:
    """The path of ``[HOST]:PATH``. Jobs run on this host, whichever is named."""
    return _filled(text.partition(":")[2] if ":" in text else text).replace("%", "%%")


def _filled(text: str) -> str:
    """A path with DRMAA 1's placeholders as DRMAA2 has them."""
    for theirs, ours in _PLACEHOLDERS.items():
        text = text.replace(theirs, ours)
    return text


def _file(path: str, letter: str, found: Mapping[str, Any], bulk: bool) -> str:
    """Return a stream's path, in a directory ``NAME.oID`` or ``NAME.oID.TASK``, as in Grid Engine."""
    home = os.environ.get("HOME", "")
    working = (found.get("working_directory") or "").replace(HOME_DIR, home)
    where = path.replace("%%", "%").replace(HOME_DIR, home).replace(WORKING_DIR, working)
    if not os.path.isdir(os.path.join(working, where)):
        return path
    name = found.get("job_name") or os.path.basename(found.get("remote_command") or "job")
    name = name.replace("%", "%%").replace("/", "_")
    return os.path.join(path, f"{name}.{letter}%A.%a" if bulk else f"{name}.{letter}%j")


def _limit(given: Mapping[bytes, Any], found: dict[str, Any]) -> None:
    """The wall-clock limit and that of the running time: one thing here, so the smaller counts."""
    limits = [times.seconds(given[name]) for name in (const.WCT_HLIMIT, const.DURATION_HLIMIT) if given.get(name)]
    if limits:
        found["resource_limits"] = {**(found.get("resource_limits") or {}), "WALLCLOCK_TIME": min(limits)}


def submitted(now: Active, given: Any, indices: tuple[int, int, int] | None) -> Any:
    """Submit the job, or the array, of a job template, and return it."""
    if not hasattr(type(given), "remoteCommand"):
        errors.raise_code(errors.ARGUMENT, f"a job template is expected, not {given!r}")
    if indices and not (1 <= indices[0] <= indices[1] and indices[2] >= 1):
        errors.raise_code(errors.ARGUMENT, "runBulkJobs: 1 <= beginIndex <= endIndex and a step from 1 are expected")
    with errors.translated(InvalidArgument=errors.DENIED):
        ours = template(given.values, indices is not None)
        return now.session.run_bulk_jobs(ours, *indices) if indices else now.session.run_job(ours)


def bulk(given: Any, begin: int, end: int, step: int) -> list[str]:
    """Submit an array of jobs, and return the ids of its tasks."""
    now = active()
    if step < 0 and begin >= end:
        # The same tasks from the lowest on: an array's are in order.
        begin, end, step = begin - (begin - end) // -step * -step, begin, -step
    tasks = submitted(now, given, (begin, end, step)).jobs
    now.jobs.update({job.id: job for job in tasks})
    return [job.id for job in tasks]
