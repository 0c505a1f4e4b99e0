"""The connection to the file that is there at the moment."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctracker.errors import DeniedByDrmsException, DrmCommunicationException
from proctracker.model import JobRow
from proctracker.store import Home, Store
from proctracker.store.current import Current
from stores import fill, submit

IDS = "SELECT id FROM jobs ORDER BY key"


@pytest.fixture
def opened() -> list[int]:
    """How often a file was opened."""
    return []


@pytest.fixture
def current(home: Home, opened: list[int]) -> Iterator[Current]:
    made = Current(home, lambda: opened.append(1))
    yield made
    made.close()


def test_it_changes_nothing(store: Store, current: Current) -> None:
    submit(store)
    with pytest.raises(DrmCommunicationException, match="readonly"):
        current.rows("DELETE FROM jobs")
    submit(store)
    assert current.rows(IDS) == [("1",), ("2",)]


def test_the_mark_changes_with_every_commit(store: Store, current: Current) -> None:
    first = current.mark()
    assert current.mark() == first
    submit(store)
    assert current.mark() != first


def test_many_threads_share_one(store: Store, current: Current, opened: list[int]) -> None:
    submit(store, tasks=50)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(current.rows(IDS)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, opened) == ([50] * 8, [1])


def test_a_forked_child_opens_it_anew(store: Store, current: Current) -> None:
    submit(store)
    assert current.rows(IDS) == [("1",)]
    child = os.fork()
    if not child:
        try:
            fine = current.rows(IDS) == [("1",)]
            current.close()
            os._exit(0 if fine else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    submit(store)
    assert current.rows(IDS) == [("1",), ("2",)]


def test_a_replaced_file_is_noticed(
    home: Home, store: Store, current: Current, opened: list[int], tmp_path: Path
) -> None:
    submit(store)
    assert current.rows(IDS) == [("1",)]
    other = Store(Home(str(tmp_path / "other")))
    other.add_jobs([JobRow("77", 77)])
    other.close()
    os.replace(other.path, home.database)
    for rest in ("-wal", "-shm"):
        os.unlink(home.database + rest)
    assert current.rows(IDS) == [("77",)]
    assert len(opened) == 2
    shutil.rmtree(home.path)
    assert current.rows(IDS) == []


def test_a_directory_that_is_not_safe_is_not_read(store: Store, current: Current) -> None:
    submit(store)
    os.chmod(store.home.path, 0o777)
    with pytest.raises(DeniedByDrmsException, match="can be written by others"):
        current.rows(IDS)


def test_a_full_disk_can_be_read(small_disk: Path) -> None:
    home = Home(str(small_disk / "state"))
    store = Store(home)
    submit(store)
    store.close()
    fill(small_disk)
    assert Current(home, lambda: None).rows(IDS) == [("1",)]
