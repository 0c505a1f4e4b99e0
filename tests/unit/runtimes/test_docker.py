"""docker's starts; what it prints is in the recordings."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes.base import ATTACHED, DETACHED, Engine, Launch, Request
from proctracker.runtimes.docker import LOG, PODMAN, RUNTIME
from proctracker.testing import ReplayRunner

CLI = Engine(("docker",))


def launch(extensions: dict[str, Any] | None = None, **more: Any) -> Launch:
    """The start of a template with these extensions."""
    template = JobTemplate(job_category="image", args=["x"], implementation_specific=extensions or {})
    RUNTIME.check(template, CLI)
    return RUNTIME.launch(Request(CLI, template, "7", 1, "n", "/f", "/keep.out", "/keep.err", **more))


def test_without_files_it_is_detached() -> None:
    found = launch()
    assert found.argv == (
        "docker",
        "run",
        "--detach",
        "--name=n",
        "--cidfile=/f/id",
        "--label-file=/f/labels",
        *LOG,
        "image",
        "x",
    )
    assert (found.kind, found.stdout, found.pid_file, found.id_file) == (DETACHED, None, None, "/f/id")


def test_with_files_the_command_carries_them() -> None:
    found = launch(input="/i", output="/o")
    # Made first, with docker's own words apart from the job's.
    assert found.argv[:2] == ("/bin/sh", "-c")
    assert 'exec docker start --attach --interactive "$(cat "$0/id")"' in found.argv[2]
    assert found.argv[3:8] == ("/f", "docker", "create", "--interactive", "--name=n")
    assert "--detach" not in found.argv
    assert (found.kind, found.stdin, found.stdout, found.stderr) == (ATTACHED, "/i", "/o", "/keep.err")


def test_another_log_is_a_users_choice() -> None:
    argv = launch({"options": ["--log-driver", "syslog"]}).argv
    assert "syslog" in argv
    assert not set(LOG) & {*argv}


def test_private_namespaces_are_its_default() -> None:
    assert launch({"uts": "private", "pid": "private"}).argv == launch().argv
    assert "--uts=host" in launch({"uts": "host"}).argv
    assert "--ipc=private" in launch({"ipc": "private"}).argv


REFUSED = {
    "podman 4.3.1": "Error: running container create option: invalid log driver: invalid argument\n",
    "podman 4.3.1's service": (
        "docker: Error response from daemon: container create: running container create option: invalid log driver: invalid argument\n\n"
        "Run 'docker run --help' for more information\n"
    ),
}
"""How podman refuses docker's log driver ``local``, recorded."""


@pytest.mark.parametrize("who", REFUSED)
def test_podman_in_its_place_is_named_by_a_start(who: str) -> None:
    assert RUNTIME.failed_start(Completed((), 125, "", REFUSED[who])) == (125, PODMAN)
    assert RUNTIME.failed_start(Completed((), 125, "", "docker: no such image\n")) == (125, "no such image")


@pytest.mark.parametrize(("answers", "found"), [
    ([Completed((), 0, "28.2.2, server 20.10.24+dfsg1\nEngine\ncontainerd\nrunc\ndocker-init\n", "")], "28.2.2, server 20.10.24+dfsg1"),
    ([Completed((), 0, "28.2.2, server 4.3.1\nPodman Engine\nConmon\n", "")], PODMAN),
    ([Completed((), 125, "", "Error: template: version:1:9: executing \"version\" at <.Client.Version>: can't evaluate field Client\n"),
      Completed((), 0, "podman version 4.3.1\n", "Emulate Docker CLI using podman.\n")], PODMAN),
    ([Completed(("docker",), 1, "", "docker: 'version' accepts no arguments\n"),
      Completed((), 0, "Docker version 17.0\n", "")], "'version' accepts no arguments"),
])  # fmt: skip
def test_podman_in_its_place_is_named_by_the_version(answers: list[Completed], found: str) -> None:
    asked = [("docker", *RUNTIME.version_words), ("docker", "--version")]
    runner = ReplayRunner(dict(zip(asked, answers)))
    try:
        said = runner.converse(RUNTIME.version(CLI))
    except DrmCommunicationException as error:
        said = error.message
    assert said.endswith(found)
    assert runner.calls == asked[: len(answers)]
