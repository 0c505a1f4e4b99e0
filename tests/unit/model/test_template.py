"""JobTemplate: the type of every attribute."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException
from proctracker.model import (
    EXTENSIONS,
    NOW,
    SPELLINGS,
    CpuArchitecture,
    JobTemplate,
    OperatingSystem,
    ResourceLimitType,
    extension,
    extension_flag,
)

_TEXTS = (
    "remote_command working_directory job_category job_name input_path output_path error_path reservation_id"
    " queue_name accounting_id"
).split()
_FLAGS = "submit_as_hold rerunnable email_on_started email_on_terminated join_files".split()
_LISTS = "args email candidate_machines".split()
UTC_3 = datetime(2026, 1, 2, 3, 0, 0, 500000, timezone.utc)
_WHENS = "start_time deadline_time".split()
_PAIRS = "stage_in_files stage_out_files job_environment".split()

_NO_FLAGS: list[Any] = [1, "yes", []]
_NO_LISTS: list[Any] = ["a b", b"a", 5, {}]
_NO_WHENS: list[Any] = [True, [], {}]

WRONG: list[tuple[str, Any, str]] = [
    *[(name, 5, "text is expected, not 5") for name in _TEXTS],
    *[(name, "a\0b", "text without NUL bytes is expected") for name in _TEXTS],
    *[(name, "\ud800", "text that can be encoded is expected") for name in _TEXTS],
    *[(name, 2**41, "a whole number of at most") for name in ("min_slots", "min_phys_memory", "priority")],
    ("job_environment", {"A": "\ud800"}, "text that can be encoded is expected"),
    ("implementation_specific", {"volumes": [object()]}, "text is expected"),
    *[(name, value, "true or false is expected") for name in _FLAGS for value in _NO_FLAGS],
    *[(name, value, "a list of texts is expected") for name in _LISTS for value in _NO_LISTS],
    *[(name, ["a", 5], "text is expected") for name in _LISTS],
    *[(name, value, "a time (a datetime, epoch seconds") for name in _WHENS for value in _NO_WHENS],
    *[(name, ["a"], "a mapping of text to text is expected") for name in _PAIRS],
    *[(name, {"A": 5}, "text is expected") for name in _PAIRS],
    *[(name, "3", "a whole number is expected") for name in ("min_slots", "max_slots", "min_phys_memory", "priority")],
    *[(name, 0, "a whole number from 1 is expected") for name in ("min_slots", "max_slots", "min_phys_memory")],
    ("priority", True, "a whole number is expected, not True"),
    ("priority", 1.5, "a whole number is expected"),
    ("job_environment", {"": "x"}, "variables with a name without =, not ''"),
    ("job_environment", {"A=B": "x"}, "variables with a name without =, not 'A=B'"),
    ("machine_os", "BEOS", "one of OTHER_OS AIX BSD LINUX"),
    ("machine_os", 99, "one of OTHER_OS"),
    ("machine_arch", True, "one of OTHER_CPU"),
    ("resource_limits", ["CPU_TIME"], "a mapping of limits to numbers"),
    ("resource_limits", {"CPU_TIME": True}, "a mapping of limits to numbers"),
    ("resource_limits", {"CPU_TIME": None}, "a mapping of limits to numbers"),
    ("implementation_specific", "rm", "a mapping is expected"),
    ("implementation_specific", {5: 1}, "text is expected"),
    ("implementation_specific", {"memoryLimit": 1, "memory_limit": 2}, "one spelling of memory_limit is expected"),
]


@pytest.mark.parametrize(("name", "value", "expected"), WRONG)
def test_a_wrong_type_names_attribute_expectation_and_what_was_given(name: str, value: Any, expected: str) -> None:
    given: dict[str, Any] = {name: value}
    for values, more in ((given, {}), ({}, given)):
        with pytest.raises(InvalidArgumentException) as caught:
            JobTemplate(values, **more)
        assert caught.value.message.startswith(f"{name}: ")
        assert expected in caught.value.message
        assert repr(value)[:50] in caught.value.message
    template = JobTemplate()
    with pytest.raises(InvalidArgumentException):
        setattr(template, name, value)
    assert getattr(template, name) is None


def test_every_attribute_is_checked() -> None:
    assert {name for name, _, _ in WRONG} == set(JobTemplate.names())
    assert len(JobTemplate.names()) == 31
    assert JobTemplate.names()[0] == "remote_command"
    assert JobTemplate.names()[-1] == "implementation_specific"


def test_long_values_are_cut() -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        JobTemplate(args="x" * 5000)
    assert len(caught.value.message) < 120


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("remote_command", b"/bin/\xff", "/bin/\udcff"),
        ("working_directory", Path("/tmp/x"), "/tmp/x"),
        ("args", ("a", Path("b")), ["a", "b"]),
        ("submit_as_hold", "True", True),
        ("join_files", "false", False),
        ("job_environment", {b"A": Path("/x")}, {"A": "/x"}),
        ("machine_os", "linux", OperatingSystem.LINUX),
        ("machine_arch", 8, CpuArchitecture.X64),
        ("start_time", timedelta(minutes=2), "+120.000000"),
        ("start_time", timedelta(microseconds=1), "+0.000001"),
        ("start_time", "+10m", "+10m"),
        ("deadline_time", "now", "now"),
        ("start_time", -2, NOW),
        ("start_time", "2026-01-02T04:00:00.5+01:00", UTC_3),
        ("start_time", "2026-01-02T03:00:00.500000Z", UTC_3),
        ("start_time", UTC_3.timestamp(), UTC_3),
        ("deadline_time", UTC_3.astimezone().replace(tzinfo=None), UTC_3),
        ("deadline_time", UTC_3.astimezone(timezone(timedelta(hours=5))), UTC_3),
        ("resource_limits", {ResourceLimitType.CPU_TIME: 5}, {"CPU_TIME": 5}),
        ("resource_limits", {7: timedelta(minutes=1)}, {"WALLCLOCK_TIME": 60.0}),
        ("priority", -5, -5),
        ("args", None, None),
    ],
)
def test_what_is_understood(name: str, value: Any, expected: Any) -> None:
    assert getattr(JobTemplate({name: value}), name) == expected


@pytest.mark.parametrize(
    ("wrong", "near"), [("remote_comand", "remote_command"), ("jobName", "job_name"), ("enviroment", "job_environment")]
)
def test_unknown_names_are_refused_with_the_nearest(wrong: str, near: str) -> None:
    given: dict[str, Any] = {wrong: 1}
    words = rf"no attribute '{wrong}' \(did you mean {near}\?\)"
    with pytest.raises(InvalidArgumentException, match=words):
        JobTemplate(given)
    with pytest.raises(InvalidArgumentException, match=words):
        JobTemplate(None, **given)
    with pytest.raises(InvalidArgumentException, match=words):
        JobTemplate.from_dict(given)
    with pytest.raises(InvalidArgumentException, match=f"did you mean {near}"):
        setattr(JobTemplate(), wrong, 1)


def test_times_are_in_utc() -> None:
    for value in ("2026-01-02T04:00+01:00", UTC_3, UTC_3.timestamp()):
        found = JobTemplate(start_time=value).start_time
        assert isinstance(found, datetime)
        assert found.tzinfo is timezone.utc


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("env", "job_environment"),
        ("cwd", "working_directory"),
        ("time_limit", "WALLCLOCK_TIME"),
        ("timeout", "WALLCLOCK_TIME"),
        ("text", "bytes: decode"),
        ("input", "input_path"),
        ("stdout", "output_path"),
        ("shell", '"sh", "-c"'),
        ("volumes", "implementation_specific={'volumes': …}"),
        ("exposedPorts", "implementation_specific"),
    ],
)
def test_names_of_other_libraries_get_a_hint(name: str, words: str) -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        JobTemplate({name: 1})
    assert f"JobTemplate has no attribute {name!r} (" in caught.value.message
    assert words in caught.value.message


def test_what_is_set_is_shown() -> None:
    assert repr(JobTemplate(remote_command="true", min_slots=2)) == "JobTemplate(remote_command='true', min_slots=2)"
    assert repr(JobTemplate()) == "JobTemplate()"


def test_a_template_is_a_mapping() -> None:
    with pytest.raises(InvalidArgumentException, match="a job template is a mapping, not list"):
        JobTemplate(["sleep"])  # type: ignore[arg-type]


def test_plain_data_and_back() -> None:
    template = JobTemplate(
        {"remote_command": "sleep", "args": ["5"]},
        machine_os="LINUX",
        start_time=datetime(2026, 1, 1, tzinfo=timezone.utc),
    )
    plain = template.to_dict()
    assert plain["machine_os"] == "LINUX"
    assert plain["start_time"] == "2026-01-01T00:00:00.000000Z"
    assert JobTemplate(plain).to_dict() == plain
    assert pickle.loads(pickle.dumps(template)) == template == copy.deepcopy(template)
    assert template != JobTemplate(plain, priority=1)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_extensions_by_every_spelling(name: str) -> None:
    assert extension(JobTemplate(), name) is None
    assert name in JobTemplate.get_implementation_specific_keys()
    for spelled in (name, *[other for other, known in SPELLINGS.items() if known == name]):
        assert extension(JobTemplate(implementation_specific={spelled: "5"}), name) == "5"


@pytest.mark.parametrize(("value", "expected"), [(True, True), ("true", True), ("False", False), (None, False)])
def test_extensions_that_are_true_or_false(value: Any, expected: bool) -> None:
    assert extension_flag(JobTemplate(implementation_specific={"rm": value}), "rm") is expected


def test_an_extension_that_is_neither() -> None:
    with pytest.raises(InvalidArgumentException, match="privileged: true or false is expected, not 'maybe'"):
        extension_flag(JobTemplate(implementation_specific={"privileged": "maybe"}), "privileged")


def test_extensions_are_plain_data() -> None:
    given = {"volumes": (Path("/a"), b"/b"), "retry_delay": timedelta(minutes=1), "after": {7}, "rm": True, "cpus": 0.5}
    found = JobTemplate(implementation_specific={**given, "user": None, "options": {b"a": [1]}}).implementation_specific
    assert found == {
        "volumes": ["/a", "/b"],
        "retry_delay": 60.0,
        "after": [7],
        "rm": True,
        "cpus": 0.5,
        "user": None,
        "options": {"a": [1]},
    }


def test_equal_is_what_means_the_same() -> None:
    when = datetime(2026, 1, 2, 3, tzinfo=timezone.utc)
    given = JobTemplate(remote_command="true", start_time=when)
    assert given == JobTemplate(given.to_dict())
    assert given != JobTemplate(remote_command="true")
    assert given != given.to_dict()
