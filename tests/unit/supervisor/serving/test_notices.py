"""What is said to who waits for an answer that does not come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.client.client import Client
from proctracker.client.link import Link
from proctracker.errors import OutOfResourceException
from proctracker.linux import logout
from proctracker.linux.logout import Login
from proctracker.records import replace
from proctracker.store import Home
from supervising import LONG, Desk, context, kill, seat, spec


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(Link, "notice", staticmethod(found.append))
    return found


@pytest.fixture
def client(home: Home) -> Iterator[Client]:
    made = Client(home)
    yield made
    made.close()


def test_who_waits_for_what_a_double_death_left_is_told_what_to_do(client: Client, said: list[str]) -> None:
    client.call("session_create", name="s", contact="process", max_running=1)
    running, first, second = (
        client.submit("s", spec(*command), context(), contact="process")
        for command in (("sleep", "600"), ("true",), ("true",))
    )
    held = client.submit("s", spec("true", hold=True), context(), contact="process")
    assert client.wait([running], "started", timeout=LONG)
    kill(*seat(client))
    waiting = client.waiting([first, second])
    assert waiting.receive() is None
    waiting.settle()
    assert waiting.receive() is None
    [words] = said
    assert words.startswith("2 of these jobs are queued, left by a reboot or by the death of keeper and supervisor: ")
    assert "`proctracker session start`" in words
    client.waiting([held])
    client.wait([first], timeout=0)
    assert said[1:] == [words.replace("2 of these jobs are", f"job {first} is")]
    assert client.call("start") == {"queued": 2}
    client.control([running], "terminate", grace=0)
    until = threading.Event()
    while waiting.receive() is None:
        until.wait(0.01)
    assert len(said) == 2
    waiting.close()


class _Connection:
    """A client's, as far as it is told something."""

    def __init__(self) -> None:
        self.shows = False
        self.sent: list[Any] = []
        self.send = self.sent.append


def test_who_asks_while_nothing_can_be_written_is_told_why(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    here, older = _Connection(), _Connection()
    monkeypatch.setattr(desk.service.notices, "_connections", {here, older})
    desk.service.notices.greeted(here, True)  # type: ignore[arg-type]
    desk.service.notices.greeted(older, False)  # type: ignore[arg-type]
    job = desk.submit("sleep", "600")
    desk.running(job)
    desk.here.ledger.flush()
    full, tried = OutOfResourceException("jobs.db: disk full: make room in /home"), []

    def commit() -> None:
        tried.append(1)
        raise full

    with monkeypatch.context() as patch:
        patch.setattr(desk.here.store, "commit", commit)
        desk.service.actions.control([job.row.id], "terminate", "SIGKILL", 0.0, lambda outcome: None)
        desk.until(lambda: len(tried) > 2)
        late = _Connection()
        desk.service.notices.greeted(late, True)  # type: ignore[arg-type]
    [told] = here.sent
    assert told["notice"].startswith(full.message)
    assert (late.sent, older.sent) == (here.sent, [])
    desk.ended(job)
    after = _Connection()
    desk.service.notices.greeted(after, True)  # type: ignore[arg-type]
    assert after.sent == []
    monkeypatch.undo()


def test_a_program_finds_it_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "proctracker"):
        Link.notice("make room")
    assert caplog.messages == ["make room"]


def test_the_next_submit_is_told_that_the_user_lingers_no_longer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, str]] = []
    client: Any = SimpleNamespace(shows=True, send=told.append)
    here = Login("user@7.service", True, False, "ann")
    monkeypatch.setattr(logout, "describe", lambda: here)
    desk.service.notices.located()
    desk.service.notices.submitted(client)
    here = replace(here, lingers=False)
    desk.service.notices.located()
    desk.service.notices.submitted(SimpleNamespace(shows=False))  # type: ignore[arg-type]
    assert told == []
    desk.service.notices.submitted(client)
    desk.service.notices.located()
    desk.service.notices.submitted(client)
    words = "jobs will be ended by your last logout: to keep them run 'loginctl enable-linger ann'"
    assert told == [{"notice": words}]
