"""The state directory."""

from __future__ import annotations

import errno
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proctracker.errors import (
    DeniedByDrmsException,
    DrmCommunicationException,
    InvalidArgumentException,
    OutOfResourceException,
)
from proctracker.store import Home, Store, home_path

ENTRY = pwd.getpwuid(os.geteuid())
NAME = ENTRY.pw_name


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"PROCTRACKER_HOME": "/p", "XDG_STATE_HOME": "/x", "HOME": "/h"}, "/p"),
        ({"XDG_STATE_HOME": "/x", "HOME": "/h"}, "/x/proctracker"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/h"}, "/h/.local/state/proctracker"),
        ({"HOME": "/h", "PROCTRACKER_HOME": ""}, "/h/.local/state/proctracker"),
    ],
)
def test_home_path(environ: dict[str, str], expected: str) -> None:
    assert home_path(environ) == expected


@pytest.mark.parametrize("given", ["s", "./s", "../s", "."])
def test_a_relative_home_is_refused(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidArgumentException, match=f"PROCTRACKER_HOME: '{re.escape(given)}' is relative"):
        home_path({"PROCTRACKER_HOME": given, "HOME": "/h"})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [("~/x", "/h/x"), ("~", "/h"), (f"~{NAME}/x", f"{ENTRY.pw_dir}/x"), ("/a/~/x", "/a/~/x")],
)
def test_a_tilde_is_expanded(given: str, expected: str) -> None:
    assert home_path({"PROCTRACKER_HOME": given, "HOME": "/h"}) == expected


def test_a_tilde_without_home_is_the_passwd_entrys() -> None:
    assert home_path({"PROCTRACKER_HOME": "~/x"}) == f"{ENTRY.pw_dir}/x"
    assert home_path({"HOME": ""}) == f"{ENTRY.pw_dir}/.local/state/proctracker"


@pytest.mark.parametrize(
    "environ", [{}, {"PROCTRACKER_HOME": "~/x"}, {"HOME": "relative"}, {"PROCTRACKER_HOME": "~nobody-has-this/x"}]
)
def test_nobody_knows_what_the_home_is(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(who: object) -> None:
        raise KeyError(who)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(InvalidArgumentException, match=r"PROCTRACKER_HOME: .*(name an absolute|is relative)"):
        home_path(environ)


def test_everything_is_private(home: Home, store: Store) -> None:
    store.add_context("a", "{}")
    found = {os.path.join(folder, name) for folder, _, names in os.walk(home.path) for name in names}
    assert {home.database, f"{home.database}-wal"} <= found
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in found} == {0o600}
    folders = {folder for folder, _, _ in os.walk(home.path)}
    assert {home.path, home.here, home.run, home.kept_dir, home.starts, home.ids} <= folders
    assert {stat.S_IMODE(os.stat(path).st_mode) for path in folders} == {0o700}


def test_a_generous_umask_opens_nothing(home: Home) -> None:
    old = os.umask(0)
    try:
        Store(home).close()
    finally:
        os.umask(old)
    modes = {
        stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
        for folder, folders, names in os.walk(home.path)
        for name in (*folders, *names)
    }
    assert modes == {0o700, 0o600}


def test_of_many_that_prepare_at_once_all_see_one_uuid(home: Home) -> None:
    script = "import sys; from proctracker.store import Home; h = Home(*sys.argv[1:]); h.prepare(); print(h.uuid)"
    argv = [sys.executable, "-c", script, home.path, "node1"]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE) for _ in range(8)]
    found = {each.communicate()[0] for each in running}
    assert found == {f"{home.uuid}\n".encode()}
    assert len(home.uuid) == 36
    assert sorted(os.listdir(home.path)) == ["ids", "node1", "uuid"]


def test_a_file_system_without_hard_links(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: str, target: str) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    home.prepare()
    again = Home(home.path, "node2")
    again.prepare()
    assert home.uuid == again.uuid


