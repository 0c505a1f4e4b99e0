"""What a logout ends, and the way out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.linux import logout
from proctracker.linux.logout import Login

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
        (Login(None, False, False, "ann"), None),
        (Login("user@1000.service", True, True, "ann"), None),
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


def test_who_lingers_and_still_is_in_a_session_is_told_why() -> None:
    line = logout.warning(Login("session-3.scope", True, True, "ann"))
    assert line
    assert "ann lingers" in line
    assert "enable-linger" not in line


def test_root_in_a_session_of_somebody_else() -> None:
    line = logout.warning(Login("session-3.scope", False, True, "ann", root=True))
    assert line
    assert "ann's logout" in line
    assert "log in as root" in line


def test_a_service_is_named_and_not_a_logout() -> None:
    line = logout.warning(Login(None, False, False, "ann"), "nightly.service")
    assert line
    assert "nightly.service stops" in line
    assert "logout" not in line


_USER = ["systemd-run", "--user", "--scope", "--collect", "--quiet"]


@pytest.mark.parametrize(
    ("login", "words"),
    [
        (Login("session-3.scope", True, False, "ann"), _USER),
        (Login("user@1.service", False, False, "ann"), _USER),
        (Login("session-3.scope", False, True, "ann", root=True), ["systemd-run", "--scope", "--collect", "--quiet"]),
        (Login("session-3.scope", False, False), []),
        (Login("session-3.scope", False, True), []),
        (Login("user@1.service", True, False, "ann", bounded="run-r1.scope"), []),
        (Login(None, True, False), []),
    ],
)
def test_the_way_out(login: Login, words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(logout, "BOOTED", str(tmp_path))
    found = logout.way_out(login)
    assert found[: len(words)] == words
    assert bool(found) is bool(words)
    if words:
        assert "--property=Delegate=yes" in found
        monkeypatch.setattr(logout, "BOOTED", str(tmp_path / "no"))
        assert logout.way_out(login) == []


@pytest.mark.parametrize(
    ("login", "expected"),
    [
        (Login("session-3.scope", False, True), "session-3.scope"),
        (Login("session-3.scope", True, True), "session-3.scope"),
        (Login("session-3.scope", False, False), None),
        (Login("user@1.service", False, False), "user@1.service"),
        (Login("user@1.service", True, True), None),
        (Login(None, False, False), None),
    ],
)
def test_what_ends_a_place_early(login: Login, expected: str | None) -> None:
    assert login.lifetime == expected


def test_where_the_way_out_leads() -> None:
    assert logout.left(Login("session-3.scope", True, True)).lifetime is None
    assert logout.left(Login("user@1.service", False, False)).lifetime == f"user@{os.getuid()}.service"
    assert logout.left(Login("session-3.scope", False, True, root=True)).lifetime is None


@pytest.mark.parametrize(
    ("unit", "limits", "bounded"),
    [
        ("run-r1.scope", {"memory.max": "33554432\n"}, "run-r1.scope"),
        ("run-r1.scope", {"cpu.max": "50000 100000\n"}, "run-r1.scope"),
        ("run-r1.scope", {"memory.max": "max\n", "cpu.max": "max 100000\n"}, None),
        ("run-r1.scope", {}, None),
        ("job-3.1", {"memory.max": "33554432\n"}, None),
    ],
)
def test_a_unit_with_limits_of_its_own(
    unit: str, limits: dict[str, str], bounded: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = f"/user.slice/user-1000.slice/user@1000.service/app.slice/{unit}"
    files = {f"/sys/fs/cgroup{place}/{name}": text for name, text in limits.items()}
    monkeypatch.setattr(logout, "text_of", lambda path: files.get(path, ""))
    assert logout._bounded(f"0::{place}\n") == bounded


def test_the_runtime_directory_is_kept() -> None:
    assert logout.manager_environ({"XDG_RUNTIME_DIR": "/x", "A": "1"}) == {"XDG_RUNTIME_DIR": "/x", "A": "1"}
    usual = f"/run/user/{os.getuid()}"
    assert logout.manager_environ({}).get("XDG_RUNTIME_DIR") in (None, usual)


def test_describe_reads_this_machine() -> None:
    login = logout.describe()
    assert login.user
    assert login.place is not None or not login.kills


@pytest.mark.parametrize(
    "login", [Login(None, True, False), Login("session-3.scope", False, False), Login("user@1.service", True, False)]
)
def test_nothing_is_expected_without_systemd(login: Login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logout, "BOOTED", str(tmp_path / "no"))
    assert not logout.delegates(login)
