"""``events``."""

from __future__ import annotations

import json


def test_changes_are_told_in_order(pt):
    pt("run", "-n", "x", "false")
    lines = [line.split()[2:] for line in pt("events").out.splitlines()]
    assert lines == [["1", "QUEUED"], ["1", "RUNNING"], ["1", "FAILED"]]
    found = [json.loads(line) for line in pt("events", "--json").out.splitlines()]
    assert list(found[0]) == ["time", "job_id", "session_name", "job_state", "job_sub_state", "attempt"]
    assert [each["job_state"] for each in found] == ["QUEUED", "RUNNING", "FAILED"]
    assert {each["session_name"] for each in found} == {"default"}


def test_a_session_alone(pt):
    pt("run", "true")
    pt("-s", "night", "run", "true")
    assert {line.split()[2] for line in pt("events", "-s", "night").out.splitlines()} == {"2"}


def test_following_tells_of_what_comes(pt, begin):
    pt("run", "true")
    process = begin("events", "-f", "--json")
    assert [json.loads(process.stdout.readline())["job_id"] for _ in range(3)] == ["1"] * 3
    pt("run", "true")
    told = [json.loads(process.stdout.readline()) for _ in range(3)]
    assert [(each["job_id"], each["job_state"]) for each in told] == [("2", "QUEUED"), ("2", "RUNNING"), ("2", "DONE")]
