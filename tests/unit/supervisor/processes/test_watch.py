"""Processes of former supervisors: their ends, and how they ended."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from proctracker.linux import pidfd, procfs
from proctracker.supervisor.base.journal import End
from proctracker.supervisor.processes import spawn, watch
from supervising import Desk, gone


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[Callable[[str], int]]:
    """Makes processes that are nobody's child here; they wait at a gate and then run a script."""
    made: list[int] = []

    def make(script: str) -> int:
        os.mkfifo(tmp_path / "pid")
        command = f"echo $$ > {tmp_path}/pid; read x < {tmp_path}/gate; {script}"
        subprocess.Popen(["setsid", "-f", "sh", "-c", command]).wait()
        made.append(int((tmp_path / "pid").read_text()))
        return made[-1]

    os.mkfifo(tmp_path / "gate")
    yield make
    for pid in made:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _watched(desk: Desk, pid: int, ticks: int) -> list[End | None]:
    found: list[End | None] = []
    desk.service.afar.watch(pid, ticks, lambda end, when: found.append(end))
    return found


@pytest.mark.skipif(not pidfd.tells(), reason="Linux before 6.15 tells its parent alone")
@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("exit 0", 0), ("kill -9 $$", -9)])
def test_how_one_ended(desk: Desk, orphan: Callable[[str], int], tmp_path: Path, script: str, status: int) -> None:
    pid = orphan(script)
    ticks = spawn.ticks(pid)
    found = _watched(desk, pid, ticks)
    (tmp_path / "gate").write_text("go\n")
    desk.until(lambda: found)
    assert found[0] is not None
    assert found[0][:3] == (pid, ticks, status)
    assert desk.seat.held == {}


def test_where_the_kernel_does_not_say(
    desk: Desk, orphan: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pidfd, "wait_status", lambda fd: None)
    monkeypatch.setattr(procfs, "wait_status", lambda pid, ticks: None)
    pid = orphan("exit 0")
    found = _watched(desk, pid, spawn.ticks(pid))
    (tmp_path / "gate").write_text("go\n")
    desk.until(lambda: found)
    assert found == [None]  # never a success that nobody saw


def test_where_there_are_no_descriptors(
    desk: Desk, orphan: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pidfd, "available", lambda: False)
    monkeypatch.setattr(watch, "LOOK", 0.01)
    pid = orphan("exit 0")
    found = _watched(desk, pid, spawn.ticks(pid))
    (tmp_path / "gate").write_text("go\n")
    desk.until(lambda: found)
    assert found == [None]


def test_one_that_has_gone_or_is_another(desk: Desk) -> None:
    for pid, ticks in ((2**22 + 1, 5), (os.getpid(), 5)):
        found = _watched(desk, pid, ticks)
        desk.until(lambda found=found: found)  # type: ignore[misc]
        assert found == [None]
    assert desk.seat.held == {}


def test_a_descriptor_is_held_once_and_outlives_its_process(
    desk: Desk, orphan: Callable[[str], int], tmp_path: Path
) -> None:
    pid = orphan("exit 7")
    ticks = spawn.ticks(pid)
    fd = desk.service.afar.hold(pid, ticks)
    assert desk.service.afar.hold(pid, ticks) == fd
    (tmp_path / "gate").write_text("go\n")
    assert gone(pid)
    found = _watched(desk, pid, ticks)
    desk.until(lambda: found)
    assert [end and end.status for end in found] == ([7] if pidfd.tells() else [None])
    desk.service.afar.drop(pid, ticks)


def test_a_call_is_killed_with_what_it_started(desk: Desk, orphan: Callable[[str], int]) -> None:
    pid = orphan("true")
    ticks = spawn.ticks(pid)
    desk.service.afar.kill(pid, ticks + 1, signal.SIGKILL)
    assert watch.alive(pid, ticks)
    desk.service.afar.hold(pid, ticks)
    desk.service.afar.kill(pid, ticks, signal.SIGKILL)
    assert gone(pid)
    desk.service.afar.drop(pid, ticks)


def test_alive() -> None:
    ticks = spawn.ticks(os.getpid())
    assert watch.alive(os.getpid(), ticks)
    assert not watch.alive(os.getpid(), ticks + 1)
    child = subprocess.Popen(["true"])
    assert gone(child.pid)
    assert not watch.alive(child.pid, spawn.ticks(child.pid))
    child.wait()


def test_a_zombies_status_is_told_to_who_may_know() -> None:
    child = subprocess.Popen(["sh", "-c", "exit 7"])
    ticks = spawn.ticks(child.pid)
    assert gone(child.pid)
    assert procfs.wait_status(child.pid, ticks) == 7 << 8
    assert procfs.wait_status(child.pid, ticks + 1) is None
    assert procfs.wait_status(os.getpid(), spawn.ticks(os.getpid())) is None
    child.wait()
    assert procfs.wait_status(child.pid, ticks) is None
