"""The clients' end, against a real supervisor."""

from __future__ import annotations

import os
import pickle
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.model import JobRow, JobState
from proctracker.store import Home
from proctracker.supervisor.client import Client
from proctracker.supervisor.link import readable
from supervising import LONG, context, kill, seat, spec, stored


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


def _submit(client: Client, session: str, *command: str, **more: object) -> str:
    return client.submit(session, spec(*command, **more), context(), contact="process")


def _wait(client: Client, *ids: str, states: str = "ended", any_: bool = False) -> list[JobRow]:
    found = client.wait(ids, states, any_, LONG)
    assert found is not None
    return found


def test_nothing_is_started_by_asking(home: Home) -> None:
    client = Client(home)
    assert (client.ask("status"), client.running()) == (None, False)
    assert os.listdir(home.path) == []
    assert client.call("status")["live"] == 0
    assert client.running()
    client.close()


def test_a_job(client: Client, name: str) -> None:
    job = _submit(client, name, "sh", "-c", "exit 3")
    [row] = _wait(client, job)
    assert (row.id, row.state, row.exit_status, row.keeper) == (job, JobState.FAILED, 3, client.supervisor.key)
    assert client.wait([job], timeout=0) == [row]
    assert stored(client.home, job) == [row]


def test_the_same_token_gets_the_same_id(client: Client, name: str) -> None:
    one = spec("true", hold=True)
    ids = {client.submit(name, one, context(A=token), contact="process", token=token + name) for token in "aab"}
    assert len(ids) == 2
    assert len(stored(client.home, *ids)) == 2


def test_an_array(client: Client, name: str) -> None:
    job = client.submit(
        name, spec("sh", "-c", "exit $TASK_ID"), context(), contact="process", indices=[3, 1], max_parallel=1
    )
    rows = _wait(client, f"{job}_1", f"{job}_3")
    assert [(row.id, row.exit_status) for row in rows] == [(f"{job}_1", 1), (f"{job}_3", 3)]
    script = 'test "$TASK_ITEM" = "$0"'
    job = client.submit(
        name, spec("sh", "-c", script), context(), contact="process", indices=[1, 2], items=["a b", "é"]
    )
    assert [row.exit_status for row in _wait(client, f"{job}_1", f"{job}_2")] == [0, 0]


def test_the_first_of_several(client: Client, name: str) -> None:
    held, quick = _submit(client, name, "true", hold=True), _submit(client, name, "true")
    assert [row.id for row in _wait(client, held, quick, any_=True)] == [quick]
    assert client.wait([held, quick], timeout=0.01) is None
    assert client.wait([], timeout=0) == []


def test_other_states_than_the_end(client: Client, name: str) -> None:
    job = _submit(client, name, "sleep", "600")
    [row] = _wait(client, job, states="started")
    assert row.pid
    suspending = client.waiting([job], "SUSPENDED")
    assert suspending.receive() is None
    assert client.control([job], "suspend") == ([job], {})
    assert readable([suspending.fileno()], LONG)
    found = suspending.receive()
    assert found is not None
    assert found[0].state == JobState.SUSPENDED
    suspending.close()


def test_what_nobody_knows(client: Client, name: str) -> None:
    with pytest.raises(InvalidArgumentException, match=r"no job 987654"):
        client.wait(["987654"])
    with pytest.raises(InvalidArgumentException, match=r"no session 'nowhere'"):
        client.submit("nowhere", spec("true"), context(), contact="process", create=False)
    done, errors = client.control(["987654"], "hold")
    assert (done, type(errors["987654"])) == ([], InvalidArgumentException)
    done, errors = client.reap([_submit(client, name, "true", hold=True)])
    assert (done, [type(error) for error in errors.values()]) == ([], [InvalidStateException])


def test_rows_as_they_come(client: Client, name: str) -> None:
    held, quick = _submit(client, name, "true", hold=True), _submit(client, name, "true")
    wait = client.waiting([held, quick])
    taken: list[str] = []
    while len(taken) < 2:
        taken += [row.id for row in wait.take()]
        if taken == [quick]:
            client.control([held], "release")
        assert len(taken) == 2 or readable([wait.fileno()], LONG)
    assert (taken, wait.take()) == ([quick, held], [])
    wait.close()


def test_a_job_reaped_while_it_is_awaited(client: Client, name: str) -> None:
    done, held = _submit(client, name, "true"), _submit(client, name, "true", hold=True)
    wait = client.waiting([done, held])
    wait.receive()  # what came with the answer makes no descriptor readable
    while not wait.take():
        assert readable([wait.fileno()], LONG)
    client.control([held], "terminate")
    _wait(client, held)
    assert client.reap([held, done]).errors == {}
    with pytest.raises(InvalidArgumentException, match=r"no job"):
        client.wait([held])
    wait.close()


def test_following(client: Client, name: str) -> None:
    follow = client.follow(name)
    assert follow.receive() == []
    job = _submit(client, name, "true")
    states: list[int] = []
    while not states or not JobState(states[-1]).ended:
        assert readable([follow.fileno()], LONG)
        for change in follow.receive():
            assert (change["job_id"], change["session"], change["attempt"]) == (job, name, 1)
            states.append(change["state"])
    assert states == [JobState.QUEUED, JobState.RUNNING, JobState.DONE]
    follow.close()


def test_a_descriptor_is_handed_over(client: Client, name: str) -> None:
    read_end, write_end = os.pipe()
    one = spec("cat", stdin="passed")
    job = client.submit(name, one, context(NEW=name), contact="process", stdin=read_end)  # the context is asked for
    os.close(read_end)
    os.write(write_end, b"piped")
    os.close(write_end)
    _wait(client, job)
    assert Path(client.home.kept(job, 1, "out")).read_text() == "piped"


def test_text_that_is_no_text(client: Client, name: str) -> None:
    odd = os.fsdecode(b"caf\xe9\n")
    key, surroundings = context(ODD=odd)
    job = client.submit(name, spec("sh", "-c", 'printf %s "$0$ODD"', odd), (key, surroundings), contact="process")
    _wait(client, job)
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
    threads = [threading.Thread(target=lambda: ids.append(_submit(client, name, "true"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 8
    assert {row.state for row in _wait(client, *ids)} == {JobState.DONE}


def test_a_wait_outlives_supervisors(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    client = Client(home)
    job = _submit(client, "s", "sh", "-c", f"read x < {tmp_path}/gate; exit 7")
    wait, follow = client.waiting([job]), client.follow()
    assert (wait.receive(), follow.receive()) == (None, [])
    for _ in range(2):
        kill(seat(client)[1])
        assert wait.receive() is None
    (tmp_path / "gate").write_text("go\n")
    while (rows := wait.receive()) is None:
        assert readable([wait.fileno()], LONG)
    assert rows[0].exit_status == 7
    for each in (wait, follow, client):
        each.close()


def test_answered_connections_are_used_again(client: Client, name: str) -> None:
    jobs = [_submit(client, name, "true") for _ in range(3)]
    _wait(client, *jobs)
    before = client.call("status")["clients"]
    for job in jobs:
        _wait(client, job)
    assert client.call("status")["clients"] == before


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
