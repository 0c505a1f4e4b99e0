"""Signals reach all that a job is, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proctracker.linux import pidfd
from proctracker.model import JobRow
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import signalling, spawn
from supervising import Desk, becomes, gone


@pytest.fixture(params=[True, False], ids=["descriptors", "old kernel"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With process descriptors, and without."""
    monkeypatch.setattr(pidfd, "available", lambda: bool(request.param))


_DAEMON = """
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(os.open(sys.argv[1], os.O_WRONLY), b"%d" % os.getpid())
        os.execvp("sleep", ["sleep", "600"])
    os._exit(0)
os.wait()
os.execvp("sleep", ["sleep", "600"])
"""


def _daemon(desk: Desk, tmp_path: Path) -> tuple[Job, int]:
    """A job that leads nothing but itself, and the pid of its daemon."""
    fifo = tmp_path / "pid"
    os.mkfifo(fifo)
    job = desk.submit(sys.executable, "-c", _DAEMON, str(fifo))
    desk.running(job)
    return job, int(fifo.read_text())


def test_a_daemonised_child_is_reached(desk: Desk, tmp_path: Path) -> None:
    job, daemon = _daemon(desk, tmp_path)
    mark = desk.here.mark(job.row)
    assert {pid for pid, _ in signalling.members(job, mark)} == {job.row.pid, daemon}
    assert len(signalling.signal_all(job, mark, signal.SIGSTOP).reached) == 2
    assert all(becomes(pid, "T") for pid in (job.row.pid or 0, daemon))
    assert len(signalling.signal_all(job, mark, signal.SIGKILL).reached) == 2
    assert gone(daemon)


def test_what_is_below_a_containers_first_process() -> None:
    script = "sleep 600 & echo $!; exec sleep 600"
    first = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE)
    assert first.stdout is not None
    below = int(first.stdout.readline())
    job = Job(JobRow("1", 1, container="box", pid=first.pid), {}, "")
    assert {pid for pid, _ in signalling.members(job, "")} == {first.pid, below}
    assert len(signalling.signal_all(job, "", signal.SIGKILL).reached) == 2
    assert gone(below)
    first.communicate()
    assert signalling.members(job, "") == []


def test_a_later_process_of_the_same_pid_is_spared() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        ticks = spawn.ticks(process.pid)
        assert signalling.send([(process.pid, ticks + 1)], signal.SIGKILL) == (set(), set())
        assert signalling.send([(process.pid, ticks)], signal.SIGKILL) == ({(process.pid, ticks)}, set())
    assert signalling.send([(process.pid, ticks)], signal.SIGKILL) == (set(), set())


def test_a_first_signal_is_sent_once(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = f'trap "echo got >> {out}; kill \\$!; exit" TERM; echo > {out}.ready; sleep 600 & wait'
    os.mkfifo(f"{out}.ready")
    job = desk.submit("sh", "-c", script)
    desk.running(job)
    assert Path(f"{out}.ready").read_text() == "\n"
    signalling.signal_all(job, desk.here.mark(job.row), signal.SIGTERM)
    desk.ended(job)
    assert out.read_text() == "got\n"
