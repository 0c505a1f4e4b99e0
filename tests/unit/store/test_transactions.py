"""Opening the store, and transactions, on local disks and on network file systems."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from proctracker.errors import DrmCommunicationException, OutOfResourceException, TryLaterException
from proctracker.linux import netfs
from proctracker.model import JobRow
from proctracker.store import Home, Reader, Store, connection
from proctracker.store.current import Current
from stores import end, fill, submit


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every path be on NFS, with locks."""
    monkeypatch.setattr(netfs, "file_system", lambda path: "nfs")


@pytest.fixture
def lockless(network: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without."""
    monkeypatch.setattr(netfs, "locks_work", lambda folder: False)


def _due(store: Store) -> float | None:
    return store.publish_due


def _pragma(store: Store, name: str) -> str:
    return str(store._db.rows(f"PRAGMA {name}")[0][0])


@pytest.mark.parametrize(("durability", "level"), [("process", "1"), ("power", "2")])
def test_a_local_disk_gets_a_log(home: Home, durability: str, level: str) -> None:
    store = Store(home, durability)
    assert (_pragma(store, "journal_mode"), _pragma(store, "synchronous")) == ("wal", level)
    assert _pragma(store, "secure_delete") == "1"
    assert store.publish_due is None
    store.close()


def test_what_was_committed_outlives_a_killed_process(home: Home, reader: Reader) -> None:
    script = """
import os, sys
from stores import end, fill, submit
from proctracker.model import JobRow
from proctracker.store import Home, Store
store = Store(Home(*sys.argv[1:]))
submit(store)
store.begin()
store.add_jobs([JobRow("2", 2)])
os.kill(os.getpid(), 9)
"""
    argv = [sys.executable, "-c", script, home.path, home.host]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run(argv, env=env, check=False).returncode == -9
    assert reader.ids() == ["1"]
    store = Store(home)
    assert [row.id for row in submit(store)] == ["17"]  # what was set aside stays unused
    store.close()


def test_a_transaction_that_is_undone_leaves_nothing(store: Store) -> None:
    store.begin()
    assert store.allocate() == 1
    store.add_session("a", "process", 0)
    store.add_jobs([JobRow("1", 1)])
    store.rollback()
    assert store.sessions() == []
    assert store.jobs(["1"]) == []
    store.rollback()
    for _ in range(2):
        store.begin()
        assert store.allocate(999) == 1
        store.rollback()


def test_numbers_that_were_not_used_go_back(home: Home) -> None:
    for number in (1, 2, 3):
        store = Store(home)
        assert submit(store)[0].num == number
        store.close()


def test_every_boot_begins_a_block(home: Home) -> None:
    found = []
    for boot in ("one", "one", "two", "two", "one"):
        store = Store(home, boot=boot)
        found.append(submit(store)[0].num)
        store.close()
    assert found == [1, 2, 1000, 1001, 2000]


def test_one_writes_at_a_time(home: Home, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BUSY", 0.01)
    second = Store(home)
    store.begin()
    with pytest.raises(TryLaterException, match="another process is writing"):
        second.begin()
    store.commit()
    assert submit(second)[0].num != submit(store)[0].num
    second.close()


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    home = Home(str(small_disk / "state"))
    store = Store(home)
    first = submit(store)[0]
    filler = fill(small_disk)
    with pytest.raises(OutOfResourceException, match=f"make room in {home.here}"):
        submit(store, output="x" * 2_000_000)
    store.rollback()
    assert Reader(home).ids() == [first.id]
    filler.unlink()
    second = submit(store)[0]
    assert second.num > first.num
    store.checkpoint()
    store.close()
    assert Reader(home).ids() == [first.id, second.id]


def test_no_room_for_a_store(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(OutOfResourceException, match=str(small_disk)):
        Store(Home(str(small_disk / "state")))


@pytest.mark.usefixtures("network")
def test_a_network_file_system_gets_a_rollback_journal(home: Home, reader: Reader) -> None:
    store = Store(home)
    submit(store)
    assert _pragma(store, "journal_mode") == "delete"
    assert reader.ids() == ["1"]
    assert not os.path.exists(f"{home.database}-wal")
    store.checkpoint()
    assert submit(store)[0].id == "2"
    store.close()


def test_a_home_that_moves_to_another_file_system(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind, mode in ((None, "wal"), ("nfs", "delete"), (None, "wal")):
        monkeypatch.setattr(netfs, "file_system", lambda path, kind=kind: kind)
        store = Store(home)
        submit(store)
        assert _pragma(store, "journal_mode") == mode
        store.close()
    assert Reader(home).ids() == ["1", "2", "3"]


@pytest.mark.usefixtures("lockless")
def test_without_locks_one_process_alone_opens_it(home: Home) -> None:
    store = Store(home)
    script = """
import sys
import time
from proctracker.linux import netfs
from proctracker.store import Home, Store
netfs.file_system, netfs.locks_work = lambda path: "nfs", lambda folder: False
Store(Home(*sys.argv[1:])).close()
"""
    argv = [sys.executable, "-c", script, home.path, home.host]
    second = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert f"DrmCommunicationException: process {os.getpid()} has {home.here}/opener open" in second.stderr
    store.close()
    assert subprocess.run(argv, check=False).returncode == 0


@pytest.mark.usefixtures("lockless")
def test_a_killed_opener_is_followed(home: Home) -> None:
    script = """
import os, sys
from stores import end, fill, submit
from proctracker.linux import netfs
from proctracker.store import Home, Store
netfs.file_system, netfs.locks_work = lambda path: "nfs", lambda folder: False
store = Store(Home(*sys.argv[1:]))
submit(store)
os.kill(os.getpid(), 9)
"""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([sys.executable, "-c", script, home.path, home.host], env=env, check=False)
    store = Store(home)
    assert [row.id for row in store.jobs(["1"])] == ["1"]
    store.close()


@pytest.mark.usefixtures("lockless")
def test_without_locks_readers_get_a_copy(home: Home, reader: Reader) -> None:
    store = Store(home)
    assert _due(store) is None
    submit(store)
    assert reader.ids() == ["1"]
    submit(store)
    assert reader.ids() == ["1"]
    assert _due(store)
    store.publish()
    assert _due(store) is None
    assert reader.ids() == ["1", "2"]
    submit(store)
    store.close()
    assert reader.ids() == ["1", "2", "3"]
    assert os.stat(home.snapshot).st_mode & 0o777 == 0o600


def test_where_locks_work_again_the_copy_goes(home: Home, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(netfs, "file_system", lambda path: "nfs")
        patch.setattr(netfs, "locks_work", lambda folder: False)
        store = Store(home)
        submit(store)
        store.close()
    assert reader.ids() == ["1"]
    store = Store(home)
    submit(store)
    assert not os.path.exists(home.snapshot)
    assert reader.ids() == ["1", "2"]
    store.close()


@pytest.mark.usefixtures("lockless")
def test_a_store_that_cannot_be_opened_is_left_to_others(home: Home) -> None:
    home.prepare()
    Path(home.database).write_bytes(b"x" * 5000)
    with pytest.raises(DrmCommunicationException, match="move it away"):
        Store(home)
    os.unlink(home.database)
    Store(home).close()


def _log(store: Store) -> bytes:
    try:
        return Path(f"{store.path}-wal").read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.parametrize("how", ["dropped", "deleted", "by the one before", "closed while read"])
def test_what_was_deleted_does_not_stay_in_the_log(home: Home, how: str) -> None:
    secret = "s3cret" * 5
    store, reader = Store(home), Reader(home)
    row = submit(store, context=secret)[0]
    end(store, row, 5.0)
    text = f'NAME": "{secret}'.encode()
    assert text in _log(store)
    if how == "deleted":
        store.delete([row.id])
    else:
        store.drop_context_if_unused(store.contexts())
    if how == "by the one before":
        store = Store(home)
    if how == "closed while read":
        store.close()
    else:
        store.checkpoint()
        assert not store.forgotten
    assert text not in _log(store)
    assert text not in Path(store.path).read_bytes()
    reader.close()


def test_a_reader_is_not_waited_for(home: Home) -> None:
    store, current = Store(home), Current(home, lambda: None)
    row = submit(store)[0]
    assert current.rows("BEGIN") == []
    assert current.rows("SELECT id FROM jobs") == [(row.id,)]
    store.delete([row.id])
    began = time.monotonic()
    store.checkpoint()
    assert store.forgotten
    assert time.monotonic() - began < 2.0
    current.rows("COMMIT")
    store.checkpoint()
    assert (store.forgotten, _log(store)) == (False, b"")
    assert store._db.rows("PRAGMA busy_timeout") == [(5000,)]
    current.close()
