"""How jobs end: what is put down, what is tried again, what is never invented."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import clock
from proctracker.linux.cgroups import Paths
from proctracker.model import JobState, Observation
from proctracker.supervisor.base.jobs import Job, Phase
from proctracker.supervisor.base.journal import End
from proctracker.tracker import infos
from supervising import Boxes, Desk, box


def _job(desk: Desk, state: JobState = JobState.RUNNING, **spec: Any) -> Job:
    """A job that never is started for real."""
    job = desk.submit(*spec.pop("command", ["true"]), **spec)
    desk.service.queue.paused = True
    if state == JobState.RUNNING:
        desk.service.queue.drop(job)
        desk.service.queue.take(job)
        desk.service.lifecycle.starting(job)
        desk.service.lifecycle.spawned(job, 2**22 + 1, time.time(), 0)
        job.row.ticks = 1
    return job


def _end(desk: Desk, job: Job, status: int) -> None:
    desk.service.exits.process(job, End(job.row.pid or 0, 1, status, time.time(), 0.25, 512))


@pytest.mark.parametrize(("status", "ending", "expected"), [
    (0, None, (JobState.DONE, None, 0, None)),
    (3, None, (JobState.FAILED, None, 3, None)),
    (137, None, (JobState.FAILED, None, 137, None)),
    (-15, None, (JobState.FAILED, None, None, "SIGTERM")),
    (0, "terminating", (JobState.FAILED, "terminated", 0, None)),
    (-9, "terminating", (JobState.FAILED, "terminated", None, "SIGKILL")),
    (0, "time-limit", (JobState.FAILED, "time-limit", 0, None)),
    (5, "deadline", (JobState.FAILED, "deadline", 5, None)),
])  # fmt: skip
def test_a_process(desk: Desk, status: int, ending: str | None, expected: tuple[Any, ...]) -> None:
    job = _job(desk)
    job.ending = ending
    _end(desk, job, status)
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status, row.signal) == expected
    assert (row.cpu, row.max_rss) == (0.25, 512)
    assert desk.here.jobs.find(row.id) is None
    assert not job.holds
    transitions = desk.here.store._db.rows("SELECT state FROM transitions ORDER BY seq")
    assert transitions[-1] == (int(expected[0]),)


@pytest.mark.parametrize(
    ("floor", "peak", "bound"), [(400, 512, False), (512, 512, True), (600, 512, True), (None, 512, True)]
)
def test_a_peak_not_above_the_supervisors_own_is_a_bound(desk: Desk, floor: int | None, peak: int, bound: bool) -> None:
    job = _job(desk)
    job.row.rss_floor = floor
    _end(desk, job, 0)
    found = infos.info(desk.ended(job))
    assert (found.max_rss, found.max_rss_at_most) == ((None, peak) if bound else (peak, None))


def test_a_jobs_own_group_tells_its_peak_and_of_the_oom_killer(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 750000\n")
    (tmp_path / "memory.peak").write_text("1048576\n")
    (tmp_path / "memory.events").write_text("oom_kill 1\n")
    job = _job(desk)
    job.cgroup = Paths(unified=str(tmp_path))
    _end(desk, job, 0)
    row = desk.ended(job)
    found = infos.info(row)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "oom-killed", 0)
    assert (found.cpu_time, found.max_rss, found.max_rss_at_most) == (0.75, 1024, None)


@pytest.mark.parametrize("join", [False, True])
def test_the_failure_of_a_command_that_carries_a_job(desk: Desk, join: bool) -> None:
    job = _job(desk, retries=1)
    job.row.runtime, job.row.category = "apptainer", "a.sif"
    job.spec["join"] = join
    path = Path(desk.service.outputs.paths(job.row, None)[0 if join else 1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("FATAL:   could not open image a.sif\n", encoding="ascii")
    _end(desk, job, 255)
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "start-failed", 125)
    assert row.annotation == "could not open image a.sif"


@pytest.mark.parametrize(("found", "oom", "expected"), [
    (Observation(JobState.DONE, exit_status=0), False, (JobState.DONE, None, 0, None)),
    (Observation(JobState.FAILED, exit_status=3), False, (JobState.FAILED, None, 3, None)),
    (Observation(JobState.FAILED, terminating_signal="SIGSEGV"), False, (JobState.FAILED, None, None, "SIGSEGV")),
    (Observation(JobState.DONE, exit_status=0), True, (JobState.FAILED, "oom-killed", 0, None)),
    (Observation(JobState.FAILED, terminating_signal="SIGKILL"), True, (JobState.FAILED, "oom-killed", None, "SIGKILL")),
])  # fmt: skip
def test_a_container(desk: Desk, boxes: Boxes, found: Observation, oom: bool, expected: tuple[Any, ...]) -> None:
    job = _job(desk, command=["x"], **box())
    job.row.container = "box"
    desk.service.exits.container(job, found, oom, 0.0)
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status, row.signal) == expected
    times = [change[4] for change in desk.here.store.changes(0, 9)]
    assert (times, row.finished) == (sorted(times), times[-1])  # an engine's clock may be behind


@pytest.mark.parametrize(("ending", "after", "expected"), [
    ("time-limit", 3.0, (JobState.DONE, None, 0)),
    ("time-limit", 5.1, (JobState.FAILED, "time-limit", 0)),
    ("time-limit", 4.995, (JobState.FAILED, "time-limit", 0)),  # the time is that of the last tick
    ("deadline", 3.0, (JobState.DONE, None, 0)),
    ("deadline", 5.1, (JobState.FAILED, "deadline", 0)),
    ("terminating", 3.0, (JobState.FAILED, "terminated", 0)),
])  # fmt: skip
def test_an_end_before_the_limit_that_was_noticed_after_it(
    desk: Desk, boxes: Boxes, ending: str, after: float, expected: tuple[Any, ...]
) -> None:
    began = time.time() - 10
    job = _job(desk, command=["x"], **box(), time_limit=5.0, deadline=began + 5)
    job.row.container, job.row.dispatched, job.ending = "box", began, ending
    job.row.since = clock.at(began)
    seen = Observation(JobState.DONE, exit_status=0, finished=began + after)
    desk.service.exits.container(job, seen, False, clock.boottime())
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == expected


def test_what_the_engine_tells_besides(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk, command=["x"], **box())
    job.row.container, job.row.cpu, job.row.max_rss, finished = "box", 1.0, 10, time.time() + 60
    found = Observation(JobState.DONE, exit_status=0, finished=finished, cpu_time=2.0, annotation="words")
    desk.service.exits.container(job, found, False, 0.0)
    row = desk.ended(job)
    assert (row.finished, row.cpu, row.max_rss, row.annotation) == (finished, 2.0, 10, "words")


@pytest.mark.parametrize(("status", "sub_state"), [(125, "start-failed"), (126, None), (127, None)])
def test_a_start_that_failed(desk: Desk, status: int, sub_state: str | None) -> None:
    job = _job(desk, JobState.QUEUED, retries=3)
    desk.service.lifecycle.not_started(job, status, "the reason")
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, sub_state, status)
    assert (row.annotation, row.attempt, row.dispatched) == ("the reason", 1, None)


def test_a_job_that_never_starts(desk: Desk) -> None:
    job = _job(desk, JobState.QUEUED, retries=3)
    desk.service.lifecycle.refused(job, "job 7 did not end DONE", "dependency")
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "dependency", None)


@pytest.mark.parametrize(("status", "ending", "again"), [
    (0, None, False), (1, None, True), (-11, None, True), (126, None, False), (127, None, False), (125, None, True),
    (0, "time-limit", True), (1, "terminating", False), (1, "deadline", False),
])  # fmt: skip
def test_what_is_tried_again(desk: Desk, status: int, ending: str | None, again: bool) -> None:
    job = _job(desk, retries=2)
    job.ending = ending
    _end(desk, job, status)
    desk.here.ledger.flush()
    row = desk.row(job)
    assert (row.state == JobState.REQUEUED) == again
    if again:
        assert (row.attempt, row.sub_state, row.exit_status, row.signal) == (2, "retry 2/3", None, None)
        assert (row.pid, row.dispatched, row.finished, job.ending, job.holds) == (None, None, None, None, False)
        desk.until(lambda: job.ticket)


def test_the_last_attempts_end_is_the_jobs(desk: Desk) -> None:
    job = desk.submit("sh", "-c", 'exit "$PROCTRACKER_ATTEMPT"', retries=2)
    row = desk.ended(job)
    assert (row.state, row.exit_status, row.attempt, row.sub_state) == (JobState.FAILED, 3, 3, None)
    states = desk.here.store._db.rows("SELECT sub_state FROM transitions WHERE sub_state IS NOT NULL ORDER BY seq")
    assert states == [("retry 2/3",), ("retry 3/3",)]


def test_a_retry_may_be_delayed(desk: Desk) -> None:
    job = _job(desk, retries=1, retry_delay=500)
    _end(desk, job, 1)
    desk.until(lambda: "start" in job.timers)
    assert abs(job.timers["start"].due - clock.boottime() - 500) < 60


def test_lost_is_lost(desk: Desk) -> None:
    job = _job(desk, retries=5)
    desk.service.lifecycle.lost(job, "lost", "nobody saw it")
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status, row.signal) == (JobState.UNDETERMINED, "lost", None, None)
    assert (row.annotation, row.attempt) == ("nobody saw it", 1)


@pytest.mark.parametrize("sub_state", ["lost", "removed"])
def test_a_rerunnable_job_runs_once_more(desk: Desk, sub_state: str) -> None:
    job = _job(desk, rerunnable=True)
    desk.service.lifecycle.lost(job, sub_state, "gone")
    assert (job.row.ended, job.row.sub_state) == ((False, "rerun") if sub_state == "lost" else (True, "removed"))
    if sub_state == "lost":
        desk.service.lifecycle.lost(job, "lost", "gone again")
        assert (job.row.ended, job.row.attempt) == (True, 2)


def test_a_start_that_surely_was_not_made(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk, JobState.QUEUED, command=["x"], **box())
    desk.service.lifecycle.starting(job)
    desk.service.lifecycle.opened(job, "box")
    desk.service.queue.take(job)
    desk.service.lifecycle.start_lost(job)
    assert (job.phase, job.row.container, job.row.dispatched, job.holds) == (Phase.WAITING, None, None, False)
    desk.until(lambda: job.ticket)


def test_who_follows_starts_once_the_end_is_durable(desk: Desk) -> None:
    first = _job(desk)
    second = desk.submit("true", after=[first.row.id])
    _end(desk, first, 0)
    desk.service.queue.paused = False
    assert desk.ended(second).state == JobState.DONE
    third = desk.submit("true", after=[desk.submit("false").row.id])
    row = desk.ended(third)
    assert (row.sub_state, row.dispatched) == ("dependency", None)


def test_with_the_end_the_container_is_removed_where_that_is_wanted(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk, command=["x"], **box(remove=True))
    job.row.container = "box"
    desk.service.exits.container(job, Observation(JobState.DONE, exit_status=0), False, 0.0)
    desk.until(lambda: "remove" in boxes.verbs() and desk.here.ledger.clean)
    assert desk.row(job).saved == 1
    out, err = (Path(path) for path in desk.service.outputs.paths(job.row, None))
    assert (out.read_text(), err.read_text()) == ("output of box\n", "errors\n")
