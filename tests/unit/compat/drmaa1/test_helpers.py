"""Attributes of job templates: values, types, what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proctracker.compat import drmaa1
from proctracker.compat.drmaa1 import helpers


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("remoteCommand", "cat"),
        ("jobSubmissionState", "drmaa_active"),
        ("workingDirectory", "$drmaa_hd_ph$"),
        ("nativeSpecification", "-shell yes"),
        ("blockEmail", False),
        ("blockEmail", True),
        ("jobName", "night"),
        ("outputPath", ":$drmaa_hd_ph$/out"),
        ("joinFiles", True),
        ("transferFiles", "eio"),
        ("startTime", "12:30"),
        ("hardWallclockTimeLimit", 90),
        ("args", ["a", "b"]),
        ("email", ["a@b.c"]),
        ("jobEnvironment", {"A": "b=c"}),
    ],
)
def test_what_is_set_is_read(jt: drmaa1.JobTemplate, name: str, value: Any) -> None:
    setattr(jt, name, value)
    assert getattr(jt, name) == value and type(getattr(jt, name)) is type(value)


def test_other_types_become_text(jt: drmaa1.JobTemplate) -> None:
    jt.args = [10, b"x", Path("/a")]
    jt.remoteCommand = b"cat"
    jt.jobEnvironment = {b"A": 1}
    assert (jt.args, jt.remoteCommand, jt.jobEnvironment) == (["10", "x", "/a"], "cat", {"A": "1"})
    jt.remoteCommand = Path("/bin/cat")
    assert jt.remoteCommand == "/bin/cat"


def test_unset(jt: drmaa1.JobTemplate) -> None:
    assert (jt.remoteCommand, jt.args, jt.jobEnvironment, jt.joinFiles) == ("", [], {}, False)
    assert jt.hardWallclockTimeLimit is None


@pytest.mark.parametrize(
    ("name", "value", "kind", "code"),
    [
        ("remoteCommand", None, drmaa1.InvalidArgumentException, 4),
        ("remoteCommand", 7, drmaa1.InvalidAttributeValueException, 14),
        ("remoteCommand", "a\0b", drmaa1.InvalidAttributeFormatException, 13),
        ("jobSubmissionState", "held", drmaa1.InvalidAttributeValueException, 14),
        ("startTime", "soon", drmaa1.InvalidAttributeFormatException, 13),
        ("deadlineTime", "soon", drmaa1.InvalidAttributeFormatException, 13),
        ("hardRunDurationLimit", "long", drmaa1.InvalidAttributeFormatException, 13),
        ("softWallclockTimeLimit", 7, drmaa1.InvalidArgumentException, 4),
    ],
)
def test_refused(jt: drmaa1.JobTemplate, name: str, value: Any, kind: type[Exception], code: int) -> None:
    with pytest.raises(kind, match=f"^code {code}: drmaa_"):
        setattr(jt, name, value)
    assert issubclass(kind, AttributeError)


def test_names(jt: drmaa1.JobTemplate) -> None:
    assert "drmaa_remote_command" in jt.attributeNames
    assert list(helpers.vector_attribute_names_iterator()) == ["drmaa_v_argv", "drmaa_v_env", "drmaa_v_email"]


def test_version_and_converters() -> None:
    assert str(drmaa1.Session.version) == "1.0" and drmaa1.Session.version.major == 1
    assert helpers.BoolConverter("1", "0").to_drmaa(True) == b"1"
    assert helpers.IntConverter.from_drmaa(b"7") == 7


def test_bulk(drmaa: type[drmaa1.Session], jt: drmaa1.JobTemplate) -> None:
    jt.remoteCommand = "true"
    ids = list(helpers.run_bulk_job(jt, 1, 2))
    assert [each.partition("_")[2] for each in ids] == ["1", "2"]
