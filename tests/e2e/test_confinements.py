"""Shells with other limits, and shells in cages, over one state directory: whose supervisor starts and controls which job."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from contract.kit import LONG, until
from e2e.day import PROGRAM
from proctracker.store import Home, Reader
from proctracker.wire import election

ORDINARY = ["setpriv", "--bounding-set=-sys_nice,-sys_resource"] if os.geteuid() == 0 else []
"""What makes a command as little able to raise limits as an ordinary user's."""

LIMITED = {
    "nice": ["nice", "-n", "10"],
    "files": ["sh", "-c", 'ulimit -n 512; exec "$@"', "sh"],
    "cpu": ["sh", "-c", 'ulimit -t 1000; exec "$@"', "sh"],
    "memory": ["sh", "-c", 'ulimit -v 4000000; exec "$@"', "sh"],
}
"""What the first shell is; hard limits among it."""

DENIED = [sys.executable, str(Path(__file__).parent.parent / "nopidfd.py")]

_POWERLESS = ["setpriv", "--securebits=+noroot"]

_CAPABILITIES = {
    "bounding set": (["setpriv", "--bounding-set=-all"], "CapBnd"),
    "effective set": (_POWERLESS, "CapEff"),
    "ambient set": ([*_POWERLESS, "--inh-caps=+net_raw", "--ambient-caps=+net_raw"], "CapAmb"),
}

CAGES = {
    "no_new_privs": (["setpriv", "--no-new-privs"], "NoNewPrivs"),
    "seccomp": (DENIED, "Seccomp"),
    **(_CAPABILITIES if os.geteuid() == 0 else {}),
}

SLEEP = ["--", "sleep", "600"]

WAITS = """
import asyncio, sys
import proctracker as pt
first, second, own = (pt.open_monitoring_session().get_all_jobs({"job_id": name})[0] for name in sys.argv[1:])
session = pt.open_job_session("default")
jobs = {job.job_id: job for job in session.get_jobs()}
first, second, own = (jobs[name] for name in sys.argv[1:])
assert session.wait_any_started([first, own], 30) in (first, own)
own.suspend(), first.suspend()
own.resume(), first.resume()
first.terminate()
assert session.wait_any_terminated([own, first], 30) == first
assert first.wait_terminated(30).terminating_signal == "SIGTERM"
second.terminate()
own.terminate()

async def ends():
    return await asyncio.wait_for(asyncio.gather(second, own), 30)

assert [info.job_state.name for info in asyncio.run(ends())] == ["FAILED", "FAILED"]
session.wait_all_terminated([first, second, own], 30)
assert {job.job_id for job in pt.as_completed([first, second, own])} == set(sys.argv[1:])
"""


def _run(*words: str, how: Sequence[str] = (), code: int = 0) -> str:
    """A ``proctracker`` command of an ordinary user's; what it printed."""
    return _called([*ORDINARY, *how, *PROGRAM, *words], code)


def _called(words: Sequence[str], code: int = 0) -> str:
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout.strip()


def _keepers(home: Home, *jobs: str) -> list[str]:
    """The supervisors that jobs belong to."""
    reader = Reader(home)
    found = [row.keeper for name in jobs for row in reader.jobs([name])]
    reader.close()
    return found


@pytest.mark.parametrize("limited", LIMITED)
def test_controls_and_waits_go_to_the_jobs_own_supervisor(home: Home, limited: str) -> None:
    how = LIMITED[limited]
    job, ended, held = (_run("submit", *more, how=how) for more in (SLEEP, ["--", "true"], ["--hold", *SLEEP]))
    array = _run("array", "1-2", *SLEEP, how=how)
    own = _run("submit", *SLEEP)
    assert len({*_keepers(home, job, held, f"{array}_1")}) == 1
    assert len({*_keepers(home, job, own)}) == 2
    assert _run("wait", ended) == ""
    assert _run("wait", "--any", own, ended, array) == ended
    _run("wait", "--started", job, own, array)
    for action in ("suspend", "resume"):
        _run(action, job, own)
        _run(action, array)
    _run("release", held)
    _run("wait", "--started", held)
    _run("terminate", held, array)
    assert _run("wait", "--all", "--timeout", "0.2", code=124) == ""
    _run("terminate", job, own)
    assert _run("wait", "--all", code=143) == ""
    assert _run("logs", "-f", job, held, own) == ""
    assert {row.split()[2] for row in _run("ps", "-a", "--state", "RUNNING,QUEUED").splitlines()[1:]} == set()


