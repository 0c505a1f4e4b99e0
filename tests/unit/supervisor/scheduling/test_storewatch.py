"""Hearing of what another supervisor writes."""

from __future__ import annotations

import errno
import os

import pytest

from proctracker.linux import inotify
from proctracker.store import Store
from proctracker.supervisor.scheduling import storewatch
from stores import submit
from supervising import Desk


@pytest.fixture
def heard(desk: Desk) -> list[str]:
    """What was heard; asked twice."""
    found: list[str] = []

    def hear() -> None:
        found.append("written")

    desk.service.storewatch.once(hear)
    desk.service.storewatch.once(hear)
    return found


def test_a_write_of_another_process_is_heard_once(desk: Desk, heard: list[str]) -> None:
    other = Store(desk.home)
    submit(other)
    submit(other)
    desk.until(lambda: heard, "the word of it")
    submit(other)
    other.close()
    assert not desk.service.storewatch._calls
    assert desk.here.loop._wait() != 0
    desk.here.loop.after(2 * storewatch.BATCH, lambda: heard.append("nothing more"))
    desk.until(lambda: len(heard) > 1)
    assert heard == ["written", "nothing more"]


def test_without_a_watch_it_is_called_all_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, path: str, mask: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(inotify.Inotify, "add", full)
    monkeypatch.setattr(storewatch, "LOOK_AGAIN", 0.01)
    found: list[str] = []
    desk.service.storewatch.once(lambda: found.append("again"))
    desk.until(lambda: found, "the call")
    assert found == ["again"]


def test_asking_again_for_the_next_change(desk: Desk) -> None:
    other = Store(desk.home)
    count = 0

    def hear() -> None:
        nonlocal count
        count += 1
        if count < 3:
            desk.service.storewatch.once(hear)

    desk.service.storewatch.once(hear)
    for number in (1, 2, 3):
        submit(other)
        desk.until(lambda number=number: count == number, f"change {number}")  # type: ignore[misc]
    other.close()
    assert count == 3
