"""What a logout ends, and the way out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from proctracker.supervisor import logout
from proctracker.supervisor.logout import Login

_SESSION = "0::/user.slice/user-1000.slice/session-3.scope\n"


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        (_SESSION, "session-3.scope"),
        ("0::/user.slice/user-1000.slice/session-c2.scope\n", "session-c2.scope"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n", "user@1000.service"),
        ("5:memory:/user.slice/user-0.slice/session-1.scope\n1:name=systemd:/\n0::/\n", None),
        ("1:name=systemd:/user.slice/user-0.slice/session-1.scope\n", "session-1.scope"),
        ("0::/system.slice/cron.service\n", None),
        ("", None),
    ],
)
def test_login_place(cgroup: str, expected: str | None) -> None:
    assert logout.login_place(cgroup) == expected


def test_lingering_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "ann").touch()
    assert logout.lingers("ann", str(tmp_path))
    assert not logout.lingers("bob", str(tmp_path))
    assert not logout.lingers("", str(tmp_path))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], False),
        (["[Login]\n#KillUserProcesses=no\n"], False),
        (["[Login]\n#KillUserProcesses=yes\n"], True),
        (["[Login]\nKillUserProcesses=yes\n"], True),
        (["[Login]\n#KillUserProcesses=yes\n", "KillUserProcesses=no"], False),
        (["KillUserProcesses=no", "KillUserProcesses = yes"], True),
        (["KillUserProcesses=yes\nKillExcludeUsers=root ann"], False),
        (["KillUserProcesses=yes\nKillOnlyUsers=bob"], False),
        (["KillUserProcesses=yes\nKillOnlyUsers=bob ann"], True),
    ],
)
def test_kills(texts: list[str], expected: bool) -> None:
    assert logout.kills("ann", texts) is expected


def test_root_is_spared_by_default() -> None:
    assert not logout.kills("root", ["KillUserProcesses=yes"])
    assert logout.kills("root", ["KillUserProcesses=yes\nKillExcludeUsers="])


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Login("session-3.scope", False, True, "ann"), "KillUserProcesses"),
        (Login("user@1000.service", False, False, "ann"), "last logout"),
        (Login("session-3.scope", False, False, "ann"), None),
        (Login("session-3.scope", True, True, "ann"), None),
        (Login(None, False, False, "ann"), None),
    ],
)
def test_warning(login: Login, words: str | None) -> None:
    line = logout.warning(login)
    if words is None:
        assert line is None
    else:
        assert line
        assert words in line
        assert "loginctl enable-linger ann" in line


def _pretend(folder: Path, script: str) -> dict[str, str]:
    """An environment whose systemd-run is this shell script."""
    program = folder / "systemd-run"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder)}


@pytest.mark.parametrize(("script", "there"), [("exit 0", True), ("exit 1", False), ("exec /bin/sleep 5", False)])
def test_the_way_out_is_tried_first(script: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    environ = _pretend(tmp_path, script)
    found = logout.way_out(Login("session-3.scope", True, False, "ann"), environ, timeout=0.2 if not there else 10)
    assert found == (["systemd-run", "--user", "--scope", "--collect", "--quiet", "--"] if there else [])


@pytest.mark.parametrize(
    "login", [Login("session-3.scope", False, True), Login("user@1.service", True, False), Login(None, True, False)]
)
def test_nobody_moves_without_need(login: Login, tmp_path: Path) -> None:
    assert logout.way_out(login, _pretend(tmp_path, "exit 0")) == []


def test_without_systemd_we_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert logout.way_out(Login("session-3.scope", True, False), {"PATH": str(tmp_path)}) == []


def test_the_runtime_directory_is_kept() -> None:
    assert logout.manager_environ({"XDG_RUNTIME_DIR": "/x", "A": "1"}) == {"XDG_RUNTIME_DIR": "/x", "A": "1"}
    usual = f"/run/user/{os.getuid()}"
    assert logout.manager_environ({}).get("XDG_RUNTIME_DIR") in (None, usual)


def test_describe_reads_this_machine() -> None:
    login = logout.describe()
    assert login.user
    assert login.place is not None or not login.kills