def test_logs_follow_a_job_of_another_supervisor(home: Home, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    job = _run("submit", "--", "sh", "-c", f"echo first; read x < {gate}; echo last", how=LIMITED["nice"])
    with subprocess.Popen([*ORDINARY, *PROGRAM, "logs", "-f", job], stdout=subprocess.PIPE, text=True) as logs:
        assert logs.stdout is not None
        assert logs.stdout.readline() == "first\n"
        gate.write_text("go\n")
        assert logs.communicate(timeout=LONG)[0] == "last\n"


def test_the_librarys_waits(home: Home) -> None:
    jobs = [_run("submit", *SLEEP, how=LIMITED["nice"]) for _ in range(2)]
    jobs.append(_run("submit", *SLEEP))
    assert len({*_keepers(home, *jobs)}) == 2
    _called([*ORDINARY, sys.executable, "-c", WAITS, *jobs])


AWAITED = {
    "wait": "job.wait_terminated(30)",
    "any": "session.wait_any_terminated([job], 30)",
    "await": "asyncio.run(asyncio.wait_for(ended(), 30))",
    "as_completed": "list(pt.as_completed([job]))",
}
FIRST = {
    **AWAITED,
    "suspend": "job.suspend(), job.resume()",
    "terminate": "job.terminate(), job.wait_terminated(30)",
}
"""What a program does first, with a job of the only supervisor there is."""


@pytest.mark.parametrize("first", FIRST)
def test_a_program_that_finds_another_shells_supervisor_alone(home: Home, first: str) -> None:
    seconds = "1.5" if first in AWAITED else "60"
    _run("submit", "--", "sleep", seconds, how=LIMITED["nice"])
    script = (
        "import asyncio\nimport proctracker as pt\nsession = pt.open_job_session('default')\n"
        f"[job] = session.get_jobs()\nasync def ended(): return await job\n{FIRST[first]}"
    )
    _called([*ORDINARY, sys.executable, "-c", script])


@pytest.mark.parametrize("how", ["--terminate", "--leave"])
def test_a_session_is_destroyed_whichever_supervisors_jobs_it_holds(home: Home, how: str) -> None:
    theirs = _run("submit", "-s", "night", *SLEEP, how=LIMITED["nice"])
    held = _run("submit", "-s", "night", "--hold", *SLEEP, how=LIMITED["nice"])
    ours = _run("submit", "-s", "night", *SLEEP)
    _run("wait", "--started", theirs, ours)
    assert len({*_keepers(home, theirs, ours)}) == 2
    _run("session", "destroy", "night", code=1)
    _run("session", "destroy", "night", how)
    assert _keepers(home, theirs, held, ours) == []


def _field(text: str, name: str) -> str:
    """A field of a status file."""
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name}:"))


@pytest.mark.parametrize("cage", CAGES)
@pytest.mark.parametrize("caged_first", [True, False], ids=["caged first", "ordinary first"])
def test_a_job_keeps_its_submitters_cage(home: Home, cage: str, caged_first: bool) -> None:
    how, field = CAGES[cage]
    show = ["run", "--", "cat", "/proc/self/status"]
    with open("/proc/self/status", encoding="ascii") as file:
        ordinary = _field(file.read(), field)
    caged = _field(_called([*how, "cat", "/proc/self/status"]), field)
    assert caged != ordinary
    sleeper = _called([*(how if caged_first else []), *PROGRAM, "submit", *SLEEP])
    for prefix, expected in ((how, caged), ([], ordinary), (how, caged), ([], ordinary)):
        assert _field(_called([*prefix, *PROGRAM, *show]), field) == expected
    # Both reach the job, whichever supervisor it has.
    for number, prefix in enumerate(([], how)):
        _called([*prefix, *PROGRAM, ("suspend", "resume")[number], sleeper])
    _called([*([] if caged_first else how), *PROGRAM, "terminate", sleeper])
    _called([*how, *PROGRAM, "wait", sleeper], 143)


