"""Directories that name their owners, where locks do not work."""

from __future__ import annotations

import errno
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from proctracker.linux import claims, procfs


def _held(fd: int | None) -> bool:
    if fd is not None:
        os.close(fd)
    return fd is not None


def test_one_settles_with_its_name_in_it(tmp_path: Path) -> None:
    path = str(tmp_path / "seat")
    fd = claims.settle(path, "owners", b"me\n")
    assert fd is not None
    assert not os.get_inheritable(fd)
    assert claims.same(fd, path)
    assert not _held(claims.settle(path, "owners", b"you\n"))
    assert (tmp_path / "seat" / "owners").read_text() == "me\n"
    claims.write(fd, "owners", b"us\n")
    assert (tmp_path / "seat" / "owners").read_text() == "us\n"
    assert os.listdir(tmp_path) == ["seat"]
    os.close(fd)


@pytest.mark.parametrize("empty", [False, True], ids=["free", "left"])
def test_of_many_at_once_one_settles(tmp_path: Path, empty: bool) -> None:
    if empty:
        (tmp_path / "seat").mkdir()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda n: _held(claims.settle(str(tmp_path / "seat"), str(n))), range(64)))
    assert found.count(True) == 1
    assert os.listdir(tmp_path / "seat") == [str(found.index(True))]
    assert os.listdir(tmp_path) == ["seat"]


def test_an_answer_that_was_lost_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.rename

    def twice(source: str, target: str, **given: int) -> None:
        real(source, target, **given)
        if not given:
            real(source, target)

    monkeypatch.setattr(os, "rename", twice)
    assert _held(claims.settle(str(tmp_path / "seat"), "me"))
    assert os.listdir(tmp_path / "seat") == ["me"]


def test_what_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "seat").touch()
    with pytest.raises(OSError, match=os.strerror(errno.ENOTDIR)):
        claims.settle(str(tmp_path / "seat"), "me")
    assert os.listdir(tmp_path) == ["seat"]


def test_owners_live_or_are_known_to_be_dead() -> None:
    mine, boot = claims.owner(os.getpid()), procfs.boot_id()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other:
        theirs = claims.owner(other.pid)
        assert claims.alive([theirs, mine]) == [other.pid, os.getpid()]
    assert claims.alive([theirs]) == []
    assert claims.owner(other.pid) == ""
    ticks = mine.split()[2]
    assert (
        claims.alive(["", "rubbish", f"other {os.getpid()} {ticks}", f"{boot} {os.getpid()} 1", f"{boot} x {ticks}"])
        == []
    )
