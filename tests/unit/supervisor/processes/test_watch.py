"""Processes that are no children: their exits, and how they exited."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from proctracker.linux import pidfd, procfs
from proctracker.supervisor.base.journal import End, Journal
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.base.seat import Seat
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.processes import watch as module
from proctracker.supervisor.processes.children import Children
from proctracker.supervisor.processes.watch import Watch
from supervising import LONG, gone


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


@pytest.fixture
def loop(clean: None) -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def seat() -> Seat:
    return Seat(-1, -1, Journal(), Journal(), -1, keeper=os.getppid())


@pytest.fixture
def watch(loop: Loop, seat: Seat) -> Iterator[Watch]:
    children = Children(loop, seat.journal, lambda: None)
    yield Watch(loop, seat, children)
    children.close()


def _until(loop: Loop, true: Callable[[], object]) -> None:
    late: list[int] = []
    timer = loop.after(LONG, lambda: late.append(1))
    while not true():
        assert not late
        loop.round()
    timer.cancel()


def _how(watch: Watch, pid: int, ticks: int) -> list[End | None]:
    found: list[End | None] = []
    watch.how(pid, ticks, lambda end, when: found.append(end))
    return found


@pytest.mark.skipif(not pidfd.tells(), reason="Linux before 6.15 tells its parent alone")
@pytest.mark.parametrize(("script", "status"), [("exit 7", 7), ("exit 0", 0), ("kill -9 $$", -9)])
def test_how_one_ended(
    loop: Loop, seat: Seat, watch: Watch, orphan: Callable[[str], int], tmp_path: Path, script: str, status: int
) -> None:
    pid = orphan(script)
    ticks = spawn.ticks(pid)
    found = _how(watch, pid, ticks)
    (tmp_path / "gate").write_text("go\n")
    _until(loop, lambda: found)
    assert found[0] is not None
    assert found[0][:3] == (pid, ticks, status)
    assert seat.held == {}


def test_where_the_kernel_does_not_say(
    loop: Loop, seat: Seat, watch: Watch, orphan: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pidfd, "wait_status", lambda fd: None)
    monkeypatch.setattr(procfs, "wait_status", lambda pid, ticks: None)
    pid = orphan("exit 0")
    found = _how(watch, pid, spawn.ticks(pid))
    (tmp_path / "gate").write_text("go\n")
    _until(loop, lambda: found)
    assert found == [None]  # never a success that nobody saw


def test_where_there_are_no_descriptors(
    loop: Loop, seat: Seat, watch: Watch, orphan: Callable[[str], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pidfd, "available", lambda: False)
    monkeypatch.setattr(module, "LOOK", 0.01)
    pid = orphan("exit 0")
    found = _how(watch, pid, spawn.ticks(pid))
    (tmp_path / "gate").write_text("go\n")
    _until(loop, lambda: found)
    assert found == [None]


def test_one_that_has_gone_or_is_another(loop: Loop, seat: Seat, watch: Watch) -> None:
    for pid, ticks in ((2**22 + 1, 5), (os.getpid(), 5)):
        found = _how(watch, pid, ticks)
        _until(loop, lambda found=found: found)  # type: ignore[misc]
        assert found == [None]
    assert seat.held == {}


def test_a_descriptor_is_held_once_and_outlives_its_process(
    loop: Loop, seat: Seat, watch: Watch, orphan: Callable[[str], int], tmp_path: Path
) -> None:
    pid = orphan("exit 7")
    ticks = spawn.ticks(pid)
    fd = watch.hold(pid, ticks)
    assert watch.hold(pid, ticks) == fd
    (tmp_path / "gate").write_text("go\n")
    assert gone(pid)
    found = _how(watch, pid, ticks)
    _until(loop, lambda: found)
    assert [end and end.status for end in found] == ([7] if pidfd.tells() else [None])
    watch.drop(pid, ticks)


def test_a_call_is_killed_with_what_it_started(
    loop: Loop, seat: Seat, watch: Watch, orphan: Callable[[str], int]
) -> None:
    pid = orphan("true")
    ticks = spawn.ticks(pid)
    watch.kill(pid, ticks + 1, signal.SIGKILL)
    assert procfs.alive(pid, ticks)
    watch.hold(pid, ticks)
    watch.kill(pid, ticks, signal.SIGKILL)
    assert gone(pid)
    watch.drop(pid, ticks)


def test_a_zombies_status_is_told_to_who_may_know() -> None:
    child = subprocess.Popen(["sh", "-c", "exit 7"])
    ticks = spawn.ticks(child.pid)
    assert gone(child.pid)
    assert procfs.wait_status(child.pid, ticks) == 7 << 8
    assert procfs.wait_status(child.pid, ticks + 1) is None
    assert procfs.wait_status(os.getpid(), spawn.ticks(os.getpid())) is None
    child.wait()
    assert procfs.wait_status(child.pid, ticks) is None


def test_an_exit_is_told_once(loop: Loop, watch: Watch, orphan: Callable[[str], int], tmp_path: Path) -> None:
    said: list[str] = []
    pid = orphan("exit 7")
    each = watch.exited(pid, spawn.ticks(pid), lambda: said.append("exited"), lambda: said.append("looked"))
    other = watch.exited(pid, spawn.ticks(pid), lambda: said.append("other"))
    watch.forget(other)
    watch.forget(None)
    assert (each.at_once, other.at_once) == (pidfd.available(), False)
    (tmp_path / "gate").write_text("go\n")
    _until(loop, lambda: not each.live)
    watch.forget(each)
    assert [word for word in said if word != "looked"] == ["exited"]


@pytest.mark.parametrize("ticks", [0, None])
def test_one_that_is_another_process_has_exited(loop: Loop, watch: Watch, ticks: int | None) -> None:
    said: list[str] = []
    watch.exited(os.getpid(), ticks, lambda: said.append("exited"))
    watch.exited(2**22 + 1, ticks, lambda: said.append("never there"))
    _until(loop, lambda: len(said) == 2)


@pytest.fixture
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptors, and looks at /proc that come too late."""
    monkeypatch.setattr(pidfd, "available", lambda: False)
    monkeypatch.setattr(module, "LOOK", 600.0)


