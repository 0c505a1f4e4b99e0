"""The clock of durations beside the one that can be set, and what steps of that do to jobs: nothing but what it should."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from proctracker.linux import cgroups, clock
from proctracker.model import JobState, Observation
from proctracker.supervisor.base.jobs import Job
from supervising import Boxes, Desk, box

SLEEP = ("sleep", "600")


def test_times_of_one_clock_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "boottime", lambda: 1000.0)
    monkeypatch.setattr(time, "time", lambda: 50_000.0)
    assert (clock.at(49_990.0), clock.at(50_000.0), clock.at(50_010.0)) == (990.0, 1000.0, 1000.0)
    assert (clock.since(990.0), clock.since(1000.0)) == (49_990.0, 50_000.0)


def test_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.boottime()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert before <= clock.boottime()


class _Clock:
    """The wall clock, which can be set."""

    def __init__(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        self._desk, self._real, self._step = desk, time.time, 0.0
        monkeypatch.setattr(time, "time", lambda: self._real() + self._step)

    def set(self, step: float) -> None:
        """Set it, as the kernel tells of it."""
        self._step += step
        self._desk.here.loop._rang()


@pytest.fixture
def wall_clock(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> _Clock:
    return _Clock(desk, monkeypatch)


STEPS = (-3600.0, 7200.0)


def _went_on(desk: Desk, job: Job) -> bool:
    """Whether the times of a job never go back."""
    desk.here.ledger.flush()
    told = desk.here.store._db.rows("SELECT time FROM transitions WHERE job=? ORDER BY seq", (job.row.num << 32,))
    times = [each[0] for each in told]
    row = job.row
    dates = [row.submitted, *([row.dispatched] if row.dispatched else []), *([row.finished] if row.finished else [])]
    return times == sorted(times) and dates == sorted(dates)


@pytest.mark.parametrize("step", STEPS)
def test_a_time_limit_follows_no_step_of_the_clock(desk: Desk, wall_clock: _Clock, step: float) -> None:
    job = desk.submit(*SLEEP, time_limit=0.4)
    short = desk.submit("sleep", "0.5", time_limit=3600.0)
    desk.running(short)
    wall_clock.set(step)
    row, other = desk.ended(job), desk.ended(short)
    assert (row.sub_state, row.signal) == ("time-limit", "SIGTERM")
    assert row.ran == pytest.approx(0.4, abs=60)  # a step is an hour at least, and the machine may be busy
    assert (other.state, other.exit_status) == (JobState.DONE, 0)
    assert other.ran == pytest.approx(0.5, abs=60)
    assert _went_on(desk, job)


@pytest.mark.parametrize("step", STEPS)
def test_a_grace_and_a_delay_follow_no_step_of_the_clock(
    desk: Desk, wall_clock: _Clock, tmp_path: Path, step: float
) -> None:
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    deaf = desk.submit("sh", "-c", f"trap '' TERM; echo > {ready}; exec sleep 600")
    again = desk.submit("false", retries=1, retry_delay=0.3)
    desk.running(deaf)
    ready.read_text()
    desk.until(lambda: again.row.state == JobState.REQUEUED)
    began = clock.boottime()
    desk.service.actions.control([deaf.row.id], "terminate", "SIGTERM", 0.4, lambda outcome: None)
    wall_clock.set(step)
    assert desk.ended(deaf).signal == "SIGKILL"
    assert desk.ended(again).attempt == 2
    assert 0.4 <= clock.boottime() - began < 20
    assert _went_on(desk, deaf)
    assert _went_on(desk, again)


def test_a_deadline_and_a_start_time_follow_the_clock(desk: Desk, wall_clock: _Clock) -> None:
    now = time.time()
    job = desk.submit(*SLEEP, deadline=now + 3600)
    later = desk.submit("true", start_time=now + 3600)
    desk.running(job)
    wall_clock.set(-3600.0)
    wall_clock.set(3600.0)
    assert (job.row.state, later.row.state) == (JobState.RUNNING, JobState.QUEUED)
    wall_clock.set(7200.0)
    assert (desk.ended(job).sub_state, desk.ended(later).state) == ("deadline", JobState.DONE)
    assert _went_on(desk, job)


def test_a_look_at_a_container_takes_no_step_of_the_clock_for_time(
    desk: Desk, boxes: Boxes, wall_clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    job = desk.submit("x", **box())
    pid = desk.running(job)
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=pid)
    os.kill(pid, 9)
    desk.until(lambda: "end" in boxes.verbs())
    wall_clock.set(7200.0)
    looks = len(boxes.asked)
    desk.until(lambda: len(boxes.asked) > looks + 1)
    assert not job.row.ended
    boxes.says[job.row.container or ""] = Observation(JobState.FAILED, exit_status=3, finished=time.time())
    row = desk.ended(job)
    assert (row.exit_status, row.ran < 60) == (3, True)
