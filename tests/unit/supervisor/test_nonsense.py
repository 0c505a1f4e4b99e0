"""Whatever its own user sends or has in the store, a supervisor serves the next one, and the next job runs."""

from __future__ import annotations

import json
import socket
import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobState
from proctracker.store import Home
from proctracker.supervisor.base import shapes
from proctracker.wire import protocol, socketpath
from supervising import Boxes, Desk, box, context, spec

_SLOWLY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_values = st.recursive(
    _leaves, lambda it: st.lists(it, max_size=4) | st.dictionaries(st.text(max_size=9), it), max_leaves=8
)
_LIKELY: dict[str, st.SearchStrategy[Any]] = {
    "ids": st.lists(st.sampled_from(["1", "1_1", "2", "77", "x", "", "1_", "9" * 30]), max_size=4),
    "kind": st.sampled_from(["ended", "started", "RUNNING,SUSPENDED", "x"]),
    "action": st.sampled_from(["suspend", "resume", "hold", "release", "terminate", "explode"]),
    "signal": st.sampled_from(["TERM", "SIGKILL", "9", "0", "x"]),
    "grace": st.floats(-1, 3) | st.just(1e300),
    "raw": st.builds(lambda more: json.dumps({**spec("true"), **more}), st.dictionaries(st.sampled_from([*shapes.SPEC]), _values)),
    "context": st.just(context()[0]),
    "context_text": st.just(json.dumps(context()[1])),
    "name": st.sampled_from(["s", "t", ""]),
    "command": st.just(["/nonexistent/python"]),
}  # fmt: skip


@st.composite
def _requests(draw: st.DrawFn) -> dict[str, Any]:
    """A request that is nearly one."""
    op = draw(st.sampled_from([*shapes.REQUESTS]))
    message: dict[str, Any] = {"op": op, "n": draw(st.just(1) | _leaves)}
    for name in shapes.REQUESTS[op]:
        if draw(st.integers(0, 9)):
            likely = _LIKELY.get(name, _values)
            message[name] = draw(likely if draw(st.integers(0, 4)) else _values)
    return {
        **message,
        **draw(st.dictionaries(st.sampled_from(["op", "n", "raw", "push", "again"]), _values, max_size=1)),
    }


def _frame(message: object) -> bytes:
    return protocol.encode(message)


_streams = st.lists(
    _requests().map(_frame)
    | _values.map(_frame)
    | st.binary(max_size=30).map(lambda body: struct.pack(">I", len(body)) + body)
    | st.binary(max_size=30),
    min_size=1,
    max_size=4,
).map(b"".join)


def _serves(desk: Desk) -> bool:
    """Whether the supervisor answers somebody who comes now."""
    with socketpath.connect(desk.home.socket(desk.key)) as sock:
        sock.setblocking(False)
        sock.send(protocol.encode({"op": "status", "n": 7}))
        frames = protocol.Frames()
        found: list[dict[str, Any]] = []

        def read() -> bool:
            with suppress(BlockingIOError):
                found.extend(frames.feed(sock.recv(2**20)))
            return bool(found) or desk.again()

        desk.until(read)
        return "pid" in found[0]["ok"]


@_SLOWLY
@given(_streams)
def test_any_stream(desk: Desk, stream: bytes) -> None:
    with socketpath.connect(desk.home.socket(desk.key)) as sock:
        sock.setblocking(False)
        with suppress(BlockingIOError, ConnectionError):
            sock.send(stream)
        assert _serves(desk)
        with suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        assert _serves(desk)


def test_a_job_runs_after_any_stream(desk: Desk) -> None:
    test_any_stream(desk)
    desk.service.actions.control([job.row.id for job in desk.here.jobs], "terminate", "KILL", 0.0, lambda outcome: None)
    desk.service.queue.paused = False
    assert desk.ended(desk.submit("true", session="mine")).state == JobState.DONE


@pytest.mark.parametrize("body", [
    b'{"op":["a"],"n":1}', b'{"op":{},"n":1}', b"[" * 100_000, b'{"a":' * 20_000, b'{"op":"wait","n":1,"ids":' + b"[" * 5000,
    b'{"op":"status","n":' + b"9" * 5000 + b"}", b'{"op":"control","n":1,"ids":[],"action":"hold","grace":NaN}',
    b'{"op":"control","n":1,"ids":["1"],"action":"terminate","grace":1e999}', b'{"n":1}', b"{}", b"\xff", b"",
], ids=lambda body: str(body[:24]))  # fmt: skip
def test_what_has_killed_one_before(desk: Desk, body: bytes) -> None:
    with socketpath.connect(desk.home.socket(desk.key)) as sock:
        sock.send(struct.pack(">I", len(body)) + body)
        assert _serves(desk)


@pytest.mark.parametrize("more", [
    {"runtime": "nosuch"}, {"contact": []}, {"retries": "x"}, {"deadline": []}, {"after": 5}, {"engine": {"command": 1}},
    {"start_time": "x"}, {"slots": {}}, {"priority": 2**70}, {"name": {"deep": [[]]}},
])  # fmt: skip
def test_a_submit_nobody_could_go_by_is_refused(desk: Desk, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentException, match=rf"submit: {next(iter(more))}: "):
        desk.submit("true", **more)
    assert (desk.here.store.live("main"), len(desk.here.jobs)) == ([], 0)
    assert desk.ended(desk.submit("true")).state == JobState.DONE


