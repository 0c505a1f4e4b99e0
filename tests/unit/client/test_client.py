"""The clients' end, against a real supervisor."""

from __future__ import annotations

import os
import pickle
import socket
import threading
from pathlib import Path

import pytest

from proctracker.client.client import Client
from proctracker.client.link import Link
from proctracker.client.supervisor import Supervisor
from proctracker.errors import DrmCommunicationException
from proctracker.model import JobState
from proctracker.store import Home
from supervising import context, kill, spec, stored, submit_to, waited


def test_nothing_is_started_by_asking(home: Home) -> None:
    client = Client(home)
    assert (client.ask("status"), client.running()) == (None, False)
    assert os.listdir(home.path) == []
    assert client.call("status")["live"] == 0
    assert client.running()
    client.close()


def test_a_job(client: Client, name: str) -> None:
    job = submit_to(client, name, "sh", "-c", "exit 3")
    [row] = waited(client, job)
    assert (row.id, row.state, row.exit_status, row.keeper) == (job, JobState.FAILED, 3, client.supervisor.key)
    assert client.wait([job], timeout=0) == [row]
    assert stored(client.home, job) == [row]


def test_what_is_told_is_not_waited_for(client: Client, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answers, errors too, are none to the next request, and one that was killed is not noticed."""
    job = submit_to(client, name, "true")
    [row] = waited(client, job)
    assert not row.reported
    assert client.connected
    with monkeypatch.context() as patch:
        patch.setattr(Link, "_receive", lambda link: pytest.fail("it waits"))
        client.tell("nonsense")
        client.tell("reported", ids=[job])
    assert client.call("status")["pid"]
    assert stored(client.home, job)[0].reported
    kill(client.call("status")["pid"])
    client.tell("nonsense")
    assert client.call("status")["pid"]


def test_the_same_token_gets_the_same_id(client: Client, name: str) -> None:
    one = spec("true", hold=True)
    ids = {client.submit(name, one, context(A=token), contact="process", token=token + name) for token in "aab"}
    assert len(ids) == 2
    assert len(stored(client.home, *ids)) == 2


def test_an_array(client: Client, name: str) -> None:
    job = client.submit(
        name, spec("sh", "-c", "exit $TASK_ID"), context(), contact="process", indices=[3, 1], max_parallel=1
    )
    rows = waited(client, f"{job}_1", f"{job}_3")
    assert [(row.id, row.exit_status) for row in rows] == [(f"{job}_1", 1), (f"{job}_3", 3)]
    script = 'test "$TASK_ITEM" = "$0"'
    job = client.submit(
        name, spec("sh", "-c", script), context(), contact="process", indices=[1, 2], items=["a b", "é"]
    )
    assert [row.exit_status for row in waited(client, f"{job}_1", f"{job}_2")] == [0, 0]


def test_a_descriptor_is_handed_over(client: Client, name: str) -> None:
    read_end, write_end = os.pipe()
    one = spec("cat", stdin="passed")
    job = client.submit(name, one, context(NEW=name), contact="process", stdin=read_end)  # the context is asked for
    os.close(read_end)
    os.write(write_end, b"piped")
    os.close(write_end)
    waited(client, job)
    assert Path(client.home.kept(job, 1, "out")).read_text() == "piped"


def test_text_that_is_no_text(client: Client, name: str) -> None:
    odd = os.fsdecode(b"caf\xe9\n")
    key, surroundings = context(ODD=odd)
    job = client.submit(name, spec("sh", "-c", 'printf %s "$0$ODD"', odd), (key, surroundings), contact="process")
    waited(client, job)
    assert Path(client.home.kept(job, 1, "out")).read_bytes() == b"caf\xe9\n" * 2


def test_after_a_fork_and_a_pickle(client: Client, name: str) -> None:
    mine = client.call("status")
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(write_end, b"%d" % client.call("status")["clients"])
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert int(os.read(read_end, 99)) == mine["clients"] + 1
    for fd in (read_end, write_end):
        os.close(fd)
    other = pickle.loads(pickle.dumps(client))
    assert other.call("status")["pid"] == mine["pid"]
    other.close()
    assert client.call("status")["pid"] == mine["pid"]


def test_many_threads(client: Client, name: str) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(submit_to(client, name, "true"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 8
    assert {row.state for row in waited(client, *ids)} == {JobState.DONE}


def test_an_interrupted_request_does_not_answer_the_next(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.call("status")
    link = client._link
    assert link is not None

    def interrupt(self: object, *args: object) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(type(link), "_receive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.call("start")
    assert "pid" in client.call("status")
    assert socket.socket.fileno(link._socket) == -1


def test_a_request_after_one_that_found_no_supervisor(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(home)
    pid = client.call("status")["pid"]
    with monkeypatch.context() as patched:
        patched.setattr(Supervisor, "connect", _refuse)
        kill(pid)
        with pytest.raises(DrmCommunicationException, match="none today"):
            client.call("status")
    assert client.call("status")["pid"] != pid
    client.close()


def _refuse(self: Supervisor, start: bool = True) -> Link:
    raise DrmCommunicationException("none today")
