"""docker's starts; what it prints is in the recordings."""

from __future__ import annotations

from typing import Any

from proctracker.model import JobTemplate
from proctracker.runtimes.base import ATTACHED, DETACHED, Engine, Launch, Request
from proctracker.runtimes.docker import LOG, RUNTIME

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
    assert found.argv[:5] == ("docker", "run", "--interactive", "--name=n", "--cidfile=/f/id")
    assert "--sig-proxy=false" in found.argv
    assert (found.kind, found.stdin, found.stdout, found.stderr) == (ATTACHED, "/i", "/o", "/keep.err")


def test_another_log_is_a_users_choice() -> None:
    argv = launch({"options": ["--log-driver", "syslog"]}).argv
    assert "syslog" in argv
    assert not set(LOG) & {*argv}


def test_private_namespaces_are_its_default() -> None:
    assert launch({"uts": "private", "pid": "private"}).argv == launch().argv
    assert "--uts=host" in launch({"uts": "host"}).argv
    assert "--ipc=private" in launch({"ipc": "private"}).argv