def test_no_uuid_before_it_is_prepared(home: Home) -> None:
    with pytest.raises(DrmCommunicationException, match=f"no proctracker state in {home.path}"):
        assert home.uuid


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
@pytest.mark.parametrize("name", ["", "node1", "node1/run", "ids"])
def test_a_directory_others_can_write_is_refused(home: Home, mode: int, name: str) -> None:
    home.prepare()
    folder = os.path.join(home.path, name).rstrip("/")
    os.chmod(folder, mode)
    with pytest.raises(DeniedByDrmsException, match=f"{folder} can be written by others: `chmod go-w"):
        home.prepare()
    if name in ("", "node1"):
        with pytest.raises(DeniedByDrmsException, match="can be written by others"):
            home.check()
    with pytest.raises(DeniedByDrmsException):
        Store(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a directory away")
def test_a_directory_of_someone_else_is_refused_to_root_too(home: Home) -> None:
    home.prepare()
    os.chown(home.path, 12345, -1)
    for call in (home.prepare, home.check):
        with pytest.raises(DeniedByDrmsException, match="belongs to uid 12345, not to 0: set PROCTRACKER_HOME"):
            call()


def test_each_confinement_has_a_socket_of_its_own(home: Home) -> None:
    assert os.path.dirname(home.socket("main")) == home.run
    assert home.socket("main") != home.socket("0123456789ab")


def test_check_makes_nothing(home: Home) -> None:
    assert home.check() is False
    assert not os.path.exists(home.path)
    Store(home).close()
    assert home.check() is True
    assert Home(f"{home.database}/below").check() is False


def test_a_home_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DrmCommunicationException, match=f"state directory {tmp_path}/file.*set PROCTRACKER_HOME"):
        Home(str(tmp_path / "file" / "state")).prepare()


def test_no_room_for_a_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, mode: int = 0, *, dir_fd: int) -> None:
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(OutOfResourceException, match=f"{home.path}: No space left"):
        home.prepare()


def test_hosts_side_by_side(tmp_path: Path) -> None:
    homes = [Home(str(tmp_path), host) for host in ("b", "a", "ids", "uuid")]
    for home in homes[:3]:
        Store(home).close()
    assert [each.host for each in Home(str(tmp_path), "c").others()] == ["a", "b", "ids"]
    assert [each.host for each in homes[0].others()] == ["a", "ids"]
    assert [each.host for each in homes[2].others()] == ["a", "b"]
    assert Home(str(tmp_path / "none")).others() == []
    assert len({each.here for each in homes} | {each.ids for each in homes}) == 5
    assert Home("/x").host == os.uname().nodename


def test_a_home_is_its_path_and_host() -> None:
    assert Home("/x/../y", "a") == Home("/y", "a") != Home("/y", "b")
    assert len({Home("/y", "a"), Home("/y", "a"), Home("/y", "b")}) == 2
    assert repr(Home("/y", "a")) == "Home('/y', 'a')"


@pytest.mark.parametrize(
    ("job", "folder", "expected"),
    [("42", None, "/y/a/output/0/42.1.out"), ("41043_7", "/scratch", "/scratch/41/41043_7.1.out")],
)
def test_where_output_is_kept(job: str, folder: str | None, expected: str) -> None:
    assert Home("/y", "a").kept(job, 1, "out", folder) == expected


def test_the_folder_of_a_call(home: Home) -> None:
    home.prepare()
    name = home.call_folder()
    assert name != home.call_folder()
    folder = Path(home.calls) / name
    assert [path.stat().st_mode & 0o777 for path in (folder, folder.parent)] == [0o700, 0o700]
    (folder / "result").touch()
    home.drop_call(name)
    home.drop_call(name)
    assert not folder.exists()


def test_a_limit_on_files_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    home = tmp_path / "state"
    script = """
import resource, sys
from proctracker.store import Home
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    Home(sys.argv[1]).prepare()
except Exception as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-B", "-c", script, str(home)], stdout=-1, text=True, check=True)
    assert "no file may have more than 0 KiB here (ulimit -f)" in done.stdout
    assert not list(home.glob("uuid*"))


def test_an_input_is_kept_private(home: Home) -> None:
    home.prepare()
    path = home.keep_input([b"x" * 3_000_000, b"", b"y"])
    assert os.path.dirname(path) == home.kept_dir
    assert Path(path).read_bytes() == b"x" * 3_000_000 + b"y"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_an_input_that_a_file_server_refuses_late_is_not_kept(
    home: Home, store: Store, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("refused_late")
    with pytest.raises(OutOfResourceException, match=r"output/in-.*: Disk quota exceeded: free some room"):
        home.keep_input([b"x"])
    assert not os.listdir(home.kept_dir)


def test_what_fails_to_be_read_leaves_no_input(home: Home) -> None:
    home.prepare()

    def parts() -> Iterator[bytes]:
        yield b"x"
        raise OSError(errno.EIO, "it broke", "standard input")

    with pytest.raises(OSError, match="it broke: 'standard input'"):
        home.keep_input(parts())
    assert not os.listdir(home.kept_dir)
