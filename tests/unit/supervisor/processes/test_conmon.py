"""Ends of containers without process descriptors, told by the monitor above each."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from proctracker.linux import cgroups, pidfd, procfs
from proctracker.model import JobState, Observation
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running import containers
from supervising import Boxes, Desk, box

_DONE = Observation(JobState.DONE, exit_status=0)


@pytest.fixture(autouse=True)
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptors, no looks at /proc."""
    monkeypatch.setattr(pidfd, "available", lambda: False)
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    monkeypatch.setattr(containers, "LOOK", 600.0)


@pytest.fixture
def run(desk: Desk, boxes: Boxes) -> Callable[[], tuple[Job, int]]:
    """Starts a container below a monitor that has left its starter; the job, and the monitor's pid."""

    def make() -> tuple[Job, int]:
        pid_file = f"{desk.home.starts}/{len(desk.jobs) + 1}.1/pid"
        monitor = f"sh -c 'sleep 600 & echo $! > {pid_file}; wait $!; exit 0' >&- 2>&- &"
        boxes.words = ("sh", "-c", f"({monitor}) ; until test -s {pid_file}; do sleep 0.01; done; echo id")
        job = desk.submit("x", **box())
        return job, (procfs.stat(desk.running(job)) or pytest.fail("no process")).ppid

    return make


def test_the_end_of_the_monitor_tells_of_the_containers(
    desk: Desk, boxes: Boxes, run: Callable[[], tuple[Job, int]]
) -> None:
    job, monitor = run()
    assert (procfs.stat(monitor) or pytest.fail("no monitor")).ppid == os.getpid()
    assert desk.service.monitors._jobs == {monitor: (job, job.row.pid, job.row.ticks)}
    assert job.pidfd is None
    boxes.says[job.row.container or ""] = _DONE
    os.kill(job.row.pid or 0, signal.SIGKILL)
    assert desk.ended(job).state == JobState.DONE
    assert desk.service.monitors._jobs == {}


def test_a_monitor_that_was_killed_says_nothing(desk: Desk, run: Callable[[], tuple[Job, int]]) -> None:
    job, monitor = run()
    os.kill(monitor, signal.SIGKILL)
    desk.until(lambda: not desk.service.monitors._jobs, "the monitor's end")
    assert (job.row.state, job.row.finished) == (JobState.RUNNING, None)
    assert job.row.id in desk.service.containers._polled


def test_a_monitor_of_an_earlier_process_says_nothing(desk: Desk, run: Callable[[], tuple[Job, int]]) -> None:
    job, _ = run()
    first, job.row.pid = job.row.pid, os.getpid()
    os.kill(first or 0, signal.SIGKILL)
    desk.until(lambda: not desk.service.monitors._jobs, "the monitor's end")
    assert job.row.id in desk.service.containers._polled


def test_what_is_below_no_child_of_ours_is_read_from_proc(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    job = desk.submit("x", **box())
    desk.running(job)
    desk.service.monitors._jobs.clear()
    job.row.pid, job.row.ticks = os.getpid(), (procfs.stat(os.getpid()) or pytest.fail("not here")).ticks
    desk.service.monitors.watch(job)
    assert desk.service.monitors._jobs == {}
    assert not desk.service.monitors.ended(os.getppid())
