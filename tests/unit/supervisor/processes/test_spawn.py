"""Starting a process with exactly what it was to have."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import oomscore, procfs, softlimits
from proctracker.runtimes.base import Launch
from proctracker.supervisor.base.journal import Journal, Opening
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.processes.spawn import StartFailed, StartLater, Surroundings

_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
_SAME = Surroundings()
_OTHER = Surroundings(nice=os.getpriority(os.PRIO_PROCESS, 0) + 1)


@pytest.fixture(params=[_SAME, _OTHER], ids=["quick way", "slow way"])
def way(request: pytest.FixtureRequest) -> Surroundings:
    """Surroundings as our own, and others, which take another way."""
    assert isinstance(request.param, Surroundings)
    return request.param


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, for us and for the jobs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _start(argv: list[str], around: Surroundings = _SAME, env: dict[str, str] | None = None, **plan: Any) -> int:
    launch = Launch("supervised", tuple(argv), **{"directory": os.getcwd(), **plan})
    mine = os.getcwd()
    try:
        return spawn.spawn(launch, _ENV if env is None else env, around.umask, spawn.differs(spawn.own(), around))
    finally:
        os.chdir(mine)


def _run(
    argv: list[str], around: Surroundings = _SAME, env: dict[str, str] | None = None, **plan: Any
) -> tuple[int, str]:
    """Exit status and standard output."""
    out = Path(plan.setdefault("stdout", os.path.join(os.getcwd(), "out")))
    pid = _start(argv, around, env, **plan)
    status = os.waitpid(pid, 0)[1]
    return os.WEXITSTATUS(status), os.fsdecode(out.read_bytes())


def _fds() -> set[str]:
    """What is open, less the directory listed to know."""
    paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return {f"{path} {os.readlink(path)}" for path in paths if os.path.lexists(path)}


def test_it_leads_a_session_of_its_own(way: Surroundings) -> None:
    pid = _start(["sh", "-c", "read x < gate"])
    found = procfs.stat(pid)
    assert found is not None
    assert (found.session, found.pgrp, found.ppid) == (pid, pid, os.getpid())
    assert spawn.ticks(pid) == found.ticks
    os.waitpid(pid, 0)
    assert spawn.ticks(pid) == 0


def test_environment_and_directory_are_its_own(way: Surroundings, here: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    folder = here / odd
    folder.mkdir()
    env = {**_ENV, "A": odd, "B": "x=y\nz"}
    assert _run(["env"], way, env)[1] == f"PATH={_ENV['PATH']}\nA={odd}\nB=x=y\nz\n"
    assert _run(["sh", "-c", "pwd; printf %s $1", "sh", odd], way, directory=str(folder)) == (0, f"{folder}\n{odd}")


def test_nothing_but_three_descriptors(way: Surroundings, here: Path) -> None:
    before = _fds()
    read_end, write_end = os.pipe()
    inherited = {fd for fd in os.listdir("/proc/self/fd") if os.path.lexists(f"/proc/self/fd/{fd}")}
    inherited = {fd for fd in inherited if os.get_inheritable(int(fd))}
    found = set(_run(["ls", "/proc/self/fd"], way)[1].split())
    assert found >= {"0", "1", "2"}
    assert len(found - inherited - {"0", "1", "2"}) == 1  # ls itself has opened the directory
    os.close(read_end)
    os.close(write_end)
    assert _fds() == before


@pytest.mark.usefixtures("here")
def test_signals_are_at_their_defaults_and_unblocked(way: Surroundings) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP, signal.SIGTERM])
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        text = _run(["cat", "/proc/self/status"], way)[1]
    finally:
        signal.signal(signal.SIGINT, old)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGHUP, signal.SIGTERM])
    masks = dict(line.split(":\t") for line in text.splitlines() if line.startswith("Sig"))
    the_c_librarys = 1 << 31 | 1 << 32
    assert (int(masks["SigBlk"], 16), int(masks["SigIgn"], 16) & ~the_c_librarys) == (0, 0)


@pytest.mark.parametrize("umask", [0o077, 0o002])
def test_the_umask_counts_for_job_and_output(way: Surroundings, here: Path, umask: int) -> None:
    mine = os.umask(0o022)
    for wanted in (umask, 0o007, umask):
        (here / "out").unlink(missing_ok=True)
        code, text = _run(["sh", "-c", "umask"], way._replace(umask=wanted))
        assert (code, int(text, 8)) == (0, wanted)
        assert stat.S_IMODE((here / "out").stat().st_mode) == 0o666 & ~wanted
    os.umask(mine)


def test_limits() -> None:
    limits = {"NOFILE": (50, 60), "CORE": (0, 0), "NOSUCH": (1, 1)}
    assert _run(["sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -c"], Surroundings(limits=limits)) == (0, "50\n60\n0\n")


def test_soft_limits_are_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*args: object) -> int:
        raise AssertionError("a fork costs more than a few system calls")

    monkeypatch.setattr(spawn, "_fork", slow)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    around = Surroundings(limits={"NOFILE": (300, before[1])})
    assert _run(["sh", "-c", "ulimit -Sn"], around) == (0, "300\n")
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_a_soft_limit_below_our_own_descriptors() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(80)]
    try:
        around = Surroundings(limits={"NOFILE": (50, before[1])})
        assert _run(["sh", "-c", "ulimit -Sn"], around) == (0, "50\n")
        assert softlimits.of_engines(around.limits) == {}
    finally:
        for fd in held:
            os.close(fd)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_the_journal_is_not_written_under_a_jobs_limits() -> None:
    limits = {"FSIZE": (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])}
    journal = Journal()
    launch = Launch("supervised", ("sh", "-c", "exit $(ulimit -Sf)"), directory=os.getcwd())
    more = spawn.differs(spawn.own(), Surroundings(limits=limits))
    pid = spawn.spawn(launch, _ENV, None, more, opening=Opening(journal, "1", 1))
    assert os.waitpid(pid, 0)[1] == 0
    [start] = journal.read()[0]
    assert (start.id, start.pid) == ("1", pid)


def test_nice() -> None:
    assert _OTHER.nice is not None
    assert _run(["nice"], _OTHER)[1] == f"{_OTHER.nice}\n"


def test_affinity() -> None:
    cpu = max(os.sched_getaffinity(0))
    script = "import os; print(sorted(os.sched_getaffinity(0)))"
    assert _run([sys.executable, "-c", script], _OTHER._replace(affinity=[cpu]))[1] == f"[{cpu}]\n"


def test_the_oom_killers_score(way: Surroundings) -> None:
    own = oomscore.read()
    assert _run(["cat", oomscore.PATH], way._replace(oom=900))[1] == "900\n"
    assert _run(["cat", oomscore.PATH], way)[1] == f"{own}\n"
    # Lower than one may: it starts all the same, with what we have.
    assert _run(["cat", oomscore.PATH], way._replace(oom=-1000))[1] in ("-1000\n", f"{own}\n")
    with pytest.raises(StartFailed):
        _start(["/nowhere"], way._replace(oom=900))
    assert oomscore.read() == own


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone sets groups")
def test_groups() -> None:
    assert _run(["id", "-G"], Surroundings(groups=[12345, os.getgid()]))[1].split() == [str(os.getgid()), "12345"]
    assert _run(["id", "-G"], Surroundings(groups=[]))[1].split() == [str(os.getgid())]


def test_only_what_differs_is_set() -> None:
    mine = spawn.own()
    same = Surroundings(0o77, dict(mine.limits), mine.nice, sorted(mine.affinity), sorted(mine.groups), mine.oom)
    assert spawn.differs(mine, same) is None
    assert spawn.differs(mine, Surroundings(0o22)) is None
    assert spawn.differs(mine, same._replace(groups=[*mine.groups, 4242])) == Surroundings(
        0o77, {}, None, None, [*mine.groups, 4242]
    )
    assert spawn.differs(mine, same._replace(limits={**mine.limits, "CPU": [5, 6]})) == Surroundings(
        0o77, {"CPU": (5, 6)}
    )
    assert spawn.differs(mine, same._replace(oom=900)) == Surroundings(0o77, {}, oom=900)
    assert mine.limits["NOFILE"] == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_streams(way: Surroundings, here: Path) -> None:
    (here / "in").write_text("given\n")
    (here / "out").write_text("a long text that was there before\n")
    script = "cat; echo error >&2; echo more"
    assert _run(["sh", "-c", script], way, stdin="in", stdout="out", stderr="err") == (0, "given\nmore\n")
    assert (here / "err").read_text() == "error\n"
    assert _run(["sh", "-c", script], way, stdout="out", stderr="out", append=True) == (0, "given\nmore\nerror\nmore\n")
    assert _run(["sh", "-c", script], way, stdout="out", stderr="out") == (0, "error\nmore\n")


def test_no_streams_are_nothing(way: Surroundings) -> None:
    assert os.waitpid(_start(["sh", "-c", "cat; echo x; echo y >&2"], way), 0)[1] == 0


def test_descriptors_that_were_handed_over(way: Surroundings, here: Path) -> None:
    gates = [os.pipe(), os.pipe()]
    os.write(gates[0][1], b"piped")
    os.close(gates[0][1])
    before = _fds()
    given: dict[str | None, int] = {"<passed>": gates[0][0], "shared": gates[1][1]}
    for out, err in (("out", "err"), ("shared", "shared")):
        argv = ("sh", "-c", "cat; echo end >&2")
        launch = Launch("supervised", argv, directory=str(here), stdin="<passed>", stdout=out, stderr=err)
        os.waitpid(spawn.spawn(launch, _ENV, way.umask, spawn.differs(spawn.own(), way), given), 0)
    assert (here / "out").read_text() == "piped"
    assert os.read(gates[1][0], 99) == b"end\n"
    assert not (here / "shared").exists()
    assert _fds() == before
    for fd in (gates[0][0], *gates[1]):
        os.close(fd)


def test_a_fifo_as_input_does_not_hold_us_up(way: Surroundings, here: Path) -> None:
    os.mkfifo(here / "fifo")
    assert _run(["cat"], way, stdin="fifo") == (0, "")
    writer = os.open(here / "fifo", os.O_RDWR)
    pid = _start(["head", "-n1"], way, stdin="fifo", stdout="out")
    os.write(writer, b"late\n")
    os.waitpid(pid, 0)
    os.close(writer)
    assert (here / "out").read_text() == "late\n"


def _make(name: str, text: str, mode: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    return make


def _nothing(folder: Path) -> None:
    """Needs nothing."""


@pytest.mark.parametrize(
    ("argv", "status", "reason", "make"),
    [
        (["nosuch-command"], 127, "nosuch-command: command not found", _nothing),
        (["sleep 5 | cat"], 127, "command not found (it holds shell characters: try sh -c '…')", _nothing),
        (["sleep 5"], 127, "(it holds shell characters: try sh -c '…')", _nothing),
        (["./nosuch"], 127, "./nosuch: no such file", _nothing),
        (["/etc/passwd/x"], 127, "no such file", _nothing),
        (["bin/tool"], 126, "bin/tool: not executable (chmod +x it, or name its", _make("bin/tool", "#!/bin/sh\n", 0o644)),
        (["tool"], 126, "tool: not executable", _make("bin/tool", "#!/bin/sh\n", 0o644)),
        (["/"], 126, "/: is a directory", _nothing),
        (["tool"], 126, "(no #! line: name its interpreter)", _make("bin/tool", "echo hi\n", 0o755)),
        (["tool"], 127, "(its interpreter, the first line's, is missing)", _make("bin/tool", "#!/no/such\n", 0o755)),
        (["echo", "x" * 200_000], 126, "(one argument may have 128 KiB, all with the", _nothing),
    ],
)  # fmt: skip
def test_a_command_that_cannot_be(
    way: Surroundings, here: Path, argv: list[str], status: int, reason: str, make: Callable[[Path], None]
) -> None:
    make(here)
    before = _fds()
    with pytest.raises(StartFailed) as caught:
        _start(argv, way, {"PATH": f"bin:{_ENV['PATH']}"}, directory=str(here))
    assert caught.value.status == status
    assert reason in caught.value.reason
    assert _fds() == before


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ({"directory": "/nosuch"}, "working directory /nosuch: No such file or directory"),
        ({"stdin": "nosuch"}, "nosuch: No such file or directory"),
        ({"stdout": "nosuch/out"}, "nosuch/out: No such file or directory"),
        ({"stdout": "out", "stderr": "/"}, "/: Is a directory"),
        ({"stdout": "fifo"}, "fifo: No such device or address"),
    ],
)
def test_what_keeps_a_command_from_starting(way: Surroundings, here: Path, plan: dict[str, Any], reason: str) -> None:
    os.mkfifo(here / "fifo")
    before = _fds()
    with pytest.raises(StartFailed) as caught:
        _start(["/bin/echo"], way, **plan)
    assert caught.value.status == 125
    assert reason in caught.value.reason
    assert _fds() == before


@pytest.mark.parametrize(
    ("around", "reason"),
    [
        (Surroundings(limits={"NOFILE": (100, 50)}), "limit-NOFILE: "),
        (Surroundings(affinity=[4095]), "affinity: Invalid argument"),
    ],
)
def test_surroundings_that_cannot_be(around: Surroundings, reason: str) -> None:
    with pytest.raises(StartFailed) as caught:
        _start(["true"], around)
    assert caught.value.status == 125
    assert caught.value.reason.startswith(reason)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOMEM])
def test_too_many_processes_is_for_later(way: Surroundings, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*args: Any, **more: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_spawn", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    before = _fds()
    with pytest.raises(StartLater, match=os.strerror(number)):
        _start(["true"], way)
    assert _fds() == before
