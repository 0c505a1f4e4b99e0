"""Supervisors for unit tests: one that many share, as starting one for each would take most of the time, and ones in this process."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

import proctracker as pt
from conftest import close
from mill import Mill
from proctracker import runtimes
from proctracker.client.client import Client
from proctracker.linux import netfs
from proctracker.runtimes.runtime import Runtime
from proctracker.store import Home
from proctracker.supervisor.control import clocks
from proctracker.supervisor.running import batchjobs, exitrecords, pacer, remains
from supervising import Boxes, Desk

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER, prctl(2)."""


@pytest.fixture(scope="session")
def served_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose supervisor, once started, serves every test that asks for ``served``."""
    made = Home(str(tmp_path_factory.mktemp("served")))
    yield made
    close(made)


@pytest.fixture
def served(served_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The same in PROCTRACKER_HOME; tests share it, so each uses sessions of its own."""
    monkeypatch.setenv("PROCTRACKER_HOME", served_home.path)
    return served_home


@pytest.fixture
def session(served: Home) -> Iterator[pt.JobSession]:
    """A session of this test's own; its jobs end with it."""
    name = f"s{uuid4().hex[:8]}"
    yield pt.create_job_session(name)
    if name in pt.get_job_session_names():
        pt.destroy_job_session(name, live="terminate")


@pytest.fixture
def refused_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """From when it is asked for on, a network file system over quota refuses what was written at fsync(2) and close(2)."""
    closed = os.close

    def written(fd: int) -> bool:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
        return regular and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY and os.fstat(fd).st_nlink > 0

    def fsync(fd: int) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    def close(fd: int) -> None:
        late = written(fd)
        closed(fd)
        if late:
            fsync(fd)

    monkeypatch.setattr(netfs, "file_system", lambda path: "nfs")
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "close", close)


@pytest.fixture
def client(served: Home) -> Iterator[Client]:
    """One of the supervisor that many tests share."""
    made = Client(served)
    yield made
    made.close()


@pytest.fixture
def name(client: Client) -> Iterator[str]:
    """A session of this test's own."""
    made = f"c{uuid4().hex[:8]}"
    client.call("session_create", name=made, contact="process")
    yield made
    client.call("session_destroy", name=made, live="terminate")


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A supervisor goes to /, sets signal handlers and may become a subreaper: all is as before in the end."""
    monkeypatch.chdir(tmp_path)
    old = {number: signal.getsignal(number) for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGIO)}
    yield
    ctypes.CDLL(None).prctl(_SUBREAPER, 0, 0, 0, 0)
    signal.set_wakeup_fd(-1)
    for number, handler in old.items():
        signal.signal(number, handler)


@pytest.fixture
def desks(clean: None, tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Makes supervisors in this process, over one state directory."""
    made: list[Desk] = []

    def make(**options: object) -> Desk:
        made.append(Desk(Home(str(tmp_path / "state")), **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for desk in reversed(made):
        desk.close()


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    """One that serves."""
    made = desks()
    made.service.server.open()
    return made


@pytest.fixture
def mill(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mill:
    """The runtime ``mill``, a scheduler that is looked at often."""
    made, real = Mill(tmp_path), runtimes.get
    monkeypatch.setattr(runtimes, "get", lambda name: made if name == "mill" else real(name))
    for module, name, seconds in (
        (pacer, "FIRST", 0.02),
        (pacer, "LEAST", 0.05),
        (pacer, "MOST", 0.1),
        (batchjobs, "LEAST", 0.05),
        (exitrecords, "PERIOD", 0.02),
    ):
        monkeypatch.setattr(module, name, seconds)
    return made


@pytest.fixture
def boxes(monkeypatch: pytest.MonkeyPatch) -> Boxes:
    """The runtime ``boxes``."""
    made, real = Boxes(), runtimes.get

    def get(name: str) -> Runtime:
        return made if name == "boxes" else real(name)  # type: ignore[return-value]

    monkeypatch.setattr(runtimes, "get", get)
    monkeypatch.setattr(remains, "SETTLED", 0.05)
    monkeypatch.setattr(remains, "AGAIN", 0.01)
    monkeypatch.setattr(clocks, "FINISH", {True: 0.05, False: 0.05})
    return made


@pytest.fixture
def old(desks: Callable[..., Desk]) -> Desk:
    """One that is going to be killed."""
    return desks()


@pytest.fixture
def follow(desks: Callable[..., Desk], old: Desk) -> Callable[..., Desk]:
    """Ends the old one as a kill does, and has the next one take over."""

    def make(turn: int = 1, boot: str | None = None) -> Desk:
        old.close(kill=False)
        made = desks(seat=old.seat, turn=turn)
        made.seat.keeper = os.getpid()  # whose children the test's are
        made.here.boot = boot or made.here.boot
        return made.recover()

    return make
