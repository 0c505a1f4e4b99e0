"""Room for results on a disk that somebody has filled."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.errors import OutOfResourceException
from proctracker.store import reserve
from proctracker.store.reserve import SIZE, Reserve
from stores import fill


def _used(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.fixture
def made(tmp_path: Path) -> Reserve:
    (tmp_path / "log").write_bytes(b"frames")
    return Reserve(str(tmp_path / "reserve"), str(tmp_path / "log"))


def test_it_is_kept_once_and_given_up_once(made: Reserve, tmp_path: Path) -> None:
    made.keep()
    before = (tmp_path / "reserve").stat()
    made.keep()
    assert (tmp_path / "reserve").stat() == before
    assert (_used(tmp_path / "reserve") >= SIZE, before.st_mode & 0o777) == (True, 0o600)
    assert _used(tmp_path / "log") >= SIZE
    assert (tmp_path / "log").read_bytes() == b"frames"
    assert (made.give_up(), made.give_up(), made.relieve()) == (True, False, False)


def test_its_blocks_become_the_logs(made: Reserve, tmp_path: Path) -> None:
    made.keep()
    with open(tmp_path / "log", "ab") as log:
        log.write(bytes(SIZE))
    assert made.relieve()
    assert _used(tmp_path / "log") >= 2 * SIZE
    assert not (tmp_path / "reserve").exists()


def test_the_last_of_a_disk_is_left(made: Reserve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(made, "room", lambda: 3 * SIZE)
    made.keep()
    assert not (tmp_path / "reserve").exists()
    made.refuse_new("jobs.db")
    monkeypatch.setattr(made, "room", lambda: 4096)
    with pytest.raises(OutOfResourceException, match=r"/here/jobs.db: the disk is full: make room in /here, .*reap"):
        made.refuse_new("/here/jobs.db")


def test_a_file_system_that_tells_nothing_is_not_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserve.os, "statvfs", lambda path: os.statvfs_result((0,) * 10))
    made = Reserve(str(tmp_path / "reserve"), "")
    made.refuse_new("jobs.db")
    monkeypatch.setattr(reserve.os, "posix_fallocate", _raises)
    made.keep()
    assert not (tmp_path / "reserve").exists()


def _raises(*args: object) -> None:
    raise OSError(28, "No space left on device")


def test_no_link_of_anybodys_is_followed(made: Reserve, tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x")
    (tmp_path / "reserve").symlink_to(tmp_path / "other")
    made.keep()
    assert (tmp_path / "other").read_bytes() == b"x"


def test_where_it_is_gone(tmp_path: Path) -> None:
    made = Reserve(str(tmp_path / "gone" / "reserve"), str(tmp_path / "gone" / "log"))
    made.keep()
    made.refuse_new("jobs.db")
    assert not made.relieve()


def test_what_is_written_into_the_log_of_a_full_disk(small_disk: Path) -> None:
    log = small_disk / "log"
    log.write_bytes(b"")
    made = Reserve(str(small_disk / "reserve"), str(log))
    made.keep()
    fill(small_disk)
    with open(log, "r+b") as file:
        assert file.write(bytes(SIZE)) == SIZE
