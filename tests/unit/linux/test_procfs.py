"""Processes as /proc tells of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from proctracker.linux import procfs

_FAMILY = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    daemon = os.fork()
    if daemon == 0:
        time.sleep(60)
    print(daemon, flush=True)
    os._exit(0)
os.wait()
print(os.getpid(), flush=True)
time.sleep(60)
"""
"""A job whose daemon left its session and was orphaned: only the mark in its environment tells whose it is."""


@pytest.fixture
def family() -> Iterator[tuple[str, int, int]]:
    """(mark, leader, daemon) of a job that daemonised a child."""
    mark = f"home/{os.getpid()}/1"
    environ = {**os.environ, "PROCTRACKER_JOB": mark}
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _FAMILY], env=environ, stdout=subprocess.PIPE, start_new_session=True
    ) as leader:
        assert leader.stdout
        daemon = int(leader.stdout.readline())
        try:
            assert int(leader.stdout.readline()) == leader.pid
            yield mark, leader.pid, daemon
        finally:
            os.kill(daemon, signal.SIGKILL)
            leader.kill()


def test_parse_stat_takes_any_name() -> None:
    text = b"42 (a) S (b\n) R 1 42 42 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 1 0 12345 1 2 3"
    assert procfs.parse_stat(text) == procfs.Stat(42, "a) S (b\n", "R", 1, 42, 42, 12345, 10, 20, 30, 40)


def test_stat_of_ourselves_and_of_nobody() -> None:
    found = procfs.stat(os.getpid())
    assert found
    assert (found.pid, found.ppid, found.session) == (os.getpid(), os.getppid(), os.getsid(0))
    assert procfs.stat(2**22 + 1) is None


def test_boot_id_is_a_uuid() -> None:
    assert len(procfs.boot_id()) == 36


def test_clock_ticks() -> None:
    assert procfs.clock_ticks > 0


def test_environ_keeps_bytes() -> None:
    environ, pipe = {b"A": b"x\xff=y", b"PATH": b"/usr/bin:/bin"}, subprocess.PIPE
    with subprocess.Popen(["cat"], env=environ, stdin=pipe, stdout=pipe, bufsize=0) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"x")
        assert process.stdout.read(1) == b"x"  # only now it is surely cat: Popen returns in the midst of exec
        assert (procfs.environ(process.pid) or {})[b"A"] == b"x\xff=y"
        assert procfs.mark(process.pid) is None
        assert procfs.cmdline(process.pid) == [b"cat"]


def test_children_holds_zombies_too() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert process.pid in procfs.children(os.getpid())
        found = procfs.stat(process.pid)
        assert found
        assert found.state == "Z"


def _plain(pid: int, ppid: int) -> procfs.Stat:
    return procfs.Stat(pid, "x", "S", ppid, pid, pid, 1, 0, 0, 0, 0)


def test_tree_spares_a_branch() -> None:
    stats = {pid: _plain(pid, ppid) for pid, ppid in ((2, 1), (3, 2), (4, 3), (5, 2), (6, 5), (7, 9))}
    assert procfs.tree([2], stats) == {3, 4, 5, 6}
    assert procfs.tree([2], stats, spare=[5]) == {3, 4}


def test_a_daemon_is_known_by_its_mark(family: tuple[str, int, int]) -> None:
    mark, leader, daemon = family
    assert procfs.mark(daemon) == mark
    assert {pid for pid, _ in procfs.marked(mark)} == {leader, daemon}
    assert procfs.marked(mark + "0") == []


def test_the_family_is_the_whole_job(family: tuple[str, int, int]) -> None:
    mark, leader, daemon = family
    found = procfs.family(mark, leader)
    assert {pid for pid, _ in found} == {leader, daemon}
    assert all((procfs.stat(pid) or _plain(0, 0)).ticks == ticks for pid, ticks in found)


def test_a_family_without_mark_goes_by_session(family: tuple[str, int, int]) -> None:
    _, leader, _ = family
    assert [pid for pid, _ in procfs.family("none/0/0", leader)] == [leader]


def test_a_family_knows_a_recycled_leader(family: tuple[str, int, int]) -> None:
    _, leader, _ = family
    assert procfs.family("none/0/0", leader, leader_ticks=1) == []


def test_a_family_spares_what_it_is_told(family: tuple[str, int, int]) -> None:
    mark, leader, daemon = family
    assert [pid for pid, _ in procfs.family(mark, leader, spare=[daemon])] == [leader]


def test_handles_tells_caught_signals() -> None:
    assert procfs.handles(os.getpid(), signal.SIGINT)
    assert not procfs.handles(os.getpid(), signal.SIGVTALRM)
    assert not procfs.handles(2**22 + 1, signal.SIGINT)


def test_alive_is_a_pid_and_when_it_started() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        started = (procfs.stat(child.pid) or _plain(0, 0)).ticks
        assert procfs.alive(child.pid, started)
        assert not procfs.alive(child.pid, started + 1)
        assert not procfs.alive(child.pid, None)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not procfs.alive(child.pid, started)
    assert not procfs.alive(child.pid, started)


def test_a_boot_has_a_name() -> None:
    assert procfs.boot_id() == procfs.boot_id() != ""
