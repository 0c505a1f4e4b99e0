"""Attributes by name, in both spellings."""

from __future__ import annotations

from typing import Any

import pytest

import proctracker as pt
from proctracker.model import EXTENSIONS
from proctracker.sessions import attributes, descriptions

KINDS = (pt.JobTemplate, pt.JobInfo, pt.MachineInfo, pt.Notification)


@pytest.mark.parametrize("kind", KINDS)
def test_every_attribute_is_described(kind: Any) -> None:
    assert [*descriptions.DESCRIPTIONS[kind.__name__]] == [*kind.names()]
    for name in kind.names():
        assert pt.describe_attribute(kind(), name).endswith(".")
    assert pt.describe_attribute(kind, "job_name" if "job_name" in kind.names() else kind.names()[0])


def test_every_extension_is_described() -> None:
    assert {*descriptions.EXTENSION_DESCRIPTIONS} == {*EXTENSIONS}
    assert (
        pt.describe_attribute(pt.JobTemplate(), "exposedPorts") == descriptions.EXTENSION_DESCRIPTIONS["exposed_ports"]
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("remoteCommand", "x"),
        ("remote_command", "x"),
        ("machineOS", pt.Os.LINUX),
        ("minPhysMemory", 5),
        ("exposedPorts", "1:2"),
        ("retry_delay", 3),
    ],
)
def test_both_spellings(name: str, value: Any) -> None:
    template = pt.JobTemplate()
    assert pt.get_instance_value(template, name) is None
    pt.set_instance_value(template, name, value)
    assert pt.get_instance_value(template, name) == value
    pt.set_instance_value(template, name, None)
    assert template == pt.JobTemplate()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("minSlots", "3", 3),
        ("args", "a,b", ["a", "b"]),
        ("args", '["a,b"]', ["a,b"]),
        ("rerunnable", "true", True),
        ("jobEnvironment", "A=1,B=2", {"A": "1", "B": "2"}),
    ],
)
def test_text_is_read(name: str, text: str, value: Any) -> None:
    template = pt.JobTemplate()
    pt.set_instance_value(template, name, text)
    assert pt.get_instance_value(template, name) == value


def test_unknown_names() -> None:
    for use in (
        lambda: pt.get_instance_value(pt.JobInfo(), "jobbName"),
        lambda: pt.describe_attribute(pt.JobTemplate, "remote_comand"),
        lambda: pt.set_instance_value(pt.JobTemplate(), "", 1),
    ):
        with pytest.raises(pt.InvalidArgumentException):
            use()
    with pytest.raises(pt.InvalidArgumentException, match="did you mean remote_command"):
        pt.describe_attribute(pt.JobTemplate, "remoteComand")


def test_sessions_and_jobs_have_attributes_too(session: pt.JobSession) -> None:
    assert pt.get_instance_value(session, "sessionName") == session.session_name
    pt.set_instance_value(session, "maxRunning", 2)
    assert session.max_running == 2
    with pytest.raises(pt.InvalidArgumentException, match="cannot be set"):
        pt.set_instance_value(session, "contact", "x")
    job = session.run_job({"remote_command": "true"})
    assert pt.get_instance_value(job, "jobId") == job.job_id
    assert pt.describe_attribute(session, "contact") == "The contact of jobs whose template names none."
    array = session.run_bulk_jobs({"remote_command": "true"}, 1, 1)
    assert pt.get_instance_value(array, "jobArrayId") == array.job_array_id
    for instance, name in ((job, "jobId"), (array, "job_array_id")):
        assert "id" in pt.describe_attribute(instance, name).lower()
        with pytest.raises(pt.InvalidArgumentException, match="cannot be set"):
            pt.set_instance_value(instance, name, "1")


def test_known_names_are_public() -> None:
    assert not any(name.startswith("_") for name in attributes.known_names(pt.JobSession))
