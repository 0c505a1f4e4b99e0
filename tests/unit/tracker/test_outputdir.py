"""Where output without a path is kept, by the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import (
    DeniedByDrmsException,
    DrmCommunicationException,
    InvalidArgumentException,
    OutOfResourceException,
)
from proctracker.store import Home
from proctracker.tracker import infos, outputdir


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path / "state"))


def test_it_is_the_users_and_the_homes_own(tmp_path: Path, home: Home) -> None:
    found: list[str] = []
    for each in (home, Home(str(tmp_path / "other"))):
        spec: dict[str, Any] = {}
        outputdir.settle(spec, str(tmp_path), each)
        found.append(spec["output_dir"])
        assert spec["output_dir"] == f"{tmp_path}/{infos.owner()}/{each.uuid}"
        assert os.stat(spec["output_dir"]).st_mode & 0o777 == 0o700
    assert found[0] != found[1]


def test_nothing_is_configured(home: Home) -> None:
    spec: dict[str, Any] = {"output_dir": "/of/an/older/job"}
    outputdir.settle(spec, None, home)
    assert spec == {"output_dir": None}
    assert not os.path.exists(home.path)


def test_what_cannot_be_used(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for name, kind in (("none", InvalidArgumentException), ("file", DrmCommunicationException)):
        with pytest.raises(kind, match=f"^output_dir .*{tmp_path}/{name}.*name another output_dir"):
            outputdir.settle({}, str(tmp_path / name), home)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(DeniedByDrmsException, match=f"{tmp_path}/open can be written by others"):
        outputdir.settle({}, str(tmp_path / "open"), home)

    def full(name: str, mode: int, *, dir_fd: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "mkdir", full)
    with pytest.raises(OutOfResourceException, match="No space left"):
        outputdir.settle({}, str(tmp_path), home)
