"""What is told of a job."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import cgroups
from proctracker.model import JobInfo, JobRow, JobState, Observation
from proctracker.store import Home
from proctracker.supervisor.processes import spawn
from proctracker.tracker import infos


def row(**values: Any) -> JobRow:
    given = {
        "state": int(JobState.RUNNING),
        "submitted": 1.0,
        "dispatched": 2.0,
        "host": "h",
        "command": '["a", "b c"]',
    }
    return JobRow("43_2", 43, 2, **{**given, **values})


def test_a_row_is_told_whole() -> None:
    found = infos.info(
        row(finished=5.0, ran=3.0, state=8, exit_status=3, cpu=0.5, max_rss=9, workdir="/w", category="i")
    )
    assert (found.job_id, found.array_id, found.task_id, found.command) == ("43_2", "43", 2, ["a", "b c"])
    assert (found.job_state, found.exit_status, found.wallclock_time) == (JobState.FAILED, 3, 3.0)
    assert (found.cpu_time, found.max_rss, found.working_directory, found.job_category) == (0.5, 9, "/w", "i")
    assert found.finish_time == datetime.fromtimestamp(5, timezone.utc)
    assert (found.allocated_machines, found.job_owner) == (["h"], infos.owner())
    assert {*vars(found)} == {*JobInfo.names()}


def test_a_job_that_never_started() -> None:
    found = infos.info(row(dispatched=None, state=1))
    assert (found.wallclock_time, found.dispatch_time, found.allocated_machines) == (None, None, None)


def test_running_time_goes_on() -> None:
    assert infos.info(row(ran=2.0, running_since=10.0), now=13.0).wallclock_time == 5.0
    assert infos.info(row(ran=2.0), now=13.0).wallclock_time == 2.0


def test_an_observation_counts_more() -> None:
    seen = Observation(JobState.FAILED, "oom-killed", 9, None, "why", finished=6.0, cpu_time=1.0, pid=7)
    found = infos.info(row(running_since=2.0), {}, seen)
    assert (found.job_state, found.job_sub_state, found.exit_status, found.annotation) == (
        JobState.FAILED,
        "oom-killed",
        9,
        "why",
    )
    assert (found.wallclock_time, found.cpu_time, found.pid) == (4.0, 1.0, 7)
    assert infos.info(row(finished=3.0, state=7), {}, seen).job_state == JobState.DONE


def test_an_observation_does_not_unset() -> None:
    found = infos.info(row(pid=5, annotation="was"), {}, Observation(JobState.SUSPENDED))
    assert (found.job_state, found.pid, found.annotation) == (JobState.SUSPENDED, 5, "was")


@pytest.mark.parametrize(
    ("values", "spec", "expected"),
    [
        ({}, {}, ("{home}/0/43_2.1.out", "{home}/0/43_2.1.err")),
        ({}, {"join": True}, ("{home}/0/43_2.1.out", None)),
        ({"output": "/o"}, {}, ("/o", "{home}/0/43_2.1.err")),
        ({"output": "/o", "error": "/o"}, {}, ("/o", None)),
        ({"error": "/e"}, {"output_dir": "/k"}, ("/k/0/43_2.1.out", "/e")),
        ({"container": "c", "runtime": "podman"}, {}, (None, None)),
        ({"container": "c", "runtime": "podman", "saved": 1}, {}, ("{home}/0/43_2.1.out", "{home}/0/43_2.1.err")),
    ],
)
def test_where_output_is(
    tmp_path: Path, values: dict[str, Any], spec: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    home = Home(str(tmp_path))
    wanted = tuple(path and path.replace("{home}", home.kept_dir) for path in expected)
    assert infos.paths(row(**values), spec, home) == wanted
    found = infos.info(row(**values), spec, home=home)
    assert (found.output_path, found.error_path) == wanted


def test_a_category_goes_by_the_name_it_was_given() -> None:
    assert infos.info(row(category="reg/a:4"), {"given": {"job_category": "analysis"}}).job_category == "analysis"


def test_what_a_live_process_uses() -> None:
    me = spawn.ticks(os.getpid())
    for live, told in ((row(pid=os.getpid(), ticks=me), True), (row(pid=os.getpid(), ticks=me + 1), False)):
        found = infos.info(live)
        infos.add_usage(found, live)
        assert ((found.cpu_time or 0) > 0, (found.max_rss or 0) > 0) == (told, told)
    ended = row(pid=os.getpid(), ticks=me, finished=5.0, cpu=0.5)
    found = infos.info(ended)
    infos.add_usage(found, ended)
    assert (found.cpu_time, found.max_rss) == (0.5, None)


def test_a_live_job_and_an_ended_one_tell_the_same_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\n")
    (tmp_path / "memory.peak").write_text("1048576\n")
    monkeypatch.setattr(cgroups, "paths", lambda pid, container_id=None: cgroups.Paths(unified=str(tmp_path)))
    live = row(pid=os.getpid(), ticks=spawn.ticks(os.getpid()), container="box", cpu=0.5, max_rss=7)
    found = infos.info(live)
    infos.add_usage(found, live)
    assert (found.cpu_time, found.max_rss) == (2.5, 1024), "the group's, as its end tells; not an older look's"
    other = row(pid=os.getpid(), ticks=spawn.ticks(os.getpid()))
    found = infos.info(other)
    infos.add_usage(found, other)
    assert found.max_rss != 1024, "a group of the login's is not the job's"
