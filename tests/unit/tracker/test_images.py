"""Fetching images. The CLIs are stand-ins here: no registry can be reached that has any."""

from __future__ import annotations

import io
import os
import pty
from pathlib import Path
from typing import Any

import pytest

from proctracker import runtimes
from proctracker.config import Category, Config
from proctracker.errors import InvalidArgumentException
from proctracker.runtimes.base import Engine
from proctracker.tracker import images
from proctracker.tracker.contacts import Target

_CLI = """#!/bin/sh
echo "$*" >>{folder}/calls
case "$*" in
*inspect*) [ ! -e {folder}/env ] || cat {folder}/env; [ -e {folder}/has ] ;;
*"images ls"*) [ ! -e {folder}/has ] || echo image ;;
*pull*) [ ! -t 1 ] || [ ! -t 2 ] || echo "a terminal"; echo "Copying blob"; echo "no such host" >&2; [ ! -e {folder}/fails ] ;;
esac
"""


class Stand:
    """A CLI that writes its calls down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cli = folder / "cli"
        self._cli.write_text(_CLI.format(folder=folder))
        self._cli.chmod(0o755)

    def fetch(self, runtime: str, terminal: Any = None, **template: Any) -> list[str]:
        """What was called for a job with this template."""
        target = Target(runtime, runtimes.get(runtime), Engine((str(self._cli),), {}, {"PATH": "/usr/bin:/bin"}))
        images.fetch(target, {"template": {"job_category": "image", **template}}, Config(), terminal)
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def _pull(policy: str) -> dict[str, Any]:
    return {"implementation_specific": {"pull": policy}}


@pytest.mark.parametrize("runtime", ["podman", "docker", "ctr"])
def test_nothing_is_asked_where_nobody_looks_and_nothing_was_said(stand: Stand, runtime: str) -> None:
    assert stand.fetch(runtime) == []
    assert stand.fetch(runtime, **_pull("never")) == []


@pytest.mark.parametrize("runtime", ["podman", "docker", "nerdctl", "ctr"])
def test_progress_is_shown_on_a_terminal(stand: Stand, runtime: str) -> None:
    ours, theirs = pty.openpty()
    with open(theirs, "wb", buffering=0) as terminal:
        stand.fetch(runtime, terminal, **_pull("missing"))
        assert os.read(ours, 4096) == b"a terminal\r\nCopying blob\r\nno such host\r\n"
    os.close(ours)


@pytest.mark.parametrize("runtime", ["podman", "docker"])
def test_a_missing_image_is_fetched_with_progress(stand: Stand, runtime: str, tmp_path: Path) -> None:
    with open(tmp_path / "terminal", "w+b") as terminal:
        asked, fetched = stand.fetch(runtime, terminal)
        assert "inspect" in asked
        assert fetched.endswith("pull image")
        assert (tmp_path / "terminal").read_text() == "Copying blob\nno such host\n"
        (tmp_path / "has").touch()
        assert len(stand.fetch(runtime, terminal)) == 3
        assert stand.fetch(runtime, terminal, **_pull("always"))[-1].endswith("pull image")


def test_a_fetch_that_fails_is_left_to_the_start_to_tell(stand: Stand, tmp_path: Path) -> None:
    (tmp_path / "fails").touch()
    with open(tmp_path / "terminal", "w+b") as terminal:
        assert len(stand.fetch("podman", terminal)) == 2


def test_ctr_has_the_client_fetch(stand: Stand, tmp_path: Path) -> None:
    assert [line.split()[-2:] for line in stand.fetch("ctr", **_pull("missing"))][-1] == ["pull", "image"]
    (tmp_path / "fails").touch()
    with pytest.raises(InvalidArgumentException, match="image could not be fetched: no such host"):
        stand.fetch("ctr", **_pull("always"))
    (tmp_path / "has").touch()
    assert "pull" not in stand.fetch("ctr", **_pull("missing"))[-1]


def test_no_image_is_no_question(stand: Stand) -> None:
    assert stand.fetch("podman", io.BytesIO(), job_category=None) == []


def test_what_an_image_sets_is_known_where_it_is_here(stand: Stand, tmp_path: Path) -> None:
    target = Target("podman", runtimes.get("podman"), Engine((str(tmp_path / "cli"),), {}, {"PATH": "/usr/bin:/bin"}))
    (tmp_path / "env").write_text('["A=1"]')
    assert images.environment(target, "image", Config()) == {}
    (tmp_path / "has").touch()
    named = Config(categories={"named": Category("registry/image", [])})
    assert images.environment(target, "named", named) == {"A": "1"}
    assert (tmp_path / "calls").read_text().splitlines()[-1].endswith(" registry/image")
    missing = Target("podman", target.runtime, Engine((str(tmp_path / "gone"),), {}, {}))
    assert images.environment(missing, "image", Config()) == {}
