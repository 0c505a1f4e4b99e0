"""Blocks of job numbers."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proctracker.errors import DrmCommunicationException, OutOfResourceException
from proctracker.store import Home, Store, ids


def test_blocks_follow_each_other(home: Home) -> None:
    home.prepare()
    assert ids.take_block(home) == range(1, 1000)
    assert ids.take_block(home) == range(1000, 2000)
    os.mkdir(os.path.join(home.ids, "41"))
    assert ids.take_block(home) == range(42000, 43000)


def test_of_many_at_once_each_gets_its_own(home: Home) -> None:
    home.prepare()
    with ThreadPoolExecutor(8) as pool:
        starts = [block.start for block in pool.map(lambda _: ids.take_block(home), range(40))]
    assert len(set(starts)) == 40


def test_two_hosts_never_have_the_same_number(tmp_path: Path) -> None:
    stores = [Store(Home(str(tmp_path / "state"), host)) for host in "ab"]
    found: dict[str, list[int]] = {"a": [], "b": []}
    for _ in range(7):
        for store in stores:
            store.begin()
            found[store.home.host].append(store.allocate(400))
            store.commit()
    numbers = [start + n for starts in found.values() for start in starts for n in range(400)]
    assert len(set(numbers)) == len(numbers)
    for store in stores:
        store.close()


def test_no_room_names_the_directory(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.prepare()

    def refuse(path: str, mode: int) -> None:
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(OutOfResourceException, match=home.ids):
        ids.take_block(home)


def test_a_missing_directory_is_named(home: Home) -> None:
    with pytest.raises(DrmCommunicationException, match=home.ids):
        ids.take_block(home)
