"""The file a command names, and what is wrong with one that cannot be executed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proctracker.records import replace
from proctracker.runtimes.base import PASSED, Launch
from proctracker.supervisor.processes.command import NOT_EXECUTABLE, NOT_FOUND, NOT_STARTED, StartFailed, apart, find


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("search", "expected"),
    [("a:b", "{}/a/tool"), ("b:a", "{}/a/tool"), ("", "{}/tool"), ("nosuch:", "{}/tool")],
)
def test_commands_are_found_by_the_jobs_path(here: Path, search: str, expected: str) -> None:
    for name, mode in (("a/tool", 0o755), ("b/tool", 0o644), ("tool", 0o755)):
        (here / name).write_text("#!/bin/sh\n")
        (here / name).chmod(mode)
    assert os.path.normpath(find("tool", search, str(here))) == expected.format(here)
    assert find("sh", None, "/").endswith("/bin/sh")
    assert find("a/tool", search, str(here)) == "a/tool"


@pytest.mark.parametrize(
    ("word", "status", "why"),
    [
        ("nosuch", NOT_FOUND, "nosuch: command not found"),
        ("no such | thing", NOT_FOUND, "it holds shell characters"),
        ("/no/such", NOT_FOUND, "/no/such: no such file"),
        ("./a", NOT_EXECUTABLE, "./a: is a directory"),
        ("./file", NOT_EXECUTABLE, "./file: not executable (chmod +x it, or name its interpreter)"),
    ],
)
def test_what_cannot_be_executed_is_told(here: Path, word: str, status: int, why: str) -> None:
    (here / "file").write_text("x")
    with pytest.raises(StartFailed) as told:
        find(word, "/nowhere", str(here))
    assert told.value.status == status
    assert why in told.value.reason


def test_input_and_output_are_two_files(here: Path) -> None:
    (here / "in").write_text("x")
    (here / "link").symlink_to(here / "in")
    launch = Launch("supervised", ("cat",), stdin=str(here / "in"), stdout=str(here / "out"))
    apart(launch)
    apart(replace(launch, stdin=os.devnull, stdout=os.devnull))
    apart(replace(launch, stdin=PASSED))
    for name in ("in", "a/../in", "link"):
        with pytest.raises(StartFailed, match="same file") as failed:
            apart(replace(launch, stderr=str(here / name)))
        assert failed.value.status == NOT_STARTED
