"""Finding, greeting and, on demand, starting a supervisor."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from proctracker.client import link
from proctracker.client import supervisor as supervisors
from proctracker.client.supervisor import Supervisor
from proctracker.errors import DrmCommunicationException
from proctracker.linux import cage
from proctracker.store import Home
from proctracker.wire import confinement, election, protocol, socketpath
from supervising import kill

Answer = Callable[[socket.socket], None]


@pytest.fixture
def fake(home: Home) -> Iterator[Callable[[Answer], None]]:
    """Something else that listens where a supervisor would, for one connection."""
    home.prepare()
    listener = socketpath.listen(home.socket("main"))
    threads: list[threading.Thread] = []

    def serve(answer: Answer) -> None:
        def once() -> None:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # the test is over
            socketpath.unlink(home.socket("main"))
            with sock:
                answer(sock)

        threads.append(threading.Thread(target=once, daemon=True))
        threads[-1].start()

    yield serve
    listener.close()
    for thread in threads:
        thread.join(5.0)


def _hello(**facts: object) -> Answer:
    def answer(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.send(protocol.encode({"n": 1, "ok": {"pid": 1, "fits": True, **facts}}))
        sock.recv(1)

    return answer


def test_where_none_runs(home: Home) -> None:
    supervisor = Supervisor(home)
    assert supervisor.connect(start=False) is None
    with open(home.path + "/file", "w") as file:
        file.write("")
    assert Supervisor(Home(home.path + "/file")).connect(start=False) is None


def test_a_supervisor_is_started(home: Home) -> None:
    made = Supervisor(home).connect()
    assert made is not None
    assert made.facts["fits"]
    again = Supervisor(home).connect(start=False)
    assert again is not None
    assert again.facts["pid"] == made.facts["pid"]
    for each in (made, again):
        each.close()


def test_another_protocol_is_refused_with_both_versions(home: Home, fake: Callable[[Answer], None]) -> None:
    fake(_hello(package="999.0.1", version=protocol.VERSION + 1))
    with pytest.raises(DrmCommunicationException) as caught:
        Supervisor(home).connect()
    from proctracker import __version__

    for word in (
        "999.0.1",
        __version__,
        f"protocol {protocol.VERSION + 1}",
        f"protocol {protocol.VERSION})",
        home.here,
    ):
        assert word in caught.value.message


def test_a_newer_release_of_the_same_protocol_serves(home: Home, fake: Callable[[Answer], None]) -> None:
    fake(_hello(package="999.0.1", version=protocol.VERSION))
    made = Supervisor(home).connect()
    assert made is not None
    assert made.facts["package"] == "999.0.1"
    made.close()


def test_one_that_does_not_talk(home: Home, fake: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    fake(lambda sock: [None, None][gate.wait(5.0)])
    monkeypatch.setattr(supervisors, "_LATEST", 0.05)
    with pytest.raises(DrmCommunicationException, match=r"does not answer"):
        Supervisor(home).connect()
    gate.set()


def test_one_of_another_user(home: Home, fake: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(sock: socket.socket) -> None:
        raise PermissionError("the other end belongs to uid 7")

    fake(lambda sock: None)
    monkeypatch.setattr(socketpath, "check_peer", refuse)
    with pytest.raises(DrmCommunicationException, match=r"uid 7"):
        Supervisor(home).connect()


def test_whoever_does_not_fit_gets_one_of_its_own(home: Home) -> None:
    first = Supervisor(home).connect()
    assert first is not None
    other = Supervisor(home)
    assert other._caller is not None
    other._caller["allocation"] = "SLURM_JOB_ID=7"
    other.key = confinement.MAIN
    caller = other._caller
    found: list[str] = []

    def start() -> None:
        found.append(other.key)
        other._caller = None  # that one would find out the truth about us
        Supervisor._start(other)

    other._start = start  # type: ignore[method-assign]
    made = other.connect()
    assert made is not None
    assert found == [confinement.key(caller, apart=True)]
    assert made.facts["pid"] != first.facts["pid"]
    for each in (first, made):
        each.close()


def test_a_request_outlives_its_supervisor(home: Home) -> None:
    made = Supervisor(home).connect()
    assert made is not None
    before = made.facts["pid"]
    kill(before)
    assert made.call("status", {})["pid"] != before
    kill(made.facts["pid"])
    with pytest.raises(link.GONE):
        made.call("status", {}, again=False)
    made.close()


def test_spare_connections(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = Supervisor(home)
    made = [supervisor.connect() for _ in range(supervisors.SPARE + 1)]
    for each in made:
        assert each is not None
        supervisor.put_by(each)
    assert made[-1] is not None
    assert made[-1]._socket.fileno() == -1
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert supervisor.spare() is None  # another process' own


def test_a_spare_connection_of_one_that_has_gone(home: Home) -> None:
    supervisor = Supervisor(home)
    made = supervisor.connect()
    assert made is not None
    supervisor.put_by(made)
    kill(made.facts["pid"])
    assert supervisor.spare() is None


def test_one_that_stands_in_gives_way_to_a_caller_of_its_own(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = Supervisor(home, "main")
    monkeypatch.setattr(stranger, "_of_ours", lambda: False)
    standing = stranger.connect()
    assert standing is not None
    ours = Supervisor(home).connect()
    assert ours is not None
    assert ours.facts["pid"] != standing.facts["pid"]
    assert ours.facts["fits"]
    for each in (standing, ours):
        each.close()


def test_one_apart_that_does_not_fit_either(home: Home) -> None:
    apart = Supervisor(home)
    apart.key = confinement.key(confinement.describe(), apart=True)
    assert apart._of_ours()
    with pytest.raises(DrmCommunicationException, match=rf"{apart.key} in .* has other limits"):
        apart._go_apart()


def test_a_thread_that_puts_itself_into_a_cage_has_outgrown_its_supervisor(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, named = Supervisor(home), Supervisor(home, "main")
    assert not ours.outgrown()
    monkeypatch.setattr(cage, "mark", lambda: b"NoNewPrivs: 1")
    assert ours.outgrown()
    assert not named.outgrown()


def test_a_supervisor_without_a_socket_is_told_of_at_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.prepare()
    claim = election.claim(home.run, "main")
    assert claim is not None
    monkeypatch.setattr(supervisors, "_NAMELESS", 0.05)
    began = time.monotonic()
    with pytest.raises(DrmCommunicationException, match=rf"main\.sock was removed.*pid {os.getpid()}"):
        Supervisor(home).connect()
    assert time.monotonic() - began < 20
    with open(home.socket("main") + ".going", "w"):
        pass
    monkeypatch.setattr(supervisors, "_LATEST", 0.3)
    with pytest.raises(DrmCommunicationException, match="does not answer"):
        Supervisor(home).connect()  # one that is leaving is waited for
    election.release(claim)
