"""Paths that nobody else can change."""

from __future__ import annotations

import codecs
import ctypes
import grp
import io
import os
import pwd
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proctracker.errors import DeniedByDrmsException, InvalidArgumentException
from proctracker.linux import trusted

_SET_DUMPABLE = 4
_NEW_USER = 0x10000000
"""CLONE_NEWUSER of unshare(2)."""

root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give files away")


def _reached(path: object, **more: Any) -> os.stat_result:
    fd = trusted.reach(str(path), "move it", **more)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def _is(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@pytest.mark.parametrize(
    "way", ["", "a", "a/", "a//b", "./a/b", "a/../a/b", "link", "link/b", "abs/b", "dots/b", "up/b", "chain"]
)
def test_it_leads_where_the_kernel_goes(tmp_path: Path, way: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name, target in {
        "link": "a",
        "abs": f"{tmp_path}/a",
        "dots": "./a/b/..",
        "up": f"../{tmp_path.name}/a",
        "chain": "link/../link/b",
    }.items():
        os.symlink(target, tmp_path / name)
    found = _reached(f"{tmp_path}/{way}")
    assert (found.st_dev, found.st_ino) == _is(tmp_path / way)


def test_descriptors_are_closed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.symlink(str(tmp_path), tmp_path / "a" / "link")
    before = os.listdir("/proc/self/fd")
    _reached(tmp_path / "a" / "link" / "a")
    for way in ("none", "a/link/none"):
        with pytest.raises(FileNotFoundError) as told:
            _reached(tmp_path / way)
        assert told.value.filename.endswith("/none")
    os.chmod(tmp_path / "a", 0o777)
    with pytest.raises(DeniedByDrmsException):
        _reached(tmp_path / "a" / "link")
    assert os.listdir("/proc/self/fd") == before


def test_links_that_lead_in_a_circle(tmp_path: Path) -> None:
    os.symlink("b", tmp_path / "a")
    os.symlink("a", tmp_path / "b")
    with pytest.raises(OSError, match="Too many levels"):
        _reached(tmp_path / "a")


def test_what_is_missing_is_made_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        _reached(tmp_path / "a" / "b", make=True)
    finally:
        os.umask(old)
    assert [(tmp_path / name).stat().st_mode & 0o7777 for name in ("a", "a/b")] == [0o700, 0o700]


@pytest.mark.parametrize(
    ("mode", "safe"), [(0o700, True), (0o755, True), (0o702, False), (0o777, False), (0o1777, True)]
)
def test_who_can_write_to_a_directory_above(tmp_path: Path, mode: int, safe: bool) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a").chmod(mode)
    if safe:
        _reached(tmp_path / "a" / "b")
        return
    told = f"{tmp_path}/a can be written by others, who could put another {tmp_path}/a/b in its place: .* or move it"
    with pytest.raises(DeniedByDrmsException, match=told):
        _reached(tmp_path / "a" / "b")


@root
@pytest.mark.parametrize("name", ["a", "a/link", "a/b"])
def test_what_others_own(tmp_path: Path, name: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    os.symlink("b", tmp_path / "a" / "link")
    os.chown(tmp_path / name, 12345, -1, follow_symlinks=False)
    with pytest.raises(DeniedByDrmsException, match=f"{tmp_path}/{name} belongs to uid 12345, "):
        _reached(tmp_path / "a" / "link")


@pytest.mark.parametrize(
    ("group", "members", "first", "others", "listed", "safe"),
    [
        ("ann", [], 1, [2], False, True),
        ("ann", ["ann"], 1, [2], False, True),
        ("ann", ["ann", "bob"], 1, [], True, False),
        ("ann", ["bob"], 1, [], True, False),
        ("ann", [], 2, [], True, False),
        ("users", [], 1, [2], True, True),
        ("users", [], 1, [2], False, False),
        ("users", [], 1, [2, 1], True, False),
        ("users", ["bob"], 1, [2], True, False),
    ],
)
def test_a_group_that_is_private(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    group: str,
    members: list[str],
    first: int,
    others: list[int],
    listed: bool,
    safe: bool,
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a").chmod(0o775)
    ann = SimpleNamespace(pw_name="ann", pw_gid=first, pw_uid=7)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: ann)
    users = [ann, *(SimpleNamespace(pw_name="bob", pw_gid=gid, pw_uid=8) for gid in others)]
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    monkeypatch.setattr(trusted, "_all_listed", lambda: listed)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_name=group, gr_gid=1, gr_mem=members))
    if safe:
        _reached(tmp_path / "a" / "b")
        monkeypatch.setattr(os, "getxattr", lambda path, name: b"a list of more people")
    with pytest.raises(DeniedByDrmsException, match=f"{tmp_path}/a can be written by others"):
        _reached(tmp_path / "a" / "b")


@pytest.mark.parametrize(
    ("text", "all_of_them"),
    [
        ("passwd: files systemd # ldap\nhosts: dns\n", True),
        ("hosts: dns\n", True),
        (None, True),
        ("passwd: files sss\n", False),
        ("passwd:\tfiles ldap\n", False),
        ("passwd: compat\n", False),
    ],
)
def test_whether_all_users_are_listed(monkeypatch: pytest.MonkeyPatch, text: str | None, all_of_them: bool) -> None:
    def read(path: str, **how: str) -> io.StringIO:
        assert path == "/etc/nsswitch.conf"
        if text is None:
            raise FileNotFoundError(path)
        return io.StringIO(text)

    monkeypatch.setattr("builtins.open", read)
    assert trusted._all_listed() is all_of_them


def test_a_group_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(number: int) -> None:
        raise KeyError(number)

    (tmp_path / "a").mkdir()
    (tmp_path / "a").chmod(0o770)
    monkeypatch.setattr(grp, "getgrgid", unknown)
    with pytest.raises(DeniedByDrmsException):
        _reached(tmp_path / "a")


def test_what_is_held_is_ours_alone_whatever_its_group(tmp_path: Path) -> None:
    fd = trusted.hold(str(tmp_path), "move it")
    os.close(fd)
    for mode in (0o770, 0o1777):
        tmp_path.chmod(mode)
        with pytest.raises(
            DeniedByDrmsException, match=f"{tmp_path} can be written by others: `chmod go-w {tmp_path}`, or"
        ):
            trusted.hold(str(tmp_path), "move it")
    tmp_path.chmod(0o700)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        trusted.hold(str(tmp_path / "file"), "move it")


def test_below_what_is_held_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o700)
    os.symlink("a", tmp_path / "link")
    (tmp_path / "file").touch()
    fd = trusted.hold(str(tmp_path), "move it")
    try:
        with pytest.raises(DeniedByDrmsException, match="x is a symbolic link"):
            trusted.below(fd, ("link",), "x", "move it")
        with pytest.raises(NotADirectoryError):
            trusted.below(fd, ("file",), "x", "move it")
        with pytest.raises(FileNotFoundError):
            trusted.below(fd, ("a", "b"), "x", "move it")
        os.close(trusted.below(fd, ("a", "b"), "x", "move it", make=True))
        assert (tmp_path / "a" / "b").is_dir()
        (tmp_path / "a" / "b").chmod(0o777)
        with pytest.raises(DeniedByDrmsException, match="x can be written"):
            trusted.below(fd, ("a", "b"), "x", "move it")
    finally:
        os.close(fd)


@root
def test_in_a_user_namespace_that_does_not_know_root() -> None:
    """All directories of the system belong to nobody there."""
    mine = tempfile.mkdtemp(dir="/tmp")
    os.chown(mine, 12345, -1)
    codecs.lookup("ascii")  # its module may be where others cannot look
    child = os.fork()
    if not child:
        try:
            os.setresuid(12345, 12345, 12345)
            assert ctypes.CDLL(None).prctl(_SET_DUMPABLE, 1, 0, 0, 0) == ctypes.CDLL(None).unshare(_NEW_USER) == 0
            Path("/proc/self/uid_map").write_text("12345 12345 1")
            assert (os.geteuid(), os.stat("/").st_uid) == (12345, 65534)
            _reached(mine)
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    os.rmdir(mine)
    assert status == 0


def test_tildes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert trusted.expanded("~/x", {"HOME": "/h"}, "it") == "/h/x"
    assert trusted.expanded("a/~", {}, "it") == "a/~"
    with pytest.raises(InvalidArgumentException, match="it: there is no user 'nobody-at-all'"):
        trusted.expanded("~nobody-at-all", {"HOME": "/h"}, "it")
