"""Clients that send nonsense, send without end or never read: a real supervisor lives, small, and serves the others."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, cli
from e2e.day import kill, seat, submit
from proctracker.store import Home
from proctracker.wire import confinement, protocol, socketpath

_ROOM = 100 * 1024
"""KiB a supervisor may grow by: a request of the largest size, and what comes of it."""


def _memory(pid: int) -> int:
    """Resident KiB of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.fixture
def supervisor(home: Home) -> Iterator[tuple[int, int]]:
    """A living one: its pid, and KiB it has at first."""
    submit("--", "sleep", "600")
    pid = seat(home).supervisor
    yield pid, _memory(pid)
    assert cli("terminate", "--all", "--grace", "0").returncode == 0


@pytest.fixture
def line(home: Home, supervisor: tuple[int, int]) -> Iterator[Callable[[], socket.socket]]:
    """Makes connections that are greeted by nobody."""
    made: list[socket.socket] = []

    def make() -> socket.socket:
        made.append(socketpath.connect(home.socket(confinement.key())))
        made[-1].settimeout(LONG)
        return made[-1]

    yield make
    for sock in made:
        sock.close()


def _lives(home: Home, supervisor: tuple[int, int]) -> None:
    """The same supervisor serves the next client, and is no larger than it should be."""
    assert cli("run", "true").returncode == 0
    pid, before = supervisor
    assert seat(home).supervisor == pid
    assert _memory(pid) - before < _ROOM


def test_one_that_asks_and_never_reads(
    home: Home, supervisor: tuple[int, int], line: Callable[[], socket.socket]
) -> None:
    asked = protocol.encode({"op": "follow", "n": 1, "since": 0}) + protocol.encode({"op": "status", "n": 2}) * 1000
    sock = line()
    sock.settimeout(0.5)
    with suppress(OSError):
        for _ in range(2000):
            sock.sendall(asked)
    _lives(home, supervisor)


def test_one_that_follows_and_never_reads_misses_nothing_when_it_does(
    home: Home, supervisor: tuple[int, int], line: Callable[[], socket.socket]
) -> None:
    sock = line()
    sock.sendall(protocol.encode({"op": "follow", "n": 1, "since": 0}))
    with pt.job_session("many") as session:
        arrays = [session.run_bulk_jobs({"remote_command": "true", "submit_as_hold": True}, 1, 3000) for _ in range(5)]
        for array in arrays:
            array.terminate(grace=0)
    _lives(home, supervisor)
    stored = len(cli("events", "--json").stdout.splitlines())
    frames, seq, found = protocol.Frames(), 0, 0
    while found < stored:
        try:
            data = sock.recv(2**20)
        except ConnectionResetError:
            data = b""
        if not data:
            sock = line()
            sock.sendall(protocol.encode({"op": "follow", "n": 1, "since": seq}))
            frames = protocol.Frames()
            continue
        for message in frames.feed(data):
            if "push" in message:
                found, seq = found + len(message["items"]), message["seq"]
    assert found == stored


def test_halves_of_large_requests(home: Home, supervisor: tuple[int, int], line: Callable[[], socket.socket]) -> None:
    half = struct.pack(">I", protocol.REQUEST) + b" " * (protocol.REQUEST - 1)

    def send(sock: socket.socket) -> None:
        with suppress(OSError):
            sock.sendall(half)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(send, [line() for _ in range(6)]))
    _lives(home, supervisor)
    assert line().send(struct.pack(">I", 200 * 2**20)) == 4
    _lives(home, supervisor)


@pytest.mark.parametrize("body", [b'{"op":["a"],"n":1}', b"[" * 100_000, b'{"op":"wait","ids":' + b"[" * 100_000])
def test_nonsense(home: Home, supervisor: tuple[int, int], line: Callable[[], socket.socket], body: bytes) -> None:
    line().sendall(struct.pack(">I", len(body)) + body)
    _lives(home, supervisor)


def test_many_connections(home: Home, supervisor: tuple[int, int], line: Callable[[], socket.socket]) -> None:
    for _ in range(300):
        line()
    _lives(home, supervisor)


def test_a_job_no_supervisor_knows_the_runtime_of(home: Home) -> None:
    keep, bad = submit("--", "sleep", "600"), submit("--hold", "--", "true")
    kill(*seat(home))
    with sqlite3.connect(home.database) as db:
        db.execute("UPDATE jobs SET runtime='nosuch' WHERE id=?", (bad,))
    db.close()
    assert cli("run", "true").returncode == 0
    assert cli("wait", bad).returncode == 125
    [info] = json.loads(cli("info", "--json", bad).stdout)
    assert (info["job_state"], info["exit_status"], info["runtime"]) == ("FAILED", 125, "nosuch")
    assert info["annotation"].startswith("it cannot be handled: its record holds 'nosuch' as runtime")
    assert cli("ps", "-a").returncode == 0
    assert cli("reap", bad).returncode == 0
    assert cli("terminate", "--grace", "0", keep).returncode == 0
    assert os.path.exists(home.database)
