"""What ctr prints of tasks and containers, beyond the recordings: every word, every version's metrics."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation
from proctracker.runtimes.tasks import EXIT_LABEL, STATES, described, parse_container, parse_end, parse_tasks, read, why

HEADER = "TASK    PID    STATUS\n"


def said(stdout: str = "", code: int = 0, stderr: str = "") -> Completed:
    return Completed(("ctr",), code, stdout, stderr)


@pytest.mark.parametrize(
    ("word", "expected", "sub_state"),
    [
        ("CREATED", JobState.QUEUED, "created"),
        ("RUNNING", JobState.RUNNING, None),
        ("PAUSING", JobState.RUNNING, "pausing"),
        ("PAUSED", JobState.SUSPENDED, None),
        ("UNKNOWN", JobState.UNDETERMINED, "unknown"),
        ("FUTURE", JobState.UNDETERMINED, "future"),
    ],
)
def test_each_word_of_the_table_has_a_state(word: str, expected: JobState, sub_state: str | None) -> None:
    seen = parse_tasks(said(f"{HEADER}a      7      {word}   \n"))["a"]
    assert (seen.state, seen.sub_state, seen.pid, seen.name) == (expected, sub_state, 7, "a")
    assert STATES.get(word, "UNDETERMINED") == expected.name


V1 = {
    "cpu": {"usage": {"total": 1500000000}},
    "memory": {"usage": {"max": 2048 * 1024}},
    "memory_oom_control": {"oom_kill": 1},
}
V2 = {
    "cpu": {"usage_usec": 1500000},
    "memory": {"max_usage": 2048 * 1024, "usage": 5},
    "memory_events": {"oom_kill": 1},
}


@pytest.mark.parametrize("metrics", [V1, V2])
@pytest.mark.parametrize("exited_at", ["1970-01-01T00:01:40.5Z", {"seconds": 100, "nanos": 500000000}])
def test_usage_and_times_of_all_versions(metrics: dict[str, Any], exited_at: Any) -> None:
    seen = parse_end("a", {"exit_status": 137, "exited_at": exited_at}, metrics)
    assert (seen.cpu_time, seen.max_rss, seen.finished, seen.oom) == (1.5, 2048, 100.5, True)
    assert (seen.sub_state, seen.terminating_signal) == ("oom-killed", "SIGKILL")


def test_no_metrics_tell_no_usage() -> None:
    seen = parse_end("a", {}, {"memory": {"usage": 7}})
    assert (seen.state, seen.cpu_time, seen.max_rss, seen.finished) == (JobState.DONE, None, None, None)


@pytest.mark.parametrize("text", ["", "garbage", "[]", "TASK"])
def test_what_is_no_table_is_no_answer(text: str) -> None:
    with pytest.raises(DrmCommunicationException):
        parse_tasks(said(text))


@pytest.mark.parametrize(("labels", "code"), [({EXIT_LABEL: "4"}, 4), ({}, None), ({EXIT_LABEL: "x"}, None)])
def test_a_container_alone_may_have_its_code_on_it(labels: dict[str, str], code: int | None) -> None:
    seen = parse_container(said(json.dumps({"ID": "a", "Labels": labels})))
    assert (seen.name, seen.exit_status) == ("a", code)
    assert seen.state == (JobState.UNDETERMINED if code is None else JobState.FAILED)


def test_no_container_is_no_answer() -> None:
    with pytest.raises(DrmCommunicationException, match="ctr: no"):
        parse_container(said("", 1, "ctr: no\n"))
    assert read(said("{", 0)) == {}


def test_what_a_container_says_of_itself() -> None:
    spec = {"process": {"args": ["sh", "-c", "x"]}}
    seen = described(Observation(JobState.RUNNING), {"Image": "i", "Labels": {"a": "b"}, "Spec": spec})
    assert (seen.image, seen.labels, seen.command) == ("i", {"a": "b"}, ("sh", "-c", "x"))


def test_why_a_container_was_not_removed() -> None:
    line = 'level=error msg="failed to delete container \\"a\\"" error="cannot delete \\"a\\": busy"'
    assert why(f"other\n{line}\n", "a") == 'cannot delete "a": busy'


@pytest.mark.parametrize("value", [None, "0", False])
def test_no_usable_exit_code_is_no_success(value: object) -> None:
    seen = parse_end("a", {"exit_status": value}, {})
    assert (seen.state, seen.sub_state, seen.exit_status, seen.name) == (JobState.UNDETERMINED, "lost", None, "a")
    assert parse_end("a", {}, {}).state == JobState.DONE  # a zero is left out of what is printed
