"""Unix sockets at paths of any length."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proctracker.wire import socketpath


@pytest.fixture(params=["s", "/".join(["long" * 20] * 3) + "/s"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A short path, and one that no sockaddr_un holds."""
    found = tmp_path / str(request.param)
    found.parent.mkdir(parents=True, exist_ok=True)
    return str(found)


def test_connects_and_names_the_peer(path: str) -> None:
    with socketpath.listen(path) as listener, socketpath.connect(path, timeout=5) as client:
        server, _ = listener.accept()
        with server:
            client.sendall(b"hello")
            assert server.recv(5) == b"hello"
            assert socketpath.peer(server) == (os.getpid(), os.getuid(), os.getgid())
            socketpath.check_peer(server)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(path)) == [os.path.basename(path)]


def test_a_stale_socket_is_replaced(path: str) -> None:
    socketpath.listen(path).close()
    with pytest.raises(ConnectionRefusedError):
        socketpath.connect(path)
    with socketpath.listen(path), socketpath.connect(path, timeout=5) as client:
        assert client.gettimeout() == 5


def test_nobody_there(path: str) -> None:
    with pytest.raises(FileNotFoundError):
        socketpath.connect(path)


def test_a_missing_directory_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        socketpath.listen(str(tmp_path / "missing" / "s"))
    assert os.listdir(tmp_path) == []


def test_another_users_socket_is_refused(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socketpath.listen(path):
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(PermissionError, match="belongs to uid"):
            socketpath.connect(path)


def test_unlink_is_fine_with_nothing(path: str) -> None:
    socketpath.unlink(path)
    socketpath.listen(path).close()
    socketpath.unlink(path)
    assert not os.path.exists(path)


def test_nothing_is_inherited(path: str) -> None:
    with socketpath.listen(path) as listener, socketpath.connect(path) as client:
        assert not listener.get_inheritable()
        assert not client.get_inheritable()
        assert client.family == socket.AF_UNIX


def test_a_full_queue_is_waited_for(path: str) -> None:
    full = pytest.raises(TimeoutError, match="does not accept")
    with socketpath.listen(path, backlog=0), socketpath.connect(path), full:
        socketpath.connect(path, timeout=0.05)


def test_a_full_queue_that_empties_lets_us_in(path: str) -> None:
    with socketpath.listen(path, backlog=0) as listener, ThreadPoolExecutor(1) as pool:
        clients = [socketpath.connect(path)]
        second = pool.submit(socketpath.connect, path, 10)
        servers = [listener.accept()[0], listener.accept()[0]]
        clients.append(second.result())
        assert clients[1].gettimeout() == 10
        for each in (*clients, *servers):
            each.close()
