"""The keeper: supervisors are killed, exit codes are kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

from proctracker.supervisor import keeper
from proctracker.supervisor.base.signals import PATIENT

_PRELUDE = """
import json, os, select, signal, subprocess, sys
from proctracker.linux import procfs
from proctracker.supervisor import keeper
from proctracker.supervisor.base.journal import Journal
from proctracker.supervisor.base.seat import Seat

folder = sys.argv[1]

def job(name, then):
    os.mkfifo(f"{folder}/{name}")
    return os.posix_spawn("/bin/sh", ["sh", "-c", f"read line < {folder}/{name}; {then}"], {}, setsid=True)

def say(**words):
    print(json.dumps(words), flush=True)

def ends(seat, count):
    while len([end for end in seat.kept.read()[1] if end.max_rss is not None]) < count:
        select.select([seat.note], [], [])
        os.read(seat.note, 4096)
    return [[end.pid, end.ticks, end.status] for end in seat.kept.read()[1]]

def seat():
    return Seat(-1, -1, Journal(), Journal(), os.memfd_create("command"))
"""


class Run:
    """A keeper as a process, and what it and its supervisors say."""

    def __init__(self, folder: Path, script: str) -> None:
        self.folder = folder
        argv = [sys.executable, "-c", _PRELUDE + script, str(folder)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        self._begun: list[int] = []

    @property
    def _out(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def said(self) -> dict[str, Any]:
        found = json.loads(self._out.readline())
        assert isinstance(found, dict)
        self._begun += [value for name, value in found.items() if name == "me"]
        return found

    def release(self, name: str) -> None:
        """Let a job go on to its end."""
        (self.folder / name).write_text("go\n")

    def rest(self) -> bytes:
        """Wait for the keeper's end; what was said last."""
        text = self._out.read()
        self.process.wait()
        return text

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            for pid in self._begun[-1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._out.close()


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Run]:
    made = Run(tmp_path, request.param)
    yield made
    made.close()


_KILLED = """
def supervise(seat):
    if seat.turn == 0:
        jobs = [job("a", "exit 3"), job("b", "kill -9 $$"), job("c", "exit 0")]
        say(me=os.getpid(), keeper=seat.keeper, jobs=[[pid, procfs.stat(pid).ticks] for pid in jobs])
        signal.pause()
    say(me=os.getpid(), keeper=seat.keeper, turn=seat.turn, children=procfs.children(os.getppid()))
    say(ends=ends(seat, 3))
    return 0

os._exit(keeper.keep(seat(), supervise))
"""


@pytest.mark.parametrize("run", [_KILLED], indirect=True)
def test_a_killed_supervisors_jobs_keep_their_codes(run: Run) -> None:
    first = run.said()
    assert first["keeper"] == run.process.pid
    os.kill(first["me"], signal.SIGKILL)
    second = run.said()
    assert (second["keeper"], second["turn"]) == (run.process.pid, 1)
    pids = [pid for pid, _ in first["jobs"]]
    assert set(second["children"]) == {*pids, second["me"]}
    for name in "abc":
        run.release(name)
    expected = [[*first["jobs"][0], 3], [*first["jobs"][1], -signal.SIGKILL], [*first["jobs"][2], 0]]
    assert sorted(run.said()["ends"]) == sorted(expected)
    run.rest()
    assert run.process.returncode == 0


_TWICE = """
def supervise(seat):
    mine = [job(f"j{seat.turn}", f"exit {seat.turn + 1}")] if seat.turn < 3 else []
    say(me=os.getpid(), mine=mine)
    if seat.turn < 3:
        signal.pause()
    say(ends=ends(seat, 3))
    return 0

os._exit(keeper.keep(seat(), supervise))
"""


@pytest.mark.parametrize("run", [_TWICE], indirect=True)
def test_killed_again_and_again(run: Run) -> None:
    expected = []
    for turn in range(3):
        found = run.said()
        expected.append([found["mine"][0], turn + 1])
        os.kill(found["me"], signal.SIGKILL)
    run.said()
    for turn in range(3):
        run.release(f"j{turn}")
    assert sorted([pid, status] for pid, _, status in run.said()["ends"]) == sorted(expected)
    run.rest()
    assert run.process.returncode == 0


_STRANGERS = """
def supervise(seat):
    if seat.turn == 0:
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        child = os.posix_spawn("/bin/sh", ["sh", "-c", f"sh -c 'echo $$ >&{write_end}; exit 9' &"], os.environ)
        os.waitpid(child, 0)
        os.close(write_end)
        stranger = int(os.read(read_end, 20))
        while os.read(read_end, 20) or procfs.stat(stranger):
            pass
        say(me=os.getpid(), mine=[job("a", "exit 4")])
        signal.pause()
    say(me=os.getpid(), ends=ends(seat, 1))
    return 0

os._exit(keeper.keep(seat(), supervise))
"""


@pytest.mark.parametrize("run", [_STRANGERS], indirect=True)
def test_orphans_that_are_nobodys_are_reaped_and_not_told(run: Run) -> None:
    first = run.said()
    os.kill(first["me"], signal.SIGKILL)
    run.release("a")
    assert [[pid, status] for pid, _, status in run.said()["ends"]] == [[first["mine"][0], 4]]
    assert run.rest() == b""