@pytest.mark.parametrize("column", [
    "runtime='nosuch'", "state=99", "state='RUNNING'", "command='{'", "attempt='x'", "submitted=NULL", "kill_at='soon'",
    "session=NULL", "spec='x'", "priority='high'", "slots=NULL",
])  # fmt: skip
def test_a_row_that_holds_nonsense_fails_that_job_alone(old: Desk, follow: Callable[..., Desk], column: str) -> None:
    bad, good = old.submit("true", hold=True), old.submit("true", hold=True)
    _write(old, f"UPDATE jobs SET {column} WHERE id='{bad.row.id}'")
    new = follow()
    row = new.row(bad)
    new.until(lambda: new.here.ledger.clean)
    row = new.row(bad)
    assert (row.state, row.exit_status, row.sub_state) == (JobState.FAILED, 125, "start-failed")
    assert (row.annotation or "").startswith("it cannot be handled: its record holds ")
    new.service.actions.control([good.row.id], "release", "TERM", 0.0, lambda outcome: None)
    assert new.ended(new.taken(good)).state == JobState.DONE
    new.service.forgetting.reap([bad.row.id], lambda outcome: None)
    new.until(lambda: not new.here.store.jobs([bad.row.id]))


@pytest.mark.parametrize(
    "text", ["{", "[]", "[" * 50_000, '{"runtime":"nosuch"}', json.dumps({**spec("x"), "retries": []})]
)
def test_a_spec_that_holds_nonsense_fails_that_job_alone(old: Desk, follow: Callable[..., Desk], text: str) -> None:
    bad, good = old.submit("true", hold=True), old.submit("true", hold=True)
    _write(old, f"UPDATE specs SET json='{text}' WHERE id={bad.row.spec}")
    new = follow()
    new.until(lambda: new.here.ledger.clean)
    row = new.row(bad)
    assert (row.state, row.exit_status, (row.annotation or "")[:21]) == (JobState.FAILED, 125, "it cannot be handled:")
    new.service.actions.control([good.row.id], "release", "TERM", 0.0, lambda outcome: None)
    assert new.ended(new.taken(good)).state == JobState.DONE
    new.service.tidying.tidy()
    new.service.forgetting.reap([bad.row.id], lambda outcome: None)
    new.until(lambda: not new.here.store.jobs([bad.row.id]))


def test_a_row_that_does_not_say_which_job_it_is_is_left(old: Desk, follow: Callable[..., Desk]) -> None:
    bad = old.submit("true", hold=True)
    _write(old, f"UPDATE jobs SET id='x' WHERE id='{bad.row.id}'")
    new = follow()
    assert len(new.here.jobs) == 0
    assert new.ended(new.submit("true")).state == JobState.DONE


def test_a_running_process_is_followed_whatever_its_spec_holds(old: Desk, follow: Callable[..., Desk]) -> None:
    job = old.submit("sleep", "600")
    pid = old.running(job)
    old.here.ledger.flush()
    _write(old, "UPDATE specs SET json='{'")
    taken = follow().taken(job)
    assert (taken.row.state, taken.row.pid, taken.spec) == (JobState.RUNNING, pid, {})


def test_surroundings_that_hold_nonsense_fail_that_job_alone(old: Desk, follow: Callable[..., Desk]) -> None:
    bad = old.submit("true", hold=True)
    _write(old, "UPDATE contexts SET json='['")
    new = follow()
    new.service.actions.control([bad.row.id], "release", "TERM", 0.0, lambda outcome: None)
    row = new.ended(new.taken(bad))
    assert (row.state, row.exit_status) == (JobState.FAILED, 125)
    new.service.tidying.tidy()
    assert new.here.store.context(bad.spec_context) is None


def _write(desk: Desk, statement: str) -> None:
    """Write into the store by hand."""
    desk.here.ledger.flush()
    with closing(sqlite3.connect(desk.home.database)) as db, db:
        db.execute(statement)


def test_settings_that_hold_nonsense(desk: Desk, home: Home) -> None:
    with socketpath.connect(desk.home.socket(desk.key)) as sock:
        sock.send(
            protocol.encode({"op": "hello", "n": 1, "settings": {"idle": "x", "keep_days": -5, "cli_timeout": []}})
        )
        assert _serves(desk)
    desk.service.idle.soon()


def test_a_container_whose_runtime_is_not_known_any_more(old: Desk, follow: Callable[..., Desk], boxes: Boxes) -> None:
    job = old.submit("x", **box(), hold=True)
    _write(old, "UPDATE jobs SET runtime='nosuch', container='c', dispatched=5, state=3")
    new = follow()
    new.until(lambda: new.here.ledger.clean)
    row = new.row(job)
    assert (row.state, row.exit_status, row.runtime) == (JobState.FAILED, 125, "nosuch")
