"""From template to spec."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest

from proctracker import templates
from proctracker.errors import InvalidArgumentException
from proctracker.model import JobTemplate

_NOW = 1_800_000_000.0


def _spec(containers: bool = False, **values: Any) -> dict[str, Any]:
    return templates.make_spec(
        JobTemplate(values),
        contact="podman:/x",
        runtime="podman",
        engine={"command": ["podman"]},
        cwd="/here",
        home_dir="/home/ann",
        now=_NOW,
        containers=containers,
    )


def test_the_least_a_spec_says() -> None:
    spec = _spec(remote_command="true")
    assert (spec["contact"], spec["runtime"], spec["engine"]) == ("podman:/x", "podman", {"command": ["podman"]})
    assert (spec["cwd"], spec["home_dir"]) == ("/here", "/home/ann")
    assert (spec["slots"], spec["priority"], spec["retries"], spec["retry_delay"]) == (1, 0, 0, 0.0)
    assert not any(spec[name] for name in ("append", "join", "hold", "rerunnable", "remove", "after", "after_any"))
    assert all(
        spec[name] is None for name in ("input", "output", "error", "name", "start_time", "deadline", "time_limit")
    )
    assert json.loads(json.dumps(spec)) == spec
    assert spec["template"] == {"remote_command": "true"}


def test_everything_is_resolved() -> None:
    spec = _spec(
        remote_command="x",
        start_time="+10m",
        deadline_time=datetime(2100, 1, 1, tzinfo=timezone.utc),
        resource_limits={"WALLCLOCK_TIME": "2h"},
        submit_as_hold=True,
        join_files="true",
        rerunnable=True,
        min_slots=3,
        priority=-1,
        implementation_specific={
            "retries": "2",
            "retryDelay": "1m",
            "after": "4, 5_1,",
            "after_any": [6, "7"],
            "append": "true",
            "rm": True,
        },
    )
    assert (spec["start_time"], spec["deadline"], spec["time_limit"]) == (_NOW + 600, 4102444800.0, 7200.0)
    assert (spec["retries"], spec["retry_delay"]) == (2, 60.0)
    assert (spec["after"], spec["after_any"]) == (["4", "5_1"], ["6", "7"])
    assert (spec["slots"], spec["priority"]) == (3, -1)
    assert all(spec[name] is True for name in ("hold", "join", "rerunnable", "append", "remove"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"deadline_time": _NOW - 1}, "deadline_time: the deadline is over"),
        (
            {"start_time": "+2h", "deadline_time": "+1h"},
            "deadline_time: the deadline is over before the job could start",
        ),
        ({"start_time": "soon"}, "start_time: a time (a datetime"),
        ({"deadline_time": "+x"}, "deadline_time: 'x' is no duration"),
        ({"resource_limits": {"CPU": 1}}, "resource_limits: no limit 'CPU'"),
        ({"implementation_specific": {"retries": "many"}}, "retries: a whole number is expected, not 'many'"),
        ({"implementation_specific": {"retries": "²"}}, "retries: a whole number is expected"),
        ({"implementation_specific": {"retries": True}}, "retries: a whole number is expected, not True"),
        ({"implementation_specific": {"retry_delay": "x"}}, "retry_delay: 'x' is no duration"),
        ({"implementation_specific": {"append": "x"}}, "append: true or false is expected"),
    ],
)
def test_a_value_that_means_nothing_is_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        _spec(remote_command="x", **values)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "remote_command: empty"),
        ({"remote_command": ""}, "remote_command: empty"),
        ({"remote_command": "", "args": ["x"]}, "remote_command: empty"),
        ({"remote_command": "x", "input_path": "a", "output_path": "a"}, "input_path: a would be overwritten"),
        ({"remote_command": "x", "input_path": "a", "error_path": "a"}, "input_path: a would be overwritten"),
        ({"remote_command": "x", "resource_limits": {"CPU_TIM": 1}}, "did you mean CPU_TIME"),
        ({"remote_command": "x", "implementation_specific": {"exposedPort": "80"}}, "did you mean exposedPorts"),
        ({"remote_command": "x", "implementation_specific": {"zzz": "80"}}, "no extension 'zzz'"),
    ],
)
def test_what_no_contact_takes(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        templates.check(JobTemplate(values), containers=False)
    assert words in caught.value.message


@pytest.mark.parametrize(
    "values", [{"args": ["x"]}, {"remote_command": "x", "email": [], "email_on_started": False, "machine_os": "LINUX"}]
)
def test_what_every_contact_takes(values: dict[str, Any]) -> None:
    spec = _spec(**values)
    templates.check(JobTemplate(values), containers=False)
    assert spec["template"] == JobTemplate(values).to_dict()


def test_an_image_has_a_command_of_its_own() -> None:
    templates.check(JobTemplate(job_category="busybox"), containers=True)
    with pytest.raises(InvalidArgumentException, match="remote_command: empty"):
        templates.check(JobTemplate(job_category="busybox", remote_command=""), containers=True)
