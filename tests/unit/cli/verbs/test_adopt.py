"""``adopt``: what is known of a container is what its engine and its labels tell."""

from __future__ import annotations

import pytest

from proctracker import runtimes
from proctracker.cli.verbs.adopt import _malformed, _told
from proctracker.model import JobState, Observation
from proctracker.runtimes.base import Engine
from proctracker.tracker.contacts import Target

LABELS = {"proctracker.home": "u", "proctracker.job": "4_1", "proctracker.session": "night", "proctracker.attempt": "2"}


def test_a_container_becomes_a_job_of_its_image_and_command():
    seen = Observation(
        JobState.RUNNING, started=5.0, container_id="id", labels=LABELS, image="i:1", command=("sh", "-c", "x")
    )
    target = Target("podman", runtimes.get("podman"), Engine(("/bin/podman",), {}, {"HOME": "/h"}))
    told = _told("proctracker-u-4_1-2", seen, target)
    assert (told["name"], told["labels"], told["container_id"], told["started"]) == (
        "proctracker-u-4_1-2",
        LABELS,
        "id",
        5.0,
    )
    assert told["spec"]["template"] == {"args": ["sh", "-c", "x"], "job_category": "i:1"}
    assert told["spec"]["engine"]["command"] == ("/bin/podman",)


def test_there_must_be_state_to_adopt_into(pt):
    found = pt("-c", "podman", "adopt")
    assert found.code == 1
    assert "no proctracker state in" in found.err


def test_processes_have_no_labels(pt):
    assert pt("-c", "process", "adopt") == (0, "", "")


UUID = "12345678-1234-1234-1234-123456789abc"
GOOD = {"proctracker.home": UUID, "proctracker.job": "4_1", "proctracker.session": "night", "proctracker.attempt": "2"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[
            ("job", value)
            for value in ("9;rm", "", "0", "-1", "1_", "_1", "1_0", "1_2_3", "9" * 30, "x", "\u0661", "1\n")
        ],
        *[("attempt", value) for value in ("", "0", "x", "9" * 30, "1 ")],
        *[("home", value) for value in ("", "x", UUID + "0", UUID.upper())],
        ("session", "a\x1bb"),
    ],
)
def test_labels_that_no_start_writes(name, value):
    assert f"label proctracker.{name}" in _malformed(
        "proctracker-12345678-4_1-2", {**GOOD, f"proctracker.{name}": value}
    )


def test_a_name_that_is_not_the_jobs():
    assert _malformed("proctracker-12345678-4_1-2", GOOD) is None
    assert _malformed("another", GOOD) == "it has the labels of job 4_1, but another name"


def test_what_is_no_uuid(pt):
    assert pt("adopt", "--home", "../x").code == 2
