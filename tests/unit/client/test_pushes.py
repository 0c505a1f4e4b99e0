"""Waits and followers, against a real supervisor."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.client.client import Client
from proctracker.client.polling import readable
from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.model import JobState
from proctracker.store import Home
from supervising import LONG, context, kill, seat, spec, submit_to, waited


def test_the_first_of_several(client: Client, name: str) -> None:
    held, quick = submit_to(client, name, "true", hold=True), submit_to(client, name, "true")
    assert [row.id for row in waited(client, held, quick, any_=True)] == [quick]
    assert client.wait([held, quick], timeout=0.01) is None
    assert client.wait([], timeout=0) == []


def test_other_states_than_the_end(client: Client, name: str) -> None:
    job = submit_to(client, name, "sleep", "600")
    [row] = waited(client, job, states="started")
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
    done, errors = client.reap([submit_to(client, name, "true", hold=True)])
    assert (done, [type(error) for error in errors.values()]) == ([], [InvalidStateException])


def test_rows_as_they_come(client: Client, name: str) -> None:
    held, quick = submit_to(client, name, "true", hold=True), submit_to(client, name, "true")
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
    done, held = submit_to(client, name, "true"), submit_to(client, name, "true", hold=True)
    wait = client.waiting([done, held])
    wait.receive()  # what came with the answer makes no descriptor readable
    while not wait.take():
        assert readable([wait.fileno()], LONG)
    client.control([held], "terminate")
    waited(client, held)
    assert client.reap([held, done]).errors == {}
    with pytest.raises(InvalidArgumentException, match=r"no job"):
        client.wait([held])
    wait.close()


def test_following(client: Client, name: str) -> None:
    follow = client.follow(name)
    assert follow.receive() == []
    job = submit_to(client, name, "true")
    states: list[int] = []
    while not states or not JobState(states[-1]).ended:
        assert readable([follow.fileno()], LONG)
        for change in follow.receive():
            assert (change["job_id"], change["session"], change["attempt"]) == (job, name, 1)
            states.append(change["state"])
    assert states == [JobState.QUEUED, JobState.RUNNING, JobState.DONE]
    follow.close()


def test_a_wait_outlives_supervisors(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    client = Client(home)
    job = submit_to(client, "s", "sh", "-c", f"read x < {tmp_path}/gate; exit 7")
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
    jobs = [submit_to(client, name, "true") for _ in range(3)]
    waited(client, *jobs)
    before = client.call("status")["clients"]
    for job in jobs:
        waited(client, job)
    assert client.call("status")["clients"] == before
