"""Accepting jobs: rows, paths, arrays, tokens, and nothing left of what is refused."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException, OutOfResourceException
from proctracker.model import JobState
from proctracker.supervisor.serving import intake as module
from proctracker.wire import protocol
from supervising import Boxes, Desk, box, context, spec


@pytest.fixture(autouse=True)
def idle(desk: Desk) -> None:
    """Nothing starts here."""
    desk.service.queue.resume = lambda: 0  # type: ignore[method-assign]
    desk.service.queue.paused = True


def _submit(desk: Desk, told: bool = True, **fields: Any) -> dict[str, Any]:
    answer = _asked(desk, SimpleNamespace(stdin=fields.pop("stdin", None)), told, **fields)
    assert answer is not None
    return answer


def _asked(desk: Desk, client: Any, told: bool = True, **fields: Any) -> dict[str, Any] | None:
    key, text = context()
    message = {"session": "s", "raw": protocol.text(spec("true")), "context": key, "token": "t", "create": True}
    if told:
        message["context_text"] = protocol.text(text)
    return desk.service.intake.submit(client, 7, {**message, **fields})


def test_a_row(desk: Desk) -> None:
    more: dict[str, Any] = {"name": "night", "priority": 3, "slots": 2, "resubmitted_from": "9", "cwd": "/tmp"}
    job = desk.submit("echo", "a b", **more, template={"job_category": "image"})
    row = desk.row(job)
    assert (row.id, row.session, row.contact, row.runtime) == ("1", "s", "process", "process")
    assert (row.name, row.priority, row.slots, row.resubmitted_from) == ("night", 3, 2, "9")
    assert (json.loads(row.command), row.category, row.keeper, row.host) == (
        ["echo", "a b"],
        "image",
        "main",
        desk.home.host,
    )
    assert (row.state, row.workdir, row.input, row.output) == (JobState.QUEUED, "/tmp", None, None)
    assert row.submitted > 1e9


def test_held(desk: Desk) -> None:
    assert desk.row(desk.submit("true", hold=True)).state == JobState.QUEUED_HELD


def test_paths(desk: Desk, boxes: Boxes) -> None:
    given: dict[str, Any] = {"input": "in", "output": "/abs/%j", "error": "%%/%A", "cwd": "/base", "home_dir": "/h"}
    row = desk.row(desk.submit("true", **given, template={"working_directory": "w"}))
    assert (row.workdir, row.input, row.output, row.error) == ("/base/w", "/base/w/in", "/abs/1", "/base/w/%/1")
    row = desk.row(desk.submit("x", **box(cwd="/base", output="out")))
    assert (row.workdir, row.output) == (None, "/base/out")


def test_an_array(desk: Desk) -> None:
    first = desk.submit("echo", indices=[3, 7], output="%A.%a", max_parallel=1)
    rows = [desk.row(job) for job in desk.jobs]
    assert [(row.id, row.num, row.task, row.output) for row in rows] == [("1_3", 1, 3, "/1.3"), ("1_7", 1, 7, "/1.7")]
    assert first.spec is desk.jobs[1].spec
    array = desk.here.store.array(1)
    assert array is not None
    assert (list(array.indices), array.max_parallel) == ([3, 7], 1)


def test_an_array_over_items(desk: Desk) -> None:
    desk.submit("echo", "a", indices=[1, 2], items=["x", "y z"], over=True)
    assert [json.loads(desk.row(job).command) for job in desk.jobs] == [["echo", "a", "x"], ["echo", "a", "y z"]]


def test_an_array_of_fields(desk: Desk) -> None:
    desk.submit("{2}", "-{1}", indices=[1, 2], items=[["a", "x"], ["b c", "y"]], over=True, fields=True)
    assert [json.loads(row.command) for row in desk.service.here.store.jobs(["1_1", "1_2"])] == [
        ["x", "-a"],
        ["y", "-b c"],
    ]
    array = desk.service.here.store.array(1)
    assert array is not None
    assert array.items == [["a", "x"], ["b c", "y"]]


def test_surroundings_are_told_once(desk: Desk) -> None:
    key, text = context()
    assert _submit(desk, told=False) == {"need": key}
    assert desk.here.store.jobs(["1"]) == []
    assert _submit(desk) == {"id": "1"}
    assert _submit(desk, told=False) == {"id": "2"}
    assert json.loads(desk.here.store.context(key) or "") == text
    desk.service.intake.forget_contexts()
    assert _submit(desk, told=False) == {"id": "3"}  # the store has it


def test_no_job_gets_the_surroundings_of_others_by_their_key(desk: Desk) -> None:
    assert _submit(desk) == {"id": "1"}
    other = protocol.text({**context()[1], "env": {"OTHER": "1"}})
    with pytest.raises(InvalidArgumentException, match="other surroundings"):
        _submit(desk, context_text=other)
    assert [row.id for row in desk.here.store.live("main")] == ["1"]


def test_the_same_token_is_the_same_job(desk: Desk) -> None:
    assert _submit(desk, token="a") == {"id": "1"}
    assert _submit(desk, token="a", again=True) == {"id": "1"}
    assert _submit(desk, token="b", again=True) == {"id": "2"}
    assert [row.id for row in desk.here.store.live("main")] == ["1", "2"]


def test_what_a_reboot_left_goes_on_with_the_next_submit(desk: Desk) -> None:
    desk.service.queue.resume = lambda: 3  # type: ignore[method-assign]
    assert _submit(desk) == {"id": "1", "resumed": 3}


def test_a_session_is_made_only_where_that_is_wanted(desk: Desk) -> None:
    with pytest.raises(InvalidArgumentException, match=r"no session 's'"):
        _submit(desk, create=False)
    assert (desk.here.store.jobs(["1"]), desk.here.store.sessions()) == ([], [])
    _submit(desk, contact="podman", max_running=4)
    assert desk.here.store.session("s") == ("podman", 4)
    _submit(desk, create=False)


def test_of_what_the_store_refuses_nothing_is_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OutOfResourceException("disk full")

    read_end, write_end = os.pipe()
    with monkeypatch.context() as patch:
        patch.setattr(desk.here.store, "commit", full)
        with pytest.raises(OutOfResourceException):
            _submit(desk, stdin=read_end)
    assert (len(desk.here.jobs), desk.here.store.live("main"), desk.here.store.sessions()) == (0, [], [])
    for fd in (read_end, write_end):
        os.close(fd)  # it is still its client's
    assert _submit(desk) == {"id": "1"}


def test_how_a_job_began_is_durable_with_its_id(desk: Desk) -> None:
    job = desk.submit("true", indices=[1, 3], hold=True)
    queued = ("s", 1, job.row.submitted, JobState.QUEUED_HELD, None)
    assert desk.here.store.changes(0, 9) == [(1, "1_1", *queued), (2, "1_3", *queued)]


def test_a_deadline_is_on_the_clock(desk: Desk) -> None:
    job = desk.submit("true", hold=True, deadline=4e9)
    assert job.timers["deadline"].due == 4e9


def _broken(desk: Desk, monkeypatch: pytest.MonkeyPatch, made: bool) -> None:
    """Have commits of new jobs fail, made all the same or not."""
    store = desk.here.store
    real = store.commit

    def commit() -> None:
        if made:
            real()
        raise OutOfResourceException("disk I/O error")

    monkeypatch.setattr(store, "commit", commit)


def test_a_commit_that_was_made_though_it_failed_is_a_submit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken(desk, monkeypatch, made=True)
    assert _submit(desk) == {"id": "1"}
    assert desk.here.jobs.find("1") is not None


def test_a_commit_that_failed_leaves_no_job(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken(desk, monkeypatch, made=False)
    with pytest.raises(OutOfResourceException):
        _submit(desk)
    assert desk.here.store.submitted("t") is None
    assert len(desk.here.jobs) == 0


@pytest.mark.parametrize("made", [True, False])
def test_a_submit_is_answered_once_it_can_be_told_whether_there_is_a_job(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, made: bool
) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.0)
    answers: list[Any] = []
    read_end, write_end = os.pipe()
    client = SimpleNamespace(
        stdin=read_end,
        answer=lambda number, ok: answers.append((number, ok)),
        refuse=lambda number, error: answers.append((number, str(error))),
    )

    def unreadable(ids: object) -> None:
        raise OutOfResourceException("disk I/O error")

    with monkeypatch.context() as patch:
        _broken(desk, patch, made)
        patch.setattr(desk.here.store, "jobs", unreadable)
        assert _asked(desk, client) is None
        desk.here.loop.round()
        assert answers == []
    desk.here.loop.round()
    assert answers == [(7, {"id": "1"} if made else "disk I/O error")]
    job = desk.here.jobs.find("1")
    assert (job is not None and job.stdin == read_end) == made
    os.close(write_end)
