"""A socket and a lock that somebody removes while jobs live."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

from proctracker.client.client import Client
from proctracker.store import Home
from proctracker.supervisor.serving import presence
from proctracker.wire import election, socketpath
from supervising import Desk, kill, submit_to, waited


@pytest.fixture
def there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A supervisor that watches its names."""
    monkeypatch.setattr(presence, "SETTLE", 0.02)
    desk.service.presence.begin()
    return desk


def _connects(desk: Desk) -> bool:
    """Whether a client is taken in at the socket's name; the loop goes on turning until it is."""
    try:
        sock = socketpath.connect(desk.home.socket(desk.key))
    except OSError:
        return bool(desk.again())
    before = len(desk.service.server.connections)
    desk.until(lambda: len(desk.service.server.connections) > before)
    sock.close()
    return True


def test_a_removed_socket_is_made_anew(there: Desk) -> None:
    path = there.home.socket(there.key)
    waiting = socketpath.connect(path)
    os.unlink(path)
    assert there.until(lambda: _connects(there))
    assert os.stat(path).st_mode & 0o777 == 0o600
    waiting.close()


def test_another_file_in_its_place_goes(there: Desk) -> None:
    path = there.home.socket(there.key)
    with open(f"{path}.other", "w") as file:
        file.write("x")
    os.rename(f"{path}.other", path)
    assert there.until(lambda: _connects(there))


def test_a_removed_lock_is_locked_anew(there: Desk) -> None:
    path = election.lock_path(there.home.run, there.key)
    os.unlink(path)
    there.until(lambda: os.path.exists(path) or there.again())
    assert election.claim(there.home.run, there.key) is None
    assert os.getpid() in election.holders(there.home.run, there.key)


def test_a_removed_directory_is_made_anew(there: Desk) -> None:
    shutil.rmtree(there.home.run)
    assert there.until(lambda: _connects(there))
    assert os.stat(there.home.run).st_mode & 0o777 == 0o700
    assert election.claim(there.home.run, there.key) is None
    os.unlink(there.home.socket(there.key))  # the new directory is watched, too
    assert there.until(lambda: _connects(there))


def test_a_lock_that_another_one_has_taken_is_left_to_it(there: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    os.unlink(election.lock_path(there.home.run, there.key))
    claim = election.claim(there.home.run, there.key)
    assert claim is not None
    os.unlink(there.home.socket(there.key))
    there.service.presence.begin()
    assert "another supervisor has it now" in capfd.readouterr().err
    election.release(claim)


def test_a_home_that_is_just_being_removed_is_not_filled_again(there: Desk) -> None:
    os.unlink(there.home.database)
    os.unlink(there.home.socket(there.key))
    there.service.presence.begin()
    assert not os.path.exists(there.home.socket(there.key))


def test_a_removed_home_is_left_alone(there: Desk) -> None:
    shutil.rmtree(there.home.path)
    there.service.presence.begin()
    assert not os.path.exists(there.home.path)


def test_without_a_watch_it_looks_now_and_then(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: object) -> None:
        raise OSError(24, "too many")

    monkeypatch.setattr("proctracker.linux.inotify.Inotify.__init__", none)
    monkeypatch.setattr(presence, "LOOK_AGAIN", 0.01)
    desk.service.presence.begin()
    os.unlink(desk.home.socket(desk.key))
    assert desk.until(lambda: _connects(desk))


def test_it_is_not_made_anew_for_a_leave(there: Desk) -> None:
    there.service.departure.leave()
    there.service.presence.begin()
    assert not os.path.exists(there.home.socket(there.key))


def test_no_room_is_told_and_tried_again(
    there: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(path: str) -> socket.socket:
        monkeypatch.undo()
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(presence, "LOOK_AGAIN", 0.01)
    monkeypatch.setattr(socketpath, "listen", full)
    os.unlink(there.home.socket(there.key))
    there.service.presence.begin()
    assert "No space left on device: nobody can reach us" in capfd.readouterr().err


def test_the_next_supervisor_has_a_name_again(home: Home) -> None:
    client = Client(home)
    job = submit_to(client, "s", "sleep", "600")
    waited(client, job, states="started")
    before = client.call("status")["pid"]
    os.unlink(home.socket("main"))
    other = Client(home)
    assert other.call("status")["pid"] == before
    kill(before)
    assert other.call("status")["pid"] != before
    assert other.control([job], "terminate").done == [job]
    assert waited(other, job)[0].signal == "SIGTERM"
    for each in (client, other):
        each.close()
