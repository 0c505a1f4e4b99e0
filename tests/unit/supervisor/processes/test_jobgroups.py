"""Control groups of jobs, in a folder that stands for the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.linux import cgroups
from proctracker.linux.cgroups import Paths
from proctracker.supervisor.processes import jobgroups


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A group that this process and its keeper (7) are in."""
    folder = tmp_path / "run-r1.scope"
    folder.mkdir()
    (folder / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    (folder / "cgroup.procs").write_text(f"7\n{os.getpid()}\n")
    (folder / "cgroup.subtree_control").write_text("")
    (folder / "memory.events").write_text("low 0\noom_kill 2\n")
    monkeypatch.setattr(cgroups, "paths", lambda pid, container_id=None: Paths(unified=str(folder)))
    return folder


def test_our_own_group_is_divided(base: Path) -> None:
    groups = jobgroups.Groups(7)
    assert groups.base == str(base)
    assert (base / "cgroup.subtree_control").read_text() == "+cpu +memory"
    assert (base / "supervisor" / "cgroup.procs").read_text()


@pytest.mark.parametrize(
    ("name", "text"),
    [("cgroup.procs", "7\n8\n"), ("cgroup.controllers", "pids\n"), ("cgroup.controllers", "memory pids\n")],
)
def test_a_group_that_is_not_ours_alone_or_limits_nothing(base: Path, name: str, text: str) -> None:
    (base / name).write_text(text)
    groups = jobgroups.Groups(7)
    assert groups.base is None
    assert groups.make("job-1.1", {"memory.max": "1"}) is None
    assert not (base / "supervisor").exists()


def test_a_jobs_group_has_its_bounds(base: Path) -> None:
    groups = jobgroups.Groups(7)
    made = groups.make("job-3.1", {"memory.max": "33554432", "cpu.max": "50000 100000", "memory.swap.max": "0"})
    assert made == Paths(unified=f"{base}/job-3.1")
    folder = base / "job-3.1"
    assert (folder / "memory.max").read_text() == "33554432"
    assert (folder / "cpu.max").read_text() == "50000 100000"
    assert not (folder / "memory.swap.max").exists(), "without swap there is no such file"


def test_a_group_goes_when_nobody_is_in_it(base: Path) -> None:
    groups = jobgroups.Groups(7)
    made = groups.make("job-3.1", {})
    assert made
    (base / "job-3.1" / "left").touch()  # stands for a process: rmdir is refused
    groups.drop(made)
    assert (base / "job-3.1").exists()
    (base / "job-3.1" / "left").unlink()
    groups.tidy()
    assert not (base / "job-3.1").exists()


def test_the_oom_killer_is_told_once(base: Path) -> None:
    groups = jobgroups.Groups(7)
    assert not groups.struck(), "what it did before us is nobody's"
    (base / "memory.events").write_text("oom_kill 3\n")
    assert groups.struck()
    assert not groups.struck()


def test_kill_ends_a_group_at_once(base: Path) -> None:
    (base / "cgroup.kill").touch()
    jobgroups.kill(Paths(unified=str(base)))
    assert (base / "cgroup.kill").read_text() == "1"
    jobgroups.kill(Paths(unified=str(base / "gone")))
