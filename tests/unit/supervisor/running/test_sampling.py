"""The last look at a container's control group counts where the group has gone before its end is heard of."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctracker.linux.cgroups import Paths
from proctracker.model import JobRow, JobState
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.running import sampling


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose container has used something."""
    (tmp_path / "cpu.stat").write_text("usage_usec 500000\n")
    (tmp_path / "memory.peak").write_text("2097152\n")
    (tmp_path / "memory.events").write_text("oom_kill 0\n")
    found = Job(JobRow("1", 1, state=int(JobState.RUNNING)), {}, "")
    found.cgroup = Paths(unified=str(tmp_path))
    return found


def test_what_was_seen_last_stays_when_the_group_has_gone(job: Job, tmp_path: Path) -> None:
    assert not sampling.look(job)
    for name in ("cpu.stat", "memory.peak", "memory.events"):
        (tmp_path / name).unlink()
    assert not sampling.look(job)
    assert (job.row.cpu, job.row.max_rss) == (0.5, 2048)


def test_the_oom_killer_is_told(job: Job, tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("oom 1\noom_kill 1\n")
    assert sampling.look(job)
    job.cgroup = None
    assert not sampling.look(job)


def test_looks_come_ever_more_seldom_and_end_with_the_watch(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, delays, looks = Loop(), [], []
    after = loop.after
    monkeypatch.setattr(loop, "after", lambda delay, call: delays.append(delay) or after(0, call))

    def look(each: Job) -> None:
        looks.append(each)
        if len(looks) == 4:
            loop.stop()

    sampling.begin(loop, job, look)
    loop.run()
    assert delays == [0.05, 0.1, 0.2, 0.4]
    sampling.over(job)
    assert job.timers == {}
    loop.close()
