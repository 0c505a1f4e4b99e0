"""Makes a job's spec: the template with times, paths and extensions resolved, as data."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException
from proctracker.model import EXTENSIONS, SPELLINGS, JobTemplate, extension, extension_flag, nearest
from proctracker.model.structs import shown, written
from proctracker.templates import limits, paths, quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping


def make_spec(
    template: JobTemplate,
    *,
    contact: str,
    runtime: str,
    engine: Mapping[str, Any],
    cwd: str,
    home_dir: str,
    now: float,
    containers: bool,
) -> dict[str, Any]:
    """Return a checked template's spec, or raise InvalidArgumentException for a meaningless value."""
    seconds = limits.read(template.resource_limits or {})[1]
    delay = extension(template, "retry_delay")
    spec: dict[str, Any] = {
        "template": template.to_dict(),
        "runtime": runtime,
        "runtime_containers": containers,
        "contact": contact,
        "engine": dict(engine),
        "input": template.input_path,
        "output": template.output_path,
        "error": template.error_path,
        "append": extension_flag(template, "append"),
        "join": bool(template.join_files),
        "cwd": cwd,
        "home_dir": home_dir,
        "name": template.job_name,
        "retries": _count(template, "retries"),
        "retry_delay": quantities.duration(delay, "retry_delay") if delay else 0.0,
        "after": _ids(template, "after"),
        "after_any": _ids(template, "after_any"),
        "start_time": _moment(template, "start_time", now),
        "deadline": _moment(template, "deadline_time", now),
        "time_limit": seconds,
        "hold": bool(template.submit_as_hold),
        "priority": template.priority or 0,
        "slots": template.min_slots or 1,
        "rerunnable": bool(template.rerunnable),
        "remove": extension_flag(template, "rm"),
        "resubmitted_from": None,
        "start_timeout": None,
    }
    if spec["deadline"] is not None and spec["deadline"] <= max(now, spec["start_time"] or 0):
        raise InvalidArgumentException("deadline_time: the deadline is over before the job could start")
    return spec


def check(template: JobTemplate, containers: bool) -> None:
    """Check what holds for every contact, or raise naming the attribute."""
    check_values(template)
    if template.remote_command == "" or (not containers and not (template.remote_command or template.args)):
        raise InvalidArgumentException("remote_command: empty, there is nothing to run")
    given = template.input_path
    if given and given != os.devnull and given in (template.output_path, template.error_path):
        raise InvalidArgumentException(
            f"input_path: {template.input_path} would be overwritten by the output while it is read"
        )


_UNCOUNTED = 2**63


def check_values(template: JobTemplate) -> None:
    """Check the values of a template or a part of one, or raise InvalidArgument naming the key."""
    for key, value in (template.implementation_specific or {}).items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(each, int) and abs(each) >= _UNCOUNTED:
                raise InvalidArgumentException(f"{key}: {shown(each)} is more than can be counted")
        if SPELLINGS.get(key, key) not in EXTENSIONS:
            raise InvalidArgumentException(
                f"implementation_specific: no extension {key!r}{nearest(key, [*EXTENSIONS, *SPELLINGS])}"
            )
    for name in ("input_path", "output_path", "error_path"):
        paths.check(getattr(template, name) or "", name)
    paths.check(template.working_directory or "", "working_directory", percent=False)
    limits.read(template.resource_limits or {})
    for name in ("start_time", "deadline_time"):
        _moment(template, name, 0.0)
    for name in ("rm", "append", "privileged"):
        extension_flag(template, name)
    _count(template, "retries")
    quantities.duration(extension(template, "retry_delay") or 0, "retry_delay")


def _moment(template: JobTemplate, name: str, now: float) -> float | None:
    """Return an attribute's time as epoch seconds, or None without one."""
    given = getattr(template, name)
    return None if given is None else quantities.moment(given, now, name)


def _count(template: JobTemplate, name: str) -> int:
    """Return an extension's whole number, by default 0."""
    value = extension(template, name)
    if value is None:
        return 0
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= 10 else value
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InvalidArgumentException(f"{name}: a whole number is expected, not {shown(value)}")
    if number > quantities.LAST_TASK:
        raise InvalidArgumentException(f"{name}: at most {quantities.LAST_TASK} is expected, not {shown(value)}")
    return number


def _ids(template: JobTemplate, name: str) -> list[str]:
    """Return an extension's job ids."""
    value = extension(template, name)
    if value is None:
        return []
    words = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    return [text for word in words if (text := written(word).strip())]
