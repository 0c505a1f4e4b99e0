"""Attributes in the binding's types."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from proctracker.compat.gridengine import Bool, InvalidArgument, JobInfo, JobTemplate, Os, Time

NOON = datetime(2026, 1, 2, 12, 0)


@pytest.mark.parametrize(
    ("name", "given", "read", "native"),
    [
        ("remote_command", b"cat", "cat", "cat"),
        ("join_files", True, "TRUE", True),
        ("join_files", Bool.FALSE, "FALSE", False),
        ("rerunnable", "true", "TRUE", True),
        ("machine_os", Os.LINUX, "LINUX", "LINUX"),
        ("machine_os", "LINUX", "LINUX", "LINUX"),
        ("machine_os", 3, "LINUX", "LINUX"),
        ("start_time", NOON, NOON, NOON.replace(tzinfo=timezone.utc)),
        ("start_time", NOON.replace(tzinfo=timezone(timedelta(hours=1))), datetime(2026, 1, 2, 11), None),
        ("start_time", Time.NOW, "NOW", -2),
        ("start_time", "NOW", "NOW", -2),
        ("start_time", 60, datetime(1970, 1, 1, 0, 1), None),
        ("args", ("a", 1), ["a", "1"], ["a", "1"]),
        ("min_slots", "3", 3, 3),
        ("job_environment", {"A": "b"}, {"A": "b"}, {"A": "b"}),
    ],
)
def test_set_and_read(name: str, given: Any, read: Any, native: Any) -> None:
    template = JobTemplate({name: given})
    assert getattr(template, name) == read
    assert native is None or template.native() == {name: native}


def test_unset() -> None:
    template = JobTemplate()
    assert (template.remote_command, template.join_files, template.args, template.job_environment) == (
        None,
        "FALSE",
        [],
        {},
    )
    assert (template.machine_os, template.start_time, template.min_slots, template.native()) == (None, None, None, {})
    template.machine_os = Os.UNSET_OS
    assert template.machine_os is None


def test_durations_are_times() -> None:
    info = JobInfo({"wallclock_time": 90})
    assert info.wallclock_time == datetime(1970, 1, 1, 0, 1, 30)
    assert info.native() == {"wallclock_time": 90.0}


@pytest.mark.parametrize(
    ("name", "value"),
    [("machine_os", "BEOS"), ("args", "abc"), ("min_slots", "many"), ("join_files", "maybe"), ("start_time", "soon")],
)
def test_wrong_values(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=name):
        JobTemplate({name: value})


def test_dictionaries() -> None:
    template = JobTemplate({"remote_command": "cat", "mood": "fine"})
    assert template.mood == "fine" and "mood" not in template.to_dict()
    assert template.to_dict()["join_files"] == "FALSE" and "machine_os" not in template.to_dict()
    assert repr(template) == f"JobTemplate({template.to_dict()})"
    assert template == JobTemplate.create_from_dict({"remote_command": "cat"}) != JobTemplate({})
    assert JobTemplate.create_from_dict(template) is template
    assert JobTemplate.scrub_dict({"a": None, "b": 1}) == {"b": 1}
    with pytest.raises(InvalidArgument, match="Invalid argument: sleep"):
        JobTemplate("sleep")
