"""Hearing of what another supervisor writes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

import pytest

from proctracker.linux import inotify
from proctracker.store import Home, Store
from proctracker.supervisor.base.files import Files
from proctracker.supervisor.base.loop import Loop
from proctracker.supervisor.scheduling import storewatch
from proctracker.supervisor.scheduling.storewatch import StoreWatch
from stores import submit
from supervising import LONG


class Watching:
    """A store that is watched, and the loop that tells of it."""

    def __init__(self, store: Store) -> None:
        self.loop = Loop()
        self.files = Files(self.loop)
        self.watch = StoreWatch(self.loop, self.files, store.path)
        self.heard: list[str] = []

    def hear(self) -> None:
        self.heard.append("written")

    def until(self, true: Callable[[], object]) -> None:
        late: list[int] = []
        timer = self.loop.after(LONG, lambda: late.append(1))
        while not true():
            assert not late
            self.loop.round()
        timer.cancel()


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The other supervisor's."""
    made = Store(home)
    yield made
    made.close()


@pytest.fixture
def watching(store: Store) -> Iterator[Watching]:
    made = Watching(store)
    yield made
    made.files.close()
    made.loop.close()


def test_a_write_of_another_process_is_heard_once(store: Store, watching: Watching) -> None:
    watching.watch.once(watching.hear)
    watching.watch.once(watching.hear)
    submit(store)
    submit(store)
    watching.until(lambda: watching.heard)
    submit(store)
    watching.loop.after(2 * storewatch.BATCH, lambda: watching.heard.append("nothing more"))
    watching.until(lambda: len(watching.heard) > 1)
    assert watching.heard == ["written", "nothing more"]


def test_without_a_watch_it_is_called_all_the_same(watching: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: object, path: str, mask: int) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(inotify.Inotify, "add", full)
    monkeypatch.setattr(storewatch, "LOOK_AGAIN", 0.01)
    watching.watch.once(watching.hear)
    watching.until(lambda: watching.heard)
    assert watching.heard == ["written"]


def test_asking_again_for_the_next_change(store: Store, watching: Watching) -> None:
    def hear() -> None:
        watching.hear()
        if len(watching.heard) < 3:
            watching.watch.once(hear)

    watching.watch.once(hear)
    for number in (1, 2, 3):
        submit(store)
        watching.until(lambda number=number: len(watching.heard) == number)  # type: ignore[misc]
    assert watching.heard == ["written"] * 3
