"""Requests, over a real socket to a supervisor in this process."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proctracker import __version__
from proctracker.errors import (
    DrmCommunicationException,
    InternalException,
    InvalidArgumentException,
    OutOfResourceException,
    from_wire,
)
from proctracker.model import JobRow, JobState
from proctracker.supervisor.serving import operations
from proctracker.supervisor.serving.operations import LATER, SightRequests
from proctracker.wire import confinement, protocol, socketpath
from supervising import Desk


class Line:
    """A client that says what it is told to."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.number = desk, 0
        self.socket = socketpath.connect(desk.home.socket(desk.key))
        self.socket.setblocking(False)
        self._frames = protocol.Frames()
        self.said: list[dict[str, Any]] = []

    def receive(self) -> list[dict[str, Any]]:
        """All that has come so far."""
        try:
            self.said += self._frames.feed(self.socket.recv(2**20))
        except BlockingIOError:
            self.desk.again()
        return self.said

    def ask(self, op: str, **fields: Any) -> Any:
        """The answer; raises the exception it is."""
        self.number += 1
        self.socket.send(protocol.encode({"op": op, "n": self.number, **fields}))
        self.desk.until(lambda: any(each.get("n") == self.number for each in self.receive()))
        [answer] = [each for each in self.said if each.get("n") == self.number]
        if "error" in answer:
            raise from_wire(answer["error"])
        return answer["ok"]


@pytest.fixture
def line(desk: Desk) -> Iterator[Line]:
    made = Line(desk)
    yield made
    made.socket.close()


def test_hello(desk: Desk, line: Line) -> None:
    caller = confinement.describe()
    answer = line.ask(
        "hello", version=protocol.VERSION, package="9", settings={"idle": 3, "nonsense": 4}, caller=caller
    )
    assert answer == {
        "pid": os.getpid(),
        "package": __version__,
        "version": protocol.VERSION,
        "level": protocol.LEVEL,
        "fits": True,
        "leaves": False,
    }
    assert (desk.here.settings["idle"], "nonsense" in desk.here.settings) == (3, False)
    assert line.ask("hello", version=1, caller={**caller, "allocation": "SLURM_JOB_ID=7"})["fits"] is False
    assert line.ask("hello", version=1)["fits"] is True


def test_jobs_start_once_a_client_tells_of_more_room(desk: Desk, line: Line) -> None:
    line.ask("hello", version=1, settings={"max_running_host": 1})
    desk.running(desk.submit("sleep", "600"))
    job = desk.submit("true", session="t")
    assert line.ask("status")["queued"] == 1
    line.ask("hello", version=1, settings={"max_running_host": 2})
    assert desk.ended(job).state == JobState.DONE


def test_status(desk: Desk, line: Line) -> None:
    desk.submit("true", hold=True)
    desk.running(desk.submit("sleep", "600"))
    found = line.ask("status")
    assert (found["pid"], found["keeper"], found["package"]) == (os.getpid(), os.getppid(), __version__)
    assert (found["live"], found["queued"], found["paused"], found["clients"]) == (2, 1, False, 1)


def test_start(desk: Desk, line: Line) -> None:
    job = desk.submit("true")
    desk.service.queue.paused = True
    assert line.ask("start") == {"queued": 1}
    assert desk.ended(job).state == JobState.DONE


def test_wait_follow_and_cancel(desk: Desk, line: Line) -> None:
    job = desk.submit("true", hold=True)
    assert line.ask("wait", ids=[job.row.id], kind="ended") is True
    assert line.ask("follow", session="s") == {"seq": desk.here.store.last_change()}
    line.ask("follow", session="s")
    line.ask("cancel", push=3)
    line.ask("control", ids=[job.row.id], action="terminate")
    desk.until(lambda: len([each for each in line.receive() if "push" in each]) == 2)
    pushes = {each["push"]: each["items"] for each in line.said if "push" in each}
    assert pushes[1][0][0] == job.row.id
    assert pushes[2][0][4:] == [int(JobState.FAILED), "terminated"]


def test_control_and_reap(desk: Desk, line: Line) -> None:
    job = desk.submit("true", hold=True)
    found = line.ask("control", ids=[job.row.id, "77"], action="terminate", signal="KILL", grace=0)
    assert (found["done"], list(found["errors"])) == ([job.row.id], ["77"])
    assert line.ask("reap", ids=[job.row.id]) == {"done": [job.row.id], "errors": {}}


def test_reported(desk: Desk, line: Line) -> None:
    job = desk.submit("true")
    desk.ended(job)
    assert line.ask("reported", ids=[job.row.id]) is True
    assert desk.row(job).reported == 1


