"""Which of the children an open start became."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from proctracker.linux import procfs
from proctracker.supervisor.base import spawned
from proctracker.supervisor.base.journal import End, Journal, Start
from proctracker.supervisor.keeper import become_subreaper
from proctracker.supervisor.processes import spawn
from supervising import LONG, PATH


class Place:
    """A start that was opened, and this process, to which all that is left comes."""

    def __init__(self) -> None:
        become_subreaper()
        self.journal = Journal()
        self.made: list[int] = []

    def open(self) -> None:
        self.journal.opened("7", 2, time.time(), "home")

    @property
    def start(self) -> Start:
        return self.journal.read()[0][-1]

    def spawn(self, script: str, mark: str | None = "home/7/2", setsid: bool = True) -> int:
        env = {"PATH": PATH, **({"PROCTRACKER_JOB": mark} if mark else {})}
        self.made.append(os.posix_spawn("/bin/sh", ["sh", "-c", script], env, setsid=setsid))
        return self.made[-1]

    def find(self, *ends: End) -> int:
        return spawned.find(self.start, os.getpid(), ends)[0]

    def left(self, leader: int) -> int:
        """The child that an ended job has left to us."""
        os.waitid(os.P_PID, leader, os.WEXITED | os.WNOWAIT)
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            for each in procfs.all_stats().values():
                if each.ppid == os.getpid() and each.pid not in self.made and procfs.mark(each.pid) == "home/7/2":
                    self.made.append(each.pid)
                    return each.pid
        raise AssertionError("it left nothing")


@pytest.fixture
def place(clean: None) -> Iterator[Place]:
    made = Place()
    yield made
    for pid in made.made:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            continue
    os.close(made.journal.fd)


def test_nothing_was_made(place: Place) -> None:
    before = place.spawn("exit 3")
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    place.open()
    assert place.find() == 0


def test_one_that_runs(place: Place) -> None:
    place.open()
    pid = place.spawn("sleep 600")
    assert spawned.find(place.start, os.getpid()) == (pid, spawn.ticks(pid))


@pytest.mark.parametrize("left", ["setsid sleep 600 &", "sleep 600 &", "setsid sh -c 'setsid sleep 600 &' &"])
def test_one_that_has_ended_and_left_a_child(place: Place, left: str) -> None:
    place.open()
    pid = place.spawn(f"{left} exit 5")
    place.left(pid)
    assert place.find() == pid


def test_one_that_was_reaped_and_left_a_child(place: Place) -> None:
    place.open()
    pid = place.spawn("setsid sleep 600 & exit 5")
    ticks = spawn.ticks(pid)
    place.left(pid)
    os.waitpid(pid, 0)
    assert place.find(End(pid, ticks, 5, time.time())) == pid


def test_an_end_from_before_is_not_it(place: Place) -> None:
    place.open()
    assert place.find(End(2**22 - 1, place.start.born - 1, 5, time.time())) == 0


@pytest.mark.parametrize("mark", ["home/8/2", "home/7/1", "other/7/2"])
def test_other_jobs_are_not_it(place: Place, mark: str) -> None:
    place.open()
    place.spawn("sleep 600", mark)
    pid = place.spawn("sleep 600")
    assert place.find() == pid


@pytest.mark.parametrize("script", ["sleep 600", "exit 5"])
def test_one_that_was_looked_at_just_before_it_led_its_session(
    place: Place, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Between fork and exec it is its supervisor's image, and it may be past both when that is read."""
    place.open()
    pid = place.spawn(script)
    if script == "exit 5":
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = procfs.stat(pid)
    assert seen is not None
    monkeypatch.setattr(procfs, "all_stats", lambda: {pid: seen._replace(session=os.getsid(0), state="R")})
    assert place.find() == pid


def test_an_engines_command_has_no_mark(place: Place) -> None:
    place.open()
    assert place.find() == 0
    pid = place.spawn("sleep 600", None)
    assert place.find() == pid


def test_what_leads_no_session_is_not_it(place: Place) -> None:
    place.open()
    place.spawn("exit 5", setsid=False)
    assert place.find() == 0


def test_one_between_fork_and_exec(place: Place) -> None:
    place.open()
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(0)
    place.made.append(pid)
    assert place.find() == pid
    os.close(write_end)
    os.close(read_end)


def test_a_release_that_did_not_say_when(place: Place) -> None:
    os.write(place.journal.fd, b"O 7 2 %.6f\n" % time.time())
    pid = place.spawn("sleep 600 & exit 5")
    place.left(pid)
    assert place.find() == pid


def test_pids_are_counted_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(procfs, "pid_max", lambda: 32768)
    start = Start("7", 2, time.time() - 9, None, None, 5, 32_760)
    ends = [End(pid, 5, 0, time.time()) for pid in (300, 32_759, 32_762, 32_760, 301)]
    assert spawned.find(start, -1, ends) == (32_762, 5)
    assert spawned.find(start, -1, [each for each in ends if each.pid != 32_762]) == (300, 5)
    later = End(32_000, 5000, 0, time.time())
    assert spawned.find(start, -1, [later]) == (32_000, 5000)
