"""What may come next in a command line."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.cli.commands import COMMANDS


@pytest.fixture
def offered(pt: Any) -> Any:
    """What is offered in place of the last word."""

    def ask(*words: str) -> list[str]:
        done = pt("completion", "words", "--", *words)
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    return ask


@pytest.fixture
def jobs(pt: Any) -> None:
    """A job that has ended, one that is held, an array of two that has ended."""
    pt("submit", "-n", "render", "true")
    pt("-s", "night", "submit", "--hold", "true")
    pt("array", "1-2", "true")
    pt("wait", "1", "3")


def test_commands_and_options(offered: Any) -> None:
    assert offered("su") == ["submit", "suspend"]
    assert offered("") == [*COMMANDS, "help"]
    assert offered("help", "sub") == ["submit"]
    assert offered("--v") == ["--version"]
    assert offered("wait", "--a") == ["--any", "--all"]
    assert offered("-s", "x", "ps", "--st") == ["--state"]
    assert "--image" in offered("submit", "-n", "x", "--")


def test_sessions_contacts_and_states(offered: Any, jobs: None) -> None:
    assert offered("-s", "") == ["default", "night"]
    assert offered("ps", "--session", "n") == ["night"]
    assert offered("session", "destroy", "n") == ["night"]
    assert offered("session", "") == ["list", "create", "set", "start", "destroy"]
    assert {"process", "podman", "docker"} <= set(offered("-c", ""))
    assert offered("submit", "-c", "pod") == ["podman"]
    assert offered("ps", "--state", "QUEUED") == ["QUEUED", "QUEUED_HELD"]
    assert offered("ps", "--state", "DONE,RUN") == ["DONE,RUNNING"]
    assert offered("ps", "--state", "=", "RUN") == ["RUNNING"]
    assert offered("ps", "--state", "=") == offered("ps", "--state", "")
    assert offered("completion", "b") == ["bash"]


def test_ids_that_fit_the_command(offered: Any, jobs: None) -> None:
    assert offered("info", "") == ["3", "1", "2", "3_1", "3_2", "render"]
    assert offered("info", "1", "3_") == ["3_1", "3_2"]
    assert offered("terminate", "") == ["2"]
    assert offered("reap", "") == ["3", "1", "3_1", "3_2", "render"]
    assert offered("submit", "--after", "1,2") == ["1,2"]
    assert offered("-s", "night", "info", "") == ["3", "1", "2", "3_1", "3_2", "render"]
    assert offered("top", "") == []


def test_a_jobs_own_words_are_files(offered: Any, jobs: None) -> None:
    for words in (
        ("run", ""),
        ("run", "ls", "-"),
        ("run", "--", "wait", "--a"),
        ("submit", "-o", ""),
        ("array", "1-3", "ls", "-"),
    ):
        assert offered(*words) == [] or words[0] == "array"
    assert "--over" in offered("array", "1-3", "--")


def test_nothing_is_said_where_there_is_nothing(offered: Any) -> None:
    assert offered("info", "") == []
    assert offered("nonsense", "x") == []
    assert offered() == [*COMMANDS, "help"]
