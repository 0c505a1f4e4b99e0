"""Out of a session, as far as it can be seen without systemd: when it is asked for, and with which words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import logout
from proctracker.linux.logout import Login
from proctracker.supervisor.relocation import Relocation
from supervising import Desk

_IN = Login("session-3.scope", False, True, "ann")
_LINGERS = Login("session-3.scope", True, True, "ann")
_OUT = Login("user@1000.service", True, True, "ann")


@pytest.fixture
def moving(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Relocation, list[Any], list[Login]]:
    """A relocation, the calls it makes, and where the process is (the last counts)."""
    calls: list[Any] = []
    where = [_IN]
    monkeypatch.setattr(logout, "LINGER", str(tmp_path / "linger"))
    monkeypatch.setattr(logout, "describe", lambda pid="self": where[-1])
    monkeypatch.setattr(desk.service.calls, "start", lambda argv, engine, then, timeout: calls.append((argv, then)))
    found = Relocation(desk.here, desk.service.calls, desk.service.groups)
    monkeypatch.setattr(found, "_staying", lambda: [os.getpid(), 7] if where[-1] is not _OUT else [])
    return found, calls, where


def test_it_moves_as_soon_as_the_user_lingers(
    desk: Desk, tmp_path: Path, moving: tuple[Relocation, list[Any], list[Login]]
) -> None:
    relocation, calls, where = moving
    (tmp_path / "linger").mkdir()
    relocation.begin()
    assert calls == []
    where.append(_LINGERS)
    (tmp_path / "linger" / "ann").touch()
    desk.until(lambda: calls, "the call")
    argv = calls[0][0]
    assert argv[:2] == ["busctl", "--user"]
    assert "StartTransientUnit" in argv
    assert argv[argv.index("Delegate") :][:3] == ["Delegate", "b", "true"]
    assert argv[argv.index("PIDs") :] == ["PIDs", "au", "2", str(os.getpid()), "7", "0"]


@pytest.mark.parametrize("login", [_OUT, Login(None, False, False), Login("session-3.scope", False, True, root=True)])
def test_nobody_moves_without_need(
    login: Login, tmp_path: Path, moving: tuple[Relocation, list[Any], list[Login]]
) -> None:
    relocation, calls, where = moving
    (tmp_path / "linger").mkdir()
    where.append(login)
    relocation.begin()
    assert relocation._watched is None
    assert calls == []


def test_where_the_users_systemd_refuses_it_is_asked_again(
    desk: Desk, tmp_path: Path, moving: tuple[Relocation, list[Any], list[Login]]
) -> None:
    from proctracker.model import Completed

    relocation, calls, where = moving
    (tmp_path / "linger").mkdir()
    where.append(_LINGERS)
    relocation.begin()
    assert len(calls) == 1
    calls[0][1](Completed((), 1, "", "no"))
    (tmp_path / "linger" / "ann").touch()
    desk.until(lambda: len(calls) == 2, "the second call")
