"""Plain processes."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException, UnsupportedOperationException
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes.base import PASSED, SUPERVISED, Engine, Request
from proctracker.runtimes.process import RUNTIME

HERE = Engine(())


def request(template: dict[str, Any], **more: Any) -> Request:
    """A start of this template."""
    return Request(HERE, JobTemplate(template), "7", 1, "n", "/f", "/keep.out", "/keep.err", {"A": "b"}, **more)


def test_launch_is_the_command_with_kept_output() -> None:
    launch = RUNTIME.launch(request({"remote_command": "echo", "args": ["a b"]}, directory="/w", append=True))
    assert (launch.kind, launch.argv, launch.environment) == (SUPERVISED, ("echo", "a b"), {"A": "b"})
    assert (launch.stdin, launch.stdout, launch.stderr) == (None, "/keep.out", "/keep.err")
    assert (launch.directory, launch.append, launch.files) == ("/w", True, {})


def test_arguments_alone_are_a_whole_command() -> None:
    assert RUNTIME.launch(request({"args": ["echo", "a"]})).argv == ("echo", "a")


def test_streams() -> None:
    launch = RUNTIME.launch(request({"remote_command": "x"}, input=PASSED, output="/o", error="/e"))
    assert (launch.stdin, launch.stdout, launch.stderr) == (PASSED, "/o", "/e")
    joined = RUNTIME.launch(request({"remote_command": "x", "join_files": True}, output="/o", error="/e"))
    assert (joined.stdout, joined.stderr) == ("/o", "/o")
    kept = RUNTIME.launch(request({"remote_command": "x", "join_files": True}))
    assert (kept.stdout, kept.stderr) == ("/keep.out", "/keep.out")


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ({"job_category": "busybox"}, "job_category"),
        ({"candidate_machines": ["a"]}, "candidate_machines"),
        ({"implementation_specific": {"privileged": True}}, "privileged"),
    ],
)
def test_what_only_containers_can_is_refused(template: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsupportedAttributeException, match=f"^{named}"):
        RUNTIME.check(JobTemplate({"remote_command": "x", **template}), HERE)


def test_what_it_can_is_taken() -> None:
    RUNTIME.check(JobTemplate({"args": ["x"], "implementation_specific": {"retries": 1, "append": True}}), HERE)


def test_an_empty_command_and_an_address_are_refused() -> None:
    with pytest.raises(InvalidArgumentException, match="nothing to run"):
        RUNTIME.check(JobTemplate(), HERE)
    with pytest.raises(InvalidArgumentException, match="neither an address"):
        RUNTIME.check(JobTemplate(remote_command="x"), Engine((), {"address": "/s"}))


def test_nothing_is_asked_of_a_cli() -> None:
    asked = (
        lambda: RUNTIME.look(HERE, ["a"]),
        lambda: RUNTIME.end(HERE, "a"),
        lambda: RUNTIME.ours(HERE, {}),
        lambda: RUNTIME.control(HERE, "suspend", "a"),
        lambda: RUNTIME.remove(HERE, ["a"]),
        lambda: RUNTIME.logs(HERE, "a"),
    )
    for ask in asked:
        with pytest.raises(UnsupportedOperationException):
            ask()


def test_answers_without_a_call() -> None:
    for dialog, answer in (
        (RUNTIME.categories(HERE), ()),
        (RUNTIME.has_image(HERE, "a"), False),
        (RUNTIME.image_environment(HERE, "a"), {}),
        (RUNTIME.version(HERE), ""),
    ):
        with pytest.raises(StopIteration) as stop:
            next(dialog)
        assert stop.value.value == answer
    assert RUNTIME.pull(HERE, "a") is None
    assert RUNTIME.failed_start(Completed((), 127, "", "x: not found\n")) == (127, "x: not found")


@pytest.mark.parametrize(
    ("given", "bounds"),
    [
        ({}, {}),
        ({"memory_limit": "32M"}, {"memory.max": "33554432", "memory.swap.max": "0"}),
        ({"memoryLimit": 4096}, {"memory.max": "4096", "memory.swap.max": "0"}),
        ({"cpus": "1.5"}, {"cpu.max": "150000 100000"}),
        ({"cpus": 2}, {"cpu.max": "200000 100000"}),
    ],
)
def test_bounds_of_the_whole_job(given: dict[str, Any], bounds: dict[str, str]) -> None:
    template = {"remote_command": "x", "implementation_specific": given}
    RUNTIME.check(JobTemplate(template), HERE)
    assert RUNTIME.launch(request(template)).bounds == bounds


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"memory_limit": "much"}, "memory_limit"),
        ({"cpus": "0"}, "cpus"),
        ({"cpus": "nan"}, "cpus"),
        ({"cpus": True}, "cpus"),
    ],
)
def test_bounds_that_are_none(given: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidArgumentException, match=f"^{word}"):
        RUNTIME.check(JobTemplate({"remote_command": "x", "implementation_specific": given}), HERE)
