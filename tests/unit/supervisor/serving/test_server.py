"""Connections: pieces, floods, slow and foreign clients, descriptors."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from proctracker.errors import OutOfResourceException, from_wire
from proctracker.store import Home
from proctracker.supervisor.serving import connection as connection_module
from proctracker.supervisor.serving import server as module
from proctracker.supervisor.serving.server import refuse_all
from proctracker.wire import protocol, socketpath
from supervising import Desk

_STATUS = protocol.encode({"op": "status", "n": 1})


@pytest.fixture
def client(desk: Desk) -> Iterator[Callable[[], socket.socket]]:
    """Makes connections that are accepted."""
    made: list[socket.socket] = []

    def make() -> socket.socket:
        before = len(desk.service.server.connections)
        made.append(socketpath.connect(desk.home.socket(desk.key)))
        desk.until(lambda: len(desk.service.server.connections) > before)
        made[-1].setblocking(False)
        return made[-1]

    yield make
    for sock in made:
        sock.close()


def _answer(desk: Desk, sock: socket.socket) -> dict[str, Any]:
    """The next whole message; ``{}`` once the other end is closed."""
    frames = protocol.Frames()
    found: list[dict[str, Any]] = []

    def read() -> bool:
        try:
            data = sock.recv(2**20)
        except BlockingIOError:
            desk.again()
            return False
        found.extend(frames.feed(data) if data else [{}])
        return bool(found)

    desk.until(read)
    return dict(found[0])


def test_a_request_in_pieces(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    for at in range(len(_STATUS)):
        sock.send(_STATUS[at : at + 1])
        desk.here.loop.round()
    assert _answer(desk, sock)["ok"]["clients"] == 1


def test_several_requests_at_once(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    sock.send(_STATUS * 2 + protocol.encode({"op": "status", "n": 2}))
    frames = protocol.Frames()
    found: list[dict[str, Any]] = []
    while len(found) < 3:
        desk.again()
        desk.here.loop.round()
        with suppress(BlockingIOError):
            found += frames.feed(sock.recv(2**20))
    assert [each["n"] for each in found] == [1, 1, 2]


@pytest.mark.parametrize("rubbish", [b"\xff\xff\xff\xff", b"\0\0\0\2[]", b"\0\0\0\1x", b"GET / HTTP/1.1\r\n\r\n"])
def test_who_is_no_client_of_ours_is_left(desk: Desk, client: Callable[[], socket.socket], rubbish: bytes) -> None:
    other, sock = client(), client()
    sock.send(rubbish)
    assert _answer(desk, sock) == {}
    other.send(_STATUS)
    assert _answer(desk, other)["ok"]["clients"] == 1


def test_a_client_that_leaves(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    [connection] = desk.service.server.connections
    sock.close()
    desk.until(lambda: not desk.service.server.connections)
    assert not connection.open
    connection.send({"n": 1})
    connection.close()


def test_a_client_that_leaves_before_it_is_answered(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    [connection] = desk.service.server.connections
    sock.close()
    connection.send({"n": 1, "ok": "x" * 2**20})
    assert not connection.open


def test_a_slow_client_holds_up_nobody(desk: Desk, client: Callable[[], socket.socket]) -> None:
    slow, quick = client(), client()
    slow.send(protocol.encode({"op": "follow", "n": 1, "session": None}))
    assert _answer(desk, slow)["ok"] == {"seq": 0}
    big = "x" * 2**18
    receiver = desk.service.followers._followers[0].connection
    for number in range(20):
        receiver.send({"push": 1, "items": [[number, big]]})
    assert receiver._out
    quick.send(_STATUS)
    assert _answer(desk, quick)["ok"]["clients"] == 2
    frames = protocol.Frames()
    found: list[dict[str, Any]] = []

    def read() -> bool:
        try:
            found.extend(frames.feed(slow.recv(2**20)))
        except BlockingIOError:
            desk.again()
        return len(found) == 20

    desk.until(read)
    assert [each["items"][0] for each in found] == [[number, big] for number in range(20)]
    assert not receiver._out


def test_who_does_not_read_is_not_served_until_it_does(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    [connection] = desk.service.server.connections
    connection.send({"n": 1, "ok": "x" * (2 * connection_module.UNREAD)})
    sock.send(_STATUS * 100)
    for _ in range(5):
        desk.again()
        desk.here.loop.round()
    assert len(connection._out) < 2 * connection_module.UNREAD + 100
    frames = protocol.Frames()
    found: list[dict[str, Any]] = []

    def read() -> bool:
        with suppress(BlockingIOError):
            found.extend(frames.feed(sock.recv(2**20)))
        return len(found) == 101 or desk.again()

    desk.until(read)
    assert connection.open


def test_who_never_reads_is_left(
    desk: Desk, client: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "BACKLOG", 2**21)
    client()
    [connection] = desk.service.server.connections
    for _ in range(100):
        connection.send({"push": 1, "items": ["x" * 2**17]})
    assert not connection.open
    assert len(connection._out) < 2**21 + 2**18


def test_the_largest_half_of_a_request_goes_first(
    desk: Desk, client: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HALVES", 3 * 2**16)
    large, small = client(), client()
    half = struct.pack(">I", 2**20)
    small.send(half + b"x" * 2**16)
    large.send(half + b"x" * 2**17)
    desk.until(lambda: len(desk.service.server.connections) == 1)
    assert large.recv(1) == b""
    with pytest.raises(BlockingIOError):
        small.recv(1)


@pytest.mark.parametrize("size", [protocol.REQUEST + 1, 200 * 2**20, 2**32 - 1])
def test_a_request_that_is_too_large_is_left_at_its_first_bytes(
    desk: Desk, client: Callable[[], socket.socket], size: int
) -> None:
    sock = client()
    sock.send(struct.pack(">I", size))
    desk.until(lambda: not desk.service.server.connections)
    assert sock.recv(1) == b""


def test_more_clients_than_are_served_wait_their_turn(desk: Desk) -> None:
    desk.service.server._most = 2
    socks = [socketpath.connect(desk.home.socket(desk.key)) for _ in range(4)]
    for sock in socks:
        sock.setblocking(False)
        sock.send(_STATUS)
    for sock in socks:
        assert _answer(desk, sock)["ok"]["clients"] <= 2
        sock.close()


def test_a_request_that_fails_in_a_way_nobody_thought_of(
    desk: Desk, client: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("who would have thought")

    monkeypatch.setitem(desk.service.server.operations, "start", fail)
    sock = client()
    sock.send(protocol.encode({"op": "start", "n": 1}))
    assert _answer(desk, sock)["error"][:2] == ["InternalException", "RuntimeError: who would have thought"]
    assert "in fail" in capfd.readouterr().err


def test_a_slow_client_that_leaves(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    [connection] = desk.service.server.connections
    connection.send({"n": 1, "ok": "x" * 2**22})
    sock.close()
    desk.until(lambda: not connection.open)
    assert desk.service.server.connections == set()


def test_a_descriptor_that_nobody_takes_is_closed(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    read_end, write_end = os.pipe()
    socket.send_fds(sock, [_STATUS], [read_end])
    os.close(read_end)
    _answer(desk, sock)
    with pytest.raises(BrokenPipeError):
        os.write(write_end, b"x")
    os.close(write_end)


def test_another_user_is_not_served(
    desk: Desk, client: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client()

    def refuse(sock: socket.socket) -> None:
        raise PermissionError("another uid")

    sock = socketpath.connect(desk.home.socket(desk.key))
    sock.setblocking(False)
    monkeypatch.setattr(socketpath, "check_peer", refuse)
    assert _answer(desk, sock) == {}
    sock.close()
    monkeypatch.undo()
    first.send(_STATUS)
    assert _answer(desk, first)["ok"]["clients"] == 1


def test_closing_tells_all_clients(desk: Desk, client: Callable[[], socket.socket]) -> None:
    socks = [client(), client()]
    desk.service.server.close()
    for sock in socks:
        assert sock.recv(1) == b""


def test_whoever_waits_is_refused(home: Home) -> None:
    home.prepare()
    path = home.socket("main")
    listener = socketpath.listen(path)
    waiting = [socketpath.connect(path) for _ in range(3)]
    for sock in waiting[:2]:
        sock.send(_STATUS)
    waiting[2].close()
    refuse_all(listener.fileno(), OutOfResourceException("no room"), 0.0)
    for sock in waiting[:2]:
        (answer,) = protocol.Frames().feed(sock.recv(4096))
        with pytest.raises(OutOfResourceException, match="no room"):
            raise from_wire(answer["error"])
        assert sock.recv(1) == b""
        sock.close()
    listener.close()


def test_a_number_the_store_cannot_hold(desk: Desk, client: Callable[[], socket.socket]) -> None:
    sock = client()
    sock.send(
        protocol.encode({"op": "session_create", "n": 1, "name": "s", "contact": "process", "max_running": 2**70})
    )
    error = _answer(desk, sock)["error"]
    assert error[:2] == ["InvalidArgumentException", "session_create: max_running: a whole number is expected"]
    sock.send(_STATUS)
    assert _answer(desk, sock)["ok"]["live"] == 0
