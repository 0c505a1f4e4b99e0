"""Rootless podman without a session of systemd's: what is called, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.tracker import sessionless


@pytest.fixture
def rootless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An ordinary user on cgroup v2; whose bus may be in the folder returned."""
    unified = tmp_path / "controllers"
    unified.touch()
    monkeypatch.setattr(sessionless, "UNIFIED", str(unified))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() or 1000)
    monkeypatch.setattr(sessionless, "_own", lambda folder: True)
    return tmp_path


def test_with_a_session_nothing_changes(rootless: Path) -> None:
    (rootless / "bus").touch()
    env = {"XDG_RUNTIME_DIR": str(rootless)}
    assert sessionless.adjusted(("podman",), env) == (("podman",), env)
    env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={rootless}/bus,guid=1"}
    assert sessionless.adjusted(("podman",), env) == (("podman",), env)
    assert sessionless.adjusted(("podman",), {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=x"})[0] == ("podman",)


def test_without_one_podman_is_told_so_and_where_it_keeps_its_state(rootless: Path) -> None:
    command, env = sessionless.adjusted(("podman", "--root", "/r"), {"TMPDIR": "/scratch"})
    assert command == ("podman", "--cgroup-manager=cgroupfs", "--root", "/r")
    assert env["XDG_RUNTIME_DIR"] == f"/scratch/storage-run-{os.geteuid()}"
    command, env = sessionless.adjusted(("podman",), {"XDG_RUNTIME_DIR": "/run/user/1"})
    assert env == {"XDG_RUNTIME_DIR": "/run/user/1"}
    assert sessionless.adjusted(("podman", "--cgroup-manager=systemd"), {})[0] == ("podman", "--cgroup-manager=systemd")


def test_root_and_cgroup_v1_need_none(rootless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessionless, "UNIFIED", str(rootless / "none"))
    assert not sessionless.lacks_session({})


@pytest.mark.parametrize(
    ("extensions", "named"),
    [
        ({"memory_limit": "1G"}, "memory_limit"),
        ({"memoryLimit": 5}, "memoryLimit"),
        ({"cpus": 1}, "cpus"),
        ({"options": ["--cap-add=X", "--memory=1g"]}, "--memory=1g"),
        ({"options": "-m"}, "-m"),
        ({"options": ["--cap-add=X"], "network": "host"}, None),
        ({}, None),
    ],
)
def test_what_would_be_ignored(extensions: dict[str, Any], named: str | None) -> None:
    assert sessionless.bound(("podman", sessionless.CGROUPFS), extensions) == named
    assert sessionless.bound(("podman",), extensions) is None


def test_a_directory_must_be_ours_alone(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert sessionless._own(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert not sessionless._own(str(folder))
    (tmp_path / "link").symlink_to(folder)
    assert not sessionless._own(str(tmp_path / "link"))
