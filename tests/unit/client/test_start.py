"""Starting a supervisor from a client."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from proctracker.client import start
from proctracker.errors import DrmCommunicationException, OutOfResourceException
from proctracker.linux import procfs
from proctracker.store import Home
from proctracker.wire import election, socketpath
from supervising import seat


def test_its_socket_is_there_when_it_says_so(home: Home) -> None:
    home.prepare()
    start.start(home, "main")
    socketpath.connect(home.socket("main")).close()
    first = election.holders(home.run, "main")
    start.start(home, "main")  # it is left to the one that is there
    assert set(election.holders(home.run, "main")) & set(first)


def test_a_clean_process(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from proctracker.client.client import Client

    monkeypatch.setenv("JOB_ID", "7")
    monkeypatch.setenv("PROCTRACKER_JOB", "of a job")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("LANG", "C.UTF-8")
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    client = Client(home, settings={"durability": "power"})
    pids = seat(client)
    os.close(write_end)
    assert os.read(read_end, 1) == b""
    os.close(read_end)
    for pid in pids:
        found = procfs.environ(pid) or {}
        assert (found[b"LANG"], found[b"PROCTRACKER_DURABILITY"]) == (b"C.UTF-8", b"power")
        assert {b"JOB_ID", b"SECRET_TOKEN", b"PROCTRACKER_JOB"}.isdisjoint(found)
        stat = procfs.stat(pid)
        assert stat is not None
        assert (stat.session, os.readlink(f"/proc/{pid}/cwd")) == (pids[0], "/")
    client.close()


def test_where_nothing_can_be_written(home: Home) -> None:
    home.prepare()
    os.rmdir(home.run)
    Path(home.run).touch()
    with pytest.raises(DrmCommunicationException, match=r"no supervisor could be started: .*run.*Not a directory"):
        start.start(home, "main")


def test_where_no_process_can_be_had(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.prepare()
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OutOfResourceException, match=r"No such file"):
        start.start(home, "main")
    assert len(os.listdir("/proc/self/fd")) == before


def test_one_that_ends_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.prepare()
    monkeypatch.setattr(sys, "executable", "/bin/true")
    with pytest.raises(DrmCommunicationException, match=r"it ended at once, see .*supervisor\.log"):
        start.start(home, "main")


@pytest.fixture
def gated(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a start waits at before it says anything; it is told of at once."""
    home.prepare()
    gate, script = tmp_path / "gate", tmp_path / "python"
    os.mkfifo(gate)
    script.write_text(f'#!/bin/sh\n(read x < {gate}; exec {sys.executable} "$@") &\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(start, "READY_WAIT", 0.01)
    return gate


def test_one_that_says_nothing(home: Home, gated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "GIVEN_UP", 0.01)
    with pytest.raises(DrmCommunicationException, match=r"no word from it in time"):
        start.start(home, "main")
    gated.write_text("go\n")


def test_one_that_takes_long_is_told_of_and_awaited(home: Home, gated: Path) -> None:
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        gated.write_text("go\n")

    start.start(home, "main", tell=tell)
    assert told == [f"the supervisor in {home.here} takes long to start: the disk or the machine is slow"]
    socketpath.connect(home.socket("main")).close()


def test_one_that_nobody_waits_for_serves_all_the_same(home: Home) -> None:
    home.prepare()
    starting = start.Starting(home, "main", "process")
    os.close(starting._read_end)
    os.waitpid(starting._pid, 0)
    # It has its claim from before it listens: the second one leaves it to the first, which cannot say that it is ready.
    start.start(home, "main")
    while not os.path.exists(home.socket("main")):
        start.start(home, "main")
    socketpath.connect(home.socket("main")).close()
    assert "Traceback" not in Path(home.here, "supervisor.log").read_text()


def test_the_command_after_an_upgrade(home: Home) -> None:
    argv = start.command(home, "main")
    assert (argv[0], argv[-3:]) == (sys.executable, [home.path, home.host, "main"])
    assert os.path.exists(os.path.join(argv[-4], "proctracker", "client", "start.py"))
