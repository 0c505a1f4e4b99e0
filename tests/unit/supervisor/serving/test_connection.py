"""What is spoken with one client."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.serving.connection import Connection
from proctracker.wire import protocol


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket, list[dict[str, Any]]]]:
    """A connection, its client's socket, and the requests that came."""
    loop, (ours, theirs), came = Loop(), socket.socketpair(), []
    ours.setblocking(False)
    server = SimpleNamespace(
        serve=lambda connection, message: came.append(message),
        bound=lambda: None,
        taken=lambda: None,
        forget=lambda connection, fd: loop.forget(fd),
    )
    made = Connection(loop, server, ours)
    yield made, theirs, came
    made.close()
    theirs.close()
    loop.close()


def test_requests_come_whole(pair: tuple[Connection, socket.socket, list[dict[str, Any]]]) -> None:
    connection, client, came = pair
    data = protocol.encode({"n": 1, "op": "status"})
    client.send(data[:5])
    connection.read()
    assert (came, connection.held > 0) == ([], True)
    client.send(data[5:])
    connection.read()
    assert came == [{"n": 1, "op": "status"}]


def test_answers_carry_the_requests_number(pair: tuple[Connection, socket.socket, list[dict[str, Any]]]) -> None:
    connection, client, _ = pair
    connection.answer(4, True)
    assert list(protocol.Frames().feed(client.recv(4096))) == [{"n": 4, "ok": True}]
    assert not connection.behind


def test_who_has_left_is_sent_nothing(pair: tuple[Connection, socket.socket, list[dict[str, Any]]]) -> None:
    connection, client, _ = pair
    client.close()
    connection.read()
    assert not connection.open
    connection.answer(1, True)
