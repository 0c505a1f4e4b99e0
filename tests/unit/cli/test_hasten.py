"""A supervisor's start begun early: only where one will be needed, and nothing is left of one that was not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from proctracker.cli.hasten import hasten
from proctracker.cli.main import main
from proctracker.client import start
from proctracker.store import Home
from proctracker.wire import confinement, election


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What is begun from now on; nothing is started."""
    made: list[tuple[str, str, str]] = []
    monkeypatch.setattr(start, "hasten", lambda home, key, durability: made.append((home.path, key, durability)))
    return made


def test_begun_where_none_runs(home: Home, begun: list[tuple[str, str, str]]) -> None:
    home.prepare()
    hasten()
    assert begun == [(home.path, confinement.key(), "process")]


def test_no_directory_is_made_for_a_command_that_may_be_wrong(home: Home, begun: list[tuple[str, str, str]]) -> None:
    hasten()
    assert begun == []
    assert os.listdir(home.path) == []


def test_not_where_one_listens(home: Home, begun: list[tuple[str, str, str]]) -> None:
    home.prepare()
    Path(home.socket(confinement.key())).touch()
    hasten()
    assert begun == []


def test_as_configured(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begun: list[tuple[str, str, str]]
) -> None:
    home.prepare()
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(tmp_path / "config.yaml"))
    (tmp_path / "config.yaml").write_text("durability: power\n")
    hasten()
    assert [durability for _, _, durability in begun] == ["power"]
    (tmp_path / "config.yaml").write_text("durability: often\n")
    hasten()
    assert len(begun) == 1


@pytest.mark.parametrize(
    ("words", "some"), [(["ps"], False), (["run"], False), (["submit", "--", "true"], True), (["run", "-h"], False)]
)
def test_commands_that_start_jobs(
    words: list[str], some: bool, home: Home, monkeypatch: pytest.MonkeyPatch, begun: list[tuple[str, str, str]]
) -> None:
    home.prepare()
    monkeypatch.setattr(sys.modules["proctracker.cli.main"], "_function", lambda command: lambda call: 0)
    assert main(words) == 0
    assert bool(begun) == some


def test_one_process_serves_both(home: Home) -> None:
    home.prepare()
    hasten()
    (starting,) = start._hastened.values()
    start.start(home, confinement.key())
    assert not start._hastened
    assert starting._pid not in election.holders(home.run, confinement.key())
    with pytest.raises(ChildProcessError):
        os.waitpid(starting._pid, os.WNOHANG)