def test_look_is_a_hint(desk: Desk, line: Line) -> None:
    asked: list[list[str]] = []
    desk.service.containers.look = asked.append  # type: ignore[method-assign, assignment]
    job = desk.submit("true", hold=True)
    assert line.ask("look", ids=[job.row.id, "77"]) is True
    assert asked == [[job.row.id]]


def test_a_descriptor_once_more(desk: Desk, line: Line) -> None:
    job = desk.submit("head", "-c", "5", stdin="passed", hold=True)
    read_end, write_end = os.pipe()
    for number in (1, 2):  # the second is not wanted
        data = protocol.encode({"op": "stdin", "n": number, "id": job.row.id})
        socket.send_fds(line.socket, [data], [read_end])
        while len(line.receive()) < number:
            desk.here.loop.round()
    os.close(read_end)
    os.write(write_end, b"piped")
    line.number = 2
    line.ask("control", ids=[job.row.id], action="release")
    assert desk.ended(job).state == JobState.DONE
    with pytest.raises(BrokenPipeError):
        os.write(write_end, b"x")
    os.close(write_end)


def test_sessions(desk: Desk, line: Line) -> None:
    store = desk.here.store
    line.ask("session_create", name="a", contact="process", max_running=2)
    with pytest.raises(InvalidArgumentException, match=r"exists already"):
        line.ask("session_create", name="a", contact="podman")
    line.ask("session_ensure", name="a", contact="podman")
    assert store.session("a") == ("process", 2)
    line.ask("session_ensure", name="b", contact="podman")
    line.ask("session_set", name="b", max_running=1)
    assert store.session("b") == ("podman", 1)
    assert line.ask("session_destroy", name="b") == {"reaped": []}
    for op in ("session_set", "session_destroy"):
        with pytest.raises(InvalidArgumentException, match=r"no session 'b'"):
            line.ask(op, name="b", max_running=1)
    desk.submit("true", session="a", hold=True)
    with pytest.raises(Exception, match=r"1 live job"):
        line.ask("session_destroy", name="a")


def test_a_session_is_made_once_however_often_that_is_sent(desk: Desk, line: Line) -> None:
    asked = {"name": "a", "contact": "process", "max_running": 2}
    line.ask("session_create", **asked, token="t")
    assert line.ask("session_create", **asked, token="t", again=True) is True
    for more in ({"token": "u", "again": True}, {"token": "u"}, {"again": True}, {}):
        with pytest.raises(InvalidArgumentException, match=r"exists already"):
            line.ask("session_create", **asked, **more)


@pytest.mark.parametrize("made", [True, False])
def test_a_session_whose_commit_was_made_though_it_failed_is_made(
    desk: Desk, line: Line, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    store = desk.here.store
    real = store.commit

    def commit() -> None:
        if made:
            real()
        raise OutOfResourceException("disk I/O error")

    monkeypatch.setattr(store, "commit", commit)
    if made:
        assert line.ask("session_create", name="a", contact="process", token="t") is True
    else:
        with pytest.raises(OutOfResourceException):
            line.ask("session_create", name="a", contact="process", token="t")
    assert (store.session("a") is not None) is made


def test_what_was_destroyed_or_reaped_by_a_supervisor_that_was_killed_is_told(desk: Desk, line: Line) -> None:
    line.ask("session_create", name="a", contact="process")
    done, live = desk.submit("true"), desk.submit("true", hold=True)
    desk.ended(done)
    ids = [done.row.id, live.row.id, "77"]
    assert line.ask("reap", ids=[done.row.id])["errors"] == {}
    outcome = line.ask("reap", ids=ids, again=True)
    assert (outcome["done"], [*outcome["errors"]]) == ([done.row.id], [live.row.id, "77"])
    assert [*line.ask("reap", ids=[done.row.id])["errors"]] == [done.row.id]
    line.ask("session_destroy", name="a")
    assert line.ask("session_destroy", name="a", again=True) == {"reaped": []}


def test_a_raised_bound_starts_more(desk: Desk, line: Line) -> None:
    line.ask("session_create", name="s", contact="process", max_running=1)
    first, second = desk.submit("sleep", "600"), desk.submit("sleep", "600")
    desk.running(first)
    assert second.row.dispatched is None
    line.ask("session_set", name="s", max_running=2)
    assert desk.running(second)


def test_what_it_does_not_understand(line: Line) -> None:
    with pytest.raises(InternalException, match=r"another version"):
        line.ask("teleport")
    with pytest.raises(InternalException, match=r"another version"):
        line.ask(["wait"])  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentException, match=r"^wait: ids: a list of texts is expected"):
        line.ask("wait")
    with pytest.raises(InvalidArgumentException, match=r"^reap: ids: a list of texts is expected"):
        line.ask("reap", ids=5)
    with pytest.raises(DrmCommunicationException, match=r"the old one goes on"):
        line.ask("upgrade", command=["/nonexistent/python"])
    assert line.ask("status")["live"] == 0


