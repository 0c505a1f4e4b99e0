"""The dialogs that the docker-like CLIs share."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException, InvalidArgumentException, InvalidStateException
from proctracker.model import JobState, JobTemplate
from proctracker.runtimes.base import Engine
from proctracker.runtimes.shared import DockerLike
from proctracker.testing import ReplayRunner

CLI = Engine(("cli",))
RUNTIME = DockerLike()
LINE = '{"name":"/%s","id":"id-%s","state":{"Status":"exited","ExitCode":3}}\n'
TEMPLATE = JobTemplate(job_category="image", remote_command="x")


def test_the_contact_leads_every_call_to_its_engine() -> None:
    engine = Engine(("sudo", "cli"), {"address": "/run/s"})
    assert RUNTIME.argv(engine, "ps") == ("sudo", "cli", "--host", "unix:///run/s", "ps")
    assert RUNTIME.argv(Engine(("cli",), {"address": "tcp://h:1"}), "ps") == ("cli", "--host", "tcp://h:1", "ps")
    assert RUNTIME.argv(CLI, "ps") == ("cli", "ps")


def test_a_look_is_one_call_for_all() -> None:
    runner = ReplayRunner(
        {("cli", "container", "inspect"): (1, LINE % ("a", "a") + LINE % ("b", "b"), "No such container: c")}
    )
    seen = runner.converse(RUNTIME.look(CLI, ["a", "b", "c"]))
    assert {name: each.exit_status for name, each in seen.items()} == {"a": 3, "b": 3}
    assert len(runner.calls) == 1
    assert runner.calls[0][-3:] == ("a", "b", "c")


def test_a_look_at_nothing_asks_nothing() -> None:
    runner = ReplayRunner({})
    assert runner.converse(RUNTIME.look(CLI, [])) == {}
    assert runner.converse(RUNTIME.remove(CLI, [])) == {}
    assert runner.calls == []


def test_end_is_none_where_the_engine_knows_nothing() -> None:
    runner = ReplayRunner({("cli",): (1, "", "Error: No such object: a")})
    assert runner.converse(RUNTIME.end(CLI, "a")) is None
    runner = ReplayRunner({("cli",): LINE % ("a", "a")})
    found = runner.converse(RUNTIME.end(CLI, "a"))
    assert found
    assert found.state is JobState.FAILED


def test_ours_lists_by_labels_and_looks() -> None:
    runner = ReplayRunner({("cli", "ps"): "id-a\n", ("cli", "container"): LINE % ("a", "a")})
    assert list(runner.converse(RUNTIME.ours(CLI, {"k": "v", "l": "w"}))) == ["a"]
    assert runner.calls[0] == (
        "cli",
        "ps",
        "--all",
        "--no-trunc",
        "--quiet",
        "--filter=label=k=v",
        "--filter=label=l=w",
    )
    with pytest.raises(DrmCommunicationException):
        ReplayRunner({("cli", "ps"): (1, "", "Error: no")}).converse(RUNTIME.ours(CLI, {}))


@pytest.mark.parametrize(
    ("action", "signal", "words"),
    [
        ("suspend", "SIGTERM", ("pause", "a")),
        ("resume", "SIGTERM", ("unpause", "a")),
        ("kill", "term", ("kill", "--signal=SIGTERM", "a")),
        ("kill", "9", ("kill", "--signal=SIGKILL", "a")),
    ],
)
def test_controls(action: str, signal: str, words: tuple[str, ...]) -> None:
    runner = ReplayRunner({("cli",): ""})
    assert runner.converse(RUNTIME.control(CLI, action, "a", signal)) is None
    assert runner.calls == [("cli", *words)]
    with pytest.raises(InvalidStateException, match="cli: Container a is not running"):
        ReplayRunner({("cli",): (1, "", "Error response from daemon: Container a is not running")}).converse(
            RUNTIME.control(CLI, action, "a", signal)
        )


def test_a_signal_that_is_none() -> None:
    with pytest.raises(InvalidArgumentException):
        ReplayRunner({}).converse(RUNTIME.control(CLI, "kill", "a", "NOSUCH"))


def test_remove_tells_what_is_left_and_why() -> None:
    stderr = "Error response from daemon: cannot remove id-a: it is running\nError: No such container: c\n"
    runner = ReplayRunner(
        {("cli", "rm"): (1, "b\n", stderr), ("cli", "container"): (1, LINE % ("a", "a"), "No such container")}
    )
    assert runner.converse(RUNTIME.remove(CLI, ["a", "b", "c"])) == {"a": "cannot remove id-a: it is running"}
    runner = ReplayRunner({("cli", "rm"): ""})
    assert runner.converse(RUNTIME.remove(CLI, ["a"], force=True)) == {}
    assert runner.calls == [("cli", "rm", "--volumes", "--force", "a")]


def test_images() -> None:
    listed = "localhost/b:1\n<none>:<none>\nlocalhost/a:2\nlocalhost/a:2\n"
    runner = ReplayRunner({("cli", "images"): listed, ("cli", "image", "inspect"): "sha256:1\n"})
    assert runner.converse(RUNTIME.categories(CLI)) == ["localhost/a:2", "localhost/b:1"]
    assert runner.converse(RUNTIME.has_image(CLI, "a")) is True
    assert ReplayRunner({("cli",): (1, "", "Error: a: image not known")}).converse(RUNTIME.has_image(CLI, "a")) is False
    with pytest.raises(DrmCommunicationException):
        ReplayRunner({("cli",): (1, "", "Cannot connect to the Docker daemon")}).converse(RUNTIME.has_image(CLI, "a"))
    assert RUNTIME.pull(CLI, "a") == ("cli", "pull", "a")


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ('["PATH=/bin:/x=y","PYTHON_VERSION=3.11.2","ODD"]\n', {"PATH": "/bin:/x=y", "PYTHON_VERSION": "3.11.2"}),
        ("null\n", {}),
        ("what?\n", {}),
        ((1, "", "Error: a: image not known"), {}),
    ],
)
def test_what_an_image_sets(told: Any, found: dict[str, str]) -> None:
    assert ReplayRunner({("cli", "image", "inspect"): told}).converse(RUNTIME.image_environment(CLI, "a")) == found


def test_logs() -> None:
    assert RUNTIME.logs(CLI, "a") == ("cli", "logs", "a")
    assert RUNTIME.logs(CLI, "a", follow=True) == ("cli", "logs", "--follow", "a")
    found = RUNTIME.part_of_logs(RUNTIME.logs(CLI, "a"), "2026-01-31T18:00:00Z", True, 3)
    assert found == ("cli", "logs", "--tail=3", "--since=2026-01-31T18:00:00Z", "--timestamps", "a")
    assert RUNTIME.part_of_logs(("logs", "a"), None, False, None) == ("logs", "a")


def test_check_wants_an_image() -> None:
    RUNTIME.check(TEMPLATE, CLI)
    with pytest.raises(InvalidArgumentException, match="job_category"):
        RUNTIME.check(JobTemplate(remote_command="x"), CLI)
