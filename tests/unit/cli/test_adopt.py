"""``adopt``: what is known of a container is what its engine and its labels tell."""

from __future__ import annotations

from proctracker import runtimes
from proctracker.cli.adopt import _told
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
