"""Leaving, who comes just then, and giving way."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from proctracker.supervisor.serving.departure import Departure
from proctracker.wire import election, socketpath
from supervising import Desk


def _socket(desk: Desk) -> str:
    return desk.home.socket(desk.key)


def test_leaving(desk: Desk) -> None:
    desk.service.departure.leave()
    assert (desk.service.presence.leaving, os.path.exists(_socket(desk))) == (True, False)
    assert election.nameless(desk.home.run, desk.key, _socket(desk)) == 0
    desk.here.loop.run()  # it returns at once
    desk.service.presence.close()
    assert not os.path.exists(f"{_socket(desk)}.going")


def test_a_client_that_comes_just_then_is_served(desk: Desk) -> None:
    sock = socketpath.connect(_socket(desk))
    desk.service.departure.leave()
    assert (desk.service.presence.leaving, os.path.exists(_socket(desk)), len(desk.service.server.connections)) == (
        False,
        True,
        1,
    )
    other = socketpath.connect(_socket(desk))
    desk.until(lambda: len(desk.service.server.connections) == 2)
    for each in (sock, other):
        each.close()


def test_a_later_supervisors_socket_is_left_alone(desk: Desk) -> None:
    os.unlink(_socket(desk))
    later = socketpath.listen(_socket(desk))
    desk.service.departure.leave()
    assert desk.service.presence.leaving
    socketpath.connect(_socket(desk)).close()
    later.close()


def test_one_that_never_had_a_name_can_leave(desk: Desk) -> None:
    # The state directory was removed, its supervisor killed: the keeper's next one finds nothing there.
    os.unlink(_socket(desk))
    desk.service.departure.leave()
    assert desk.service.presence.leaving


def test_it_gives_way_once_no_engine_is_asked(desk: Desk) -> None:
    under_way, did = ["podman start"], list[str]()
    presence: Any = SimpleNamespace(leaving=False, hide=lambda: did.append("hide"))
    departure = Departure(desk.here, under_way, desk.service.server, presence)
    departure.give_way()
    assert (did, presence.leaving) == ([], False)
    desk.here.loop.after(0.0, under_way.clear)
    desk.until(lambda: presence.leaving)
    assert did == ["hide"]