@pytest.fixture
def below(old_kernel: None, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """A process and the child of ours that it is a child of."""
    script = f"sleep 600 & echo $! > {tmp_path}/pid; wait $!; exit 0"
    monitor = subprocess.Popen(["sh", "-c", script], start_new_session=True)
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        os.sched_yield()
    yield int((tmp_path / "pid").read_text()), monitor.pid
    with suppress(ProcessLookupError):
        os.killpg(monitor.pid, signal.SIGKILL)
    monitor.wait()


def test_the_exit_of_the_monitor_tells_of_what_is_below(loop: Loop, watch: Watch, below: tuple[int, int]) -> None:
    said: list[str] = []
    pid, _ = below
    each = watch.exited(pid, spawn.ticks(pid), lambda: said.append("exited"))
    assert not each.at_once
    os.kill(pid, signal.SIGKILL)
    _until(loop, lambda: said)
    assert said == ["exited"]


def test_a_monitor_that_was_killed_says_nothing(loop: Loop, watch: Watch, below: tuple[int, int]) -> None:
    said: list[str] = []
    pid, monitor = below
    each = watch.exited(pid, spawn.ticks(pid), lambda: said.append("exited"), lambda: said.append("looked"))
    os.kill(monitor, signal.SIGKILL)
    _until(loop, lambda: said)
    assert (said, each.live) == (["looked"], True)


def test_where_proc_is_read_each_look_is_an_occasion(
    loop: Loop, watch: Watch, old_kernel: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK", 0.01)
    said: list[str] = []
    each = watch.exited(os.getppid(), spawn.ticks(os.getppid()), lambda: None, lambda: said.append("looked"))
    _until(loop, lambda: len(said) > 1)
    watch.forget(each)
    loop.after(0.05, lambda: said.append("end"))
    count = len(said)
    _until(loop, lambda: said[-1] == "end")
    assert len(said) == count + 1


def test_what_the_keeper_reaps_it_tells(loop: Loop, seat: Seat, watch: Watch, orphan: Callable[[str], int]) -> None:
    pid = orphan("true")
    ticks = spawn.ticks(pid)
    found = procfs.stat(pid)
    assert found is not None
    seat.keeper = found.ppid
    told = _how(watch, pid, ticks)
    assert bool(seat.held) == pidfd.available()
    seat.kept.ended(pid, ticks + 1, 4, 5.0)  # an earlier process of that pid
    seat.kept.used(pid, 1.0, 2)
    seat.kept.ended(pid, ticks, 7, 6.0)
    watch.kept()
    assert told == []  # it is just being reaped
    seat.kept.used(pid, 0.5, 9)
    watch.kept()
    assert [end and (end.status, end.cpu, end.max_rss) for end in told] == [(7, 0.5, 9)]
    assert seat.held == {}
    watch.kept()
    assert len(told) == 1


def test_the_last_word_of_a_keeper_that_has_gone(seat: Seat, watch: Watch, orphan: Callable[[str], int]) -> None:
    pid = orphan("true")
    found = procfs.stat(pid)
    assert found is not None
    seat.keeper = found.ppid
    told = _how(watch, pid, found.ticks)
    seat.kept.ended(pid, found.ticks, 8, 7.0)
    watch.kept(final=True)
    assert [end and (end.status, end.cpu) for end in told] == [(8, None)]


def test_a_keeper_that_is_just_reaping_tells_more(loop: Loop, seat: Seat, watch: Watch) -> None:
    pid, ticks = 2**22 + 1, 5
    seat.kept.ended(pid, ticks, 8, 7.0)
    told = _how(watch, pid, ticks)
    loop.round()
    assert told == []
    seat.kept.used(pid, 0.5, 9)
    watch.kept()
    assert [end and (end.status, end.max_rss) for end in told] == [(8, 9)]


def test_a_child_of_before_an_upgrade(loop: Loop, seat: Seat, watch: Watch) -> None:
    process = subprocess.Popen(["sh", "-c", "exit 3"])
    told = _how(watch, process.pid, spawn.ticks(process.pid))
    _until(loop, lambda: told)
    assert [end and end.status for end in told] == [3]
    assert seat.held == {}
    process.wait()