def test_every_request_is_documented(desk: Desk) -> None:
    assert all(function.__doc__ for function in desk.service.server.operations.values())


@pytest.mark.parametrize(("says", "count"), [({}, 44), ({"columns": 46}, 46)])
def test_a_row_is_as_long_as_the_client_knows(desk: Desk, line: Line, says: dict[str, int], count: int) -> None:
    """A release whose rows had two columns less may be waiting while its supervisor is replaced."""
    line.ask("hello", version=protocol.VERSION, package="0", settings={}, caller=None, **says)
    job = desk.submit("true")
    line.ask("wait", ids=[job.row.id], kind="ended")
    desk.until(lambda: any("items" in each for each in line.receive()))
    (push,) = [each for each in line.said if "items" in each]
    assert [len(row) for row in push["items"]] == [count]


class Watched:
    """Schedulers' jobs that are looked at when a test says so."""

    def __init__(self, *jobs: SimpleNamespace) -> None:
        self.jobs, self.watch = {job.row.id: job for job in jobs}, self
        self.asked: list[Callable[[str | None], None]] = []
        self.taken: list[str] = []
        self.looks = SimpleNamespace(wrong=None, pacer=SimpleNamespace(rests=0.0))

    def look(self, then: Callable[[str | None], None], of: Sequence[Any]) -> None:
        self.asked.append(then)

    def take(self, ids: list[str]) -> None:
        self.taken += ids

    def find(self, job_id: str) -> SimpleNamespace | None:
        return self.jobs.get(job_id)


@pytest.mark.parametrize(("asked", "own", "others"), [(["1"], 1, 0), (["8"], 0, 1), (["1", "8"], 1, 1), ([], 0, 0)])
def test_schedulers_are_looked_at_before_it_is_told(desk: Desk, asked: list[str], own: int, others: int) -> None:
    job = desk.submit("true", hold=True)
    batch, guests = Watched(), Watched(SimpleNamespace(row=JobRow("8", 8)))
    answers: list[Any] = []
    connection: Any = SimpleNamespace(answer=lambda number, found: answers.append(found))
    requests = SightRequests(desk.here, cast(Any, None), cast(Any, batch), cast(Any, guests))
    assert job.row.id == "1"
    assert requests.refresh(connection, 1, {"ids": asked}) is LATER
    assert (len(batch.asked), len(guests.asked), guests.taken) == (own, others, [name for name in asked if name == "8"])
    for each in [*batch.asked, *guests.asked]:
        assert not answers
        each(None)
    desk.until(lambda: answers)
    assert [(each["wrong"], len(each["rows"])) for each in answers] == [(None, others)]


@pytest.mark.parametrize(
    ("wrong", "said", "late"),
    [(None, "no answer yet from the scheduler", True), ("squeue: down", "squeue: down", False)],
)
def test_one_that_does_not_answer_holds_nobody_up(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, wrong: str | None, said: str, late: bool
) -> None:
    """squeue itself tries for a quarter of a minute. One that was down a moment ago is taken for down."""
    monkeypatch.setattr(operations, "PATIENCE", 0.02 if late else 600.0)
    monkeypatch.setattr(operations, "PATIENCE_DOWN", 600.0 if late else 0.02)
    batch, answers = Watched(), [{}][:0]
    batch.looks.wrong = wrong
    connection: Any = SimpleNamespace(answer=lambda number, found: answers.append(found))
    SightRequests(desk.here, cast(Any, None), cast(Any, batch), cast(Any, Watched())).refresh(
        connection, 1, {"ids": ["1"]}
    )
    desk.until(lambda: answers)
    assert answers[0]["wrong"].startswith(said)
    assert answers[0]["late"] is late
    batch.asked[0](None)
    desk.service.here.ledger.flush()
    assert len(answers) == 1


def test_what_a_scheduler_refuses_is_told_at_once(desk: Desk) -> None:
    batch, guests = Watched(), Watched(SimpleNamespace(row=JobRow("8", 8)))
    answers: list[Any] = []
    connection: Any = SimpleNamespace(answer=lambda number, found: answers.append(found))
    requests = SightRequests(desk.here, cast(Any, None), cast(Any, batch), cast(Any, guests))
    requests.refresh(connection, 1, {"ids": ["1", "8"]})
    batch.asked[0]("squeue: down")
    guests.asked[0](None)
    desk.until(lambda: answers)
    assert [each["wrong"] for each in answers] == ["squeue: down"]
