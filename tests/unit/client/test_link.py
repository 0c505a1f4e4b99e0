"""One connection, with a supervisor at its other end that says what it is told to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from proctracker.client.link import GONE, Link
from proctracker.errors import DrmCommunicationException, InvalidArgumentException, to_wire
from proctracker.wire import protocol


class Pair:
    """A link, and what its supervisor was asked."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.renewed: list[Pair] = []
        self._frames = protocol.Frames()
        self.link = Link(ours, "main", "/folder", self.anew)

    def anew(self) -> Link:
        """Connect once more, to one that has answered already."""
        self.renewed.append(Pair())
        self.renewed[-1].say(n=1, ok="later")
        return self.renewed[-1].link

    def say(self, **message: Any) -> None:
        self.theirs.send(protocol.encode(message))

    def asked(self) -> list[dict[str, Any]]:
        return [*self._frames.feed(self.theirs.recv(1 << 20))]

    def close(self) -> None:
        for each in (self, *self.renewed):
            each.theirs.close()
            each.link.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    yield made
    made.close()


def test_an_answer(pair: Pair) -> None:
    pair.say(n=1, ok={"pid": 7})
    assert pair.link.call("status", {"x": 1}) == {"pid": 7}
    assert pair.asked() == [{"op": "status", "n": 1, "x": 1}]


def test_an_error_is_raised(pair: Pair) -> None:
    pair.say(n=1, error=to_wire(InvalidArgumentException("no job 7")))
    with pytest.raises(InvalidArgumentException, match="no job 7"):
        pair.link.call("control", {})


def test_pushes_are_kept_for_who_asked(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    noticed: list[str] = []
    monkeypatch.setattr(Link, "notice", staticmethod(noticed.append))
    for message in ({"push": 1, "items": [1]}, {"n": 1, "ok": True}, {"notice": "slow disk"}, {"push": 1, "items": []}):
        pair.say(**message)
    assert pair.link.ask("wait", {"ids": ["1"]}) == (1, True)
    assert pair.link.pushed(2) == []
    assert [each["items"] for each in pair.link.pushed(1)] == [[1], []]
    assert noticed == ["slow disk"]
    assert pair.link.pushed(1) == []


def test_more_than_a_request_may_have_is_not_sent(pair: Pair) -> None:
    with pytest.raises(InvalidArgumentException, match=r"submit: \d+ bytes at once"):
        pair.link.call("submit", {"x": "x" * protocol.REQUEST})
    pair.theirs.setblocking(False)
    with pytest.raises(BlockingIOError):
        pair.asked()


def test_a_request_is_repeated_by_a_new_connection(pair: Pair) -> None:
    pair.theirs.close()
    assert pair.link.call("status", {}) == "later"
    assert pair.renewed[0].asked() == [{"op": "status", "n": 1, "again": True}]


def test_one_that_may_not_be_repeated(pair: Pair) -> None:
    pair.theirs.close()
    with pytest.raises(GONE):
        pair.link.call("upgrade", {}, again=False)
    assert not pair.renewed


def test_a_supervisor_that_always_goes(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def anew() -> Link:
        made = Pair()
        pair.renewed.append(made)
        made.theirs.close()
        return made.link

    monkeypatch.setattr(pair.link, "_anew", anew)
    pair.theirs.close()
    with pytest.raises(DrmCommunicationException, match=r"went away during status.*/folder/supervisor\.log"):
        pair.link.call("status", {})
    assert len(pair.renewed) == 4


def test_what_is_told_is_not_waited_for(pair: Pair) -> None:
    pair.link.tell("reported", {"ids": ["1"]})
    assert [each["op"] for each in pair.asked()] == ["reported"]
    pair.say(n=1, error=to_wire(InvalidArgumentException("no job 1")))
    pair.say(n=2, ok="running")
    assert pair.link.call("status", {}) == "running"