def test_a_supervisor_started_from_a_cage_for_others_jobs_starts_none(home: Home) -> None:
    first = _called([*PROGRAM, "submit", "--hold", "--", "grep", "NoNewPrivs", "/proc/self/status"])
    [key] = _keepers(home, first)
    pids = election.holders(home.run, key)
    assert len(pids) == 2
    for number in (19, 9):
        for pid in pids:
            os.kill(pid, number)
    until(lambda: not election.holders(home.run, key), "their end")
    caged = ["setpriv", "--no-new-privs"]
    _called([*caged, *PROGRAM, "release", first])
    _called([*caged, *PROGRAM, "wait", "--timeout", "0.3", first], 124)
    _called([*PROGRAM, "session", "start"])
    _called([*PROGRAM, "wait", first])
    assert _called([*PROGRAM, "logs", first]).split() == ["NoNewPrivs:", "0"]


def test_a_program_that_puts_itself_into_a_cage(home: Home) -> None:
    script = """
import ctypes
import proctracker as pt
show = ["grep", "NoNewPrivs", "/proc/self/status"]
print(pt.run(show, capture_output=True).stdout.split()[1].decode())
ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)
print(pt.run(show, capture_output=True).stdout.split()[1].decode())
"""
    assert _called([sys.executable, "-c", script]).split() == ["0", "1"]


def test_the_first_callers_soft_limits_are_not_everybodys(home: Home, tmp_path: Path) -> None:
    soft = ["sh", "-c", 'ulimit -S -f 200; ulimit -S -n 20; ulimit -S -t 900; exec "$@"', "sh"]
    show = ["run", "--", "sh", "-c", "ulimit -Sf; ulimit -Sn; ulimit -St"]
    assert _run(*show, how=soft).split() == ["200", "20", "900"]
    mine = _called([*ORDINARY, "sh", "-c", "ulimit -Sf; ulimit -Sn; ulimit -St"])
    assert _run(*show) == mine
    # More than those limits would allow: connections, and a store beyond 100 KiB.
    items = tmp_path / "items"
    items.write_text("".join(f"{number} {'x' * 2000}\n" for number in range(100)))
    array = _run("array", "--over", str(items), "--", "true")
    assert _run("wait", array) == ""
    [key] = {*_keepers(home, _run("submit", "--hold", *SLEEP))}
    for pid in election.holders(home.run, key):
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limits = {line[:26].strip(): line[26:].split()[:2] for line in file}
        assert limits["Max open files"][0] == limits["Max open files"][1]
        assert limits["Max file size"][0] == limits["Max file size"][1]


@pytest.mark.parametrize(
    ("limit", "told"), [("-n 20", "open files (ulimit -Hn) is 20"), ("-f 200", "(ulimit -Hf) is 100")]
)
def test_what_a_hard_limit_forbids_is_named(home: Home, limit: str, told: str) -> None:
    how = ["sh", "-c", f'ulimit {limit}; exec "$@"', "sh"]
    words = [*ORDINARY, *how, *PROGRAM, "submit", *SLEEP]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    _run("run", "--", "true")


def test_a_sessions_limit_is_told_to_every_supervisor(home: Home) -> None:
    _run("session", "create", "night", "--max-running", "1", how=LIMITED["nice"])
    first, second = (_run("submit", "-s", "night", *SLEEP, how=LIMITED["nice"]) for _ in range(2))
    third = _run("submit", "-s", "night", *SLEEP)
    assert len({*_keepers(home, first, second, third)}) == 2
    _run("wait", "--started", first)
    _run("wait", "--started", "--any", "--timeout", "0.2", second, third, code=124)
    _run("session", "set", "night", "max_running=3")
    _run("wait", "--started", second, third)


def test_events_of_every_supervisors_jobs(home: Home) -> None:
    held = _run("submit", "--hold", *SLEEP, how=LIMITED["nice"])
    with subprocess.Popen([*ORDINARY, *PROGRAM, "events", "-f"], stdout=subprocess.PIPE, text=True) as events:
        assert events.stdout is not None
        try:
            assert "QUEUED_HELD" in events.stdout.readline()
            _run("terminate", held)
            assert f"{held}  FAILED (terminated)" in events.stdout.readline()
        finally:
            events.kill()