_TAKEN_OVER = """
mine = job("a", "exit 5")
def supervise(seat):
    say(me=os.getpid(), mine=mine, ends=ends(seat, 1), keeper=seat.keeper)
    return 0

with open(f"{folder}/a", "w") as gate:
    gate.write("go")
os._exit(keeper.keep(seat(), supervise, {mine}))
"""


@pytest.mark.parametrize("run", [_TAKEN_OVER], indirect=True)
def test_one_who_becomes_the_keeper_brings_children_along(run: Run) -> None:
    found = run.said()
    assert [[pid, status] for pid, _, status in found["ends"]] == [[found["mine"], 5]]
    assert found["keeper"] == run.process.pid
    assert run.rest() == b""


_FAILING = """
def supervise(seat):
    say(turn=seat.turn)
    return 70 if seat.turn < 2 else 0

place = os.getpid()
os._exit(keeper.keep(seat(), supervise) + 40 * (os.getpid() == place))
"""


@pytest.mark.parametrize("run", [_FAILING], indirect=True)
def test_a_supervisor_that_fails_is_followed_one_that_leaves_is_not(run: Run) -> None:
    assert run.rest() == b'{"turn": 0}\n{"turn": 1}\n{"turn": 2}\n'
    assert run.process.returncode == 40


_UPGRADED = r"""
script = '''
import json, os, sys
fds = [int(word) for word in sys.argv[1].split(",")]
for fd in fds[:6]:
    os.fstat(fd)
print(json.dumps([fds[6] == os.getppid(), os.pread(fds[3], 99, 0).decode()[:4], os.environ["WORD"]]))
'''
def supervise(seat):
    seat.kept.ended(7, 8, 0, 1.0)
    os.write(seat.command, b"\0".join([sys.executable.encode(), b"-c", script.encode()]))
    return 1

os.environ["WORD"] = "kept"
listener, lock = os.pipe()
place = Seat(listener, lock, Journal(), Journal(), os.memfd_create("command", os.MFD_CLOEXEC))
os._exit(keeper.keep(place, supervise))
"""


@pytest.mark.parametrize("run", [_UPGRADED], indirect=True)
def test_after_an_upgrade_the_next_supervisor_is_another_program(run: Run) -> None:
    assert json.loads(run.rest()) == [True, "R 7 ", "kept"]
    assert run.process.returncode == 0


_IN_A_START = """
def supervise(seat):
    if seat.turn == 0:
        seat.journal.opened("7", 1, 5.0, "home")
        env = {"PROCTRACKER_JOB": "home/7/1", "PATH": os.environ["PATH"]}
        pid = os.posix_spawn("/bin/sh", ["sh", "-c", f"setsid sh -c 'read x < {folder}/gate' & exit 5"], env, setsid=True)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        say(me=os.getpid(), job=[pid, procfs.stat(pid).ticks])
        signal.pause()  # killed before it could say which process it made
    [start] = seat.journal.read()[0]
    say(me=os.getpid(), ends=ends(seat, 1), start=[start.id, start.pid, start.ticks])
    return 0

os.mkfifo(f"{folder}/gate")
os._exit(keeper.keep(seat(), supervise))
"""


@pytest.mark.parametrize("run", [_IN_A_START], indirect=True)
def test_a_start_under_way_is_its_process_and_not_what_that_left(run: Run) -> None:
    first = run.said()
    os.kill(first["me"], signal.SIGKILL)
    second = run.said()
    assert second["start"] == ["7", *first["job"]]
    assert second["ends"] == [[*first["job"], 5]]
    run.release("gate")
    run.rest()


_PATIENT = """
def supervise(seat):
    if seat.turn == 0:
        say(me=os.getpid(), mine=[job("a", "exit 3")])
        signal.pause()
    say(me=os.getpid(), turn=seat.turn)
    say(ends=ends(seat, 1))
    return 0

os._exit(keeper.keep(seat(), supervise))
"""


@pytest.mark.parametrize("run", [_PATIENT], indirect=True)
def test_term_and_hup_end_nobody(run: Run) -> None:
    first = run.said()
    for number in PATIENT:
        run.process.send_signal(number)
    os.kill(first["me"], signal.SIGKILL)
    assert run.said()["turn"] == 1
    for number in PATIENT:
        run.process.send_signal(number)
    run.release("a")
    assert run.said()["ends"][0][2] == 3
    run.rest()
    assert run.process.returncode == 0


def test_a_supervisor_that_cannot_be_forked_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([OSError(11, "Resource temporarily unavailable"), 4711])

    def fork() -> int:
        found = next(answers)
        if isinstance(found, OSError):
            raise found
        return found

    said: list[str] = []
    monkeypatch.setattr(keeper, "AGAIN", 0.0)
    monkeypatch.setattr(keeper.log, "say", said.append)
    monkeypatch.setattr(os, "fork", fork)
    assert keeper._fork(first=False) == 4711
    assert said == ["no supervisor can be started now: Resource temporarily unavailable"]


def test_the_first_supervisor_may_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fork() -> int:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    with pytest.raises(OSError, match="unavailable"):
        keeper._fork(first=True)
