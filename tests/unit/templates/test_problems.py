"""All that is wrong with a template."""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate
from proctracker.templates.problems import problems


def _nothing(template: JobTemplate) -> None:
    """No check at all."""


def test_each_part_is_told_of() -> None:
    values = {
        "remote_comand": "x",
        "args": ["fine"],
        "priority": "high",
        "resource_limits": {"CPU": 1, "CPU_TIME": 5, "OPEN_FILES": "many"},
        "implementation_specific": {"retries": "x", "rm": True, "frob": 1},
        "job_environment": {"A": "1", "B": 2},
    }
    found = problems(values, _nothing)
    for word in ("remote_comand", "priority", "'CPU'", "OPEN_FILES", "retries", "frob", "job_environment"):
        assert sum(word in each for each in found) == 1, word
    assert len(found) == 7


def test_what_is_right_is_checked_without_each_thing_that_is_named() -> None:
    seen: list[JobTemplate] = []

    def check(template: JobTemplate) -> None:
        seen.append(JobTemplate(template.to_dict()))
        if template.queue_name:
            raise UnsupportedAttributeException("queue_name: there are none")
        if "exposedPorts" in (template.implementation_specific or {}):
            raise UnsupportedAttributeException("exposed_ports: not here")
        if template.remote_command != "true":
            raise InvalidArgumentException("remote_command: empty")
        raise InvalidArgumentException("something else is wrong")

    values = {"queue_name": "q", "job_name": "n", "implementation_specific": {"exposedPorts": "1:1", "rm": True}}
    assert [each.partition(":")[0] for each in problems(values, check)] == [
        *("queue_name", "exposed_ports", "remote_command", "something else is wrong")
    ]
    assert seen[-1] == JobTemplate(remote_command="true", job_name="n", implementation_specific={"rm": True})


def test_parts_that_exclude_each_other() -> None:
    both = {"implementation_specific": {"retryDelay": 5, "retry_delay": 6}}
    assert len(problems(both, _nothing)) == 1
    assert problems({}, _nothing) == problems({"remote_command": "x", "resource_limits": {}}, _nothing) == []
