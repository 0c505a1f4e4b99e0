"""Children that have ended: whose they are, and what the keeper reaped."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from proctracker.model import JobState
from proctracker.supervisor.processes import spawn
from supervising import Desk, gone


@pytest.mark.parametrize(("script", "code", "name"), [("exit 3", 3, None), ("kill -9 $$", None, "SIGKILL")])
def test_a_child_is_reaped_with_its_usage(desk: Desk, script: str, code: int | None, name: str | None) -> None:
    job = desk.submit("sh", "-c", script)
    row = desk.ended(job)
    assert (row.state, row.exit_status, row.signal) == (JobState.FAILED, code, name)
    assert row.cpu is not None
    assert row.max_rss
    assert desk.seat.journal.read() == ([], [])
    with pytest.raises(ChildProcessError):
        os.waitpid(row.pid or 0, 0)


def test_a_stranger_is_reaped_in_silence(desk: Desk) -> None:
    job = desk.submit("sleep", "600")
    desk.running(job)
    stranger = subprocess.Popen(["false"])
    assert gone(stranger.pid)
    desk.service.reaper.reap()
    with pytest.raises(ChildProcessError):
        os.waitpid(stranger.pid, 0)
    assert not job.row.ended
    stranger.wait()


def test_ends_the_keeper_wrote_down(desk: Desk) -> None:
    job, other = desk.submit("sleep", "600"), desk.submit("sleep", "600")
    desk.running(job)
    pid, ticks = desk.running(other), spawn.ticks(other.row.pid or 0)
    for it in (job, other):
        it.row.ticks = spawn.ticks(it.row.pid or 0)
    kept, now = desk.seat.kept, time.time()
    kept.ended(pid, ticks + 1, 4, 5.0)  # an earlier process of that pid
    kept.used(pid, 1.0, 2)
    kept.ended(job.row.pid or 0, job.row.ticks or 0, 7, now + 6.0)
    desk.service.reaper.kept()
    assert (job.row.ended, other.row.ended) == (False, False)  # it is just being reaped
    kept.used(job.row.pid or 0, 0.5, 9)
    desk.service.reaper.kept()
    assert (job.row.exit_status, job.row.cpu, job.row.max_rss) == (7, 0.5, 9)
    assert job.row.finished == pytest.approx(now + 6.0, abs=1e-4)
    kept.ended(pid, ticks, 8, 7.0)
    desk.service.reaper.kept(final=True)
    assert (other.row.exit_status, other.row.cpu) == (8, None)
