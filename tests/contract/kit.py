"""What contract tests share: templates that mean the same on every runtime, the command line, conditions to wait for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Callable, Mapping, TypeVar

import proctracker as pt

if TYPE_CHECKING:
    from engines import Engine

LONG = 40.0
"""Seconds after which something that should have happened surely never will."""

T = TypeVar("T")


class Kit:
    """One runtime under test."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name
        self.contact = engine.contact
        self.image = engine.image if self.containers else None

    @property
    def runtime(self) -> str:
        """The runtime's name, rootless or not."""
        return self.name.split("-")[0]

    @property
    def containers(self) -> bool:
        """Whether its jobs are containers."""
        return self.runtime != "process"

    def job(self, *command: str, **attributes: Any) -> dict[str, Any]:
        """A template of this runtime: the command, and the image where one is needed."""
        template: dict[str, Any] = {"remote_command": command[0], "args": [*command[1:]], **attributes}
        if self.containers:
            template.setdefault("job_category", self.image)
        return template

    def script(self, text: str, **attributes: Any) -> dict[str, Any]:
        """A template that runs a few lines of shell."""
        return self.job("sh", "-c", text, **attributes)

    def sleeper(self, **attributes: Any) -> dict[str, Any]:
        """A template of a job that does not end by itself while a test runs."""
        return self.job("sleep", "600", **attributes)

    def extended(self, template: Mapping[str, Any], **extensions: Any) -> dict[str, Any]:
        """The template with extensions."""
        known = dict(template.get("implementation_specific") or {})
        return {**template, "implementation_specific": {**known, **extensions}}

    def bare(self, *words: str) -> str:
        """Call the bare CLI, as a user would by hand; returns what it printed."""
        return self._engine.cli(*words)


def cli(*words: str, stdin: str | bytes | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``proctracker`` to its end; text may hold any bytes."""
    return subprocess.run(
        [sys.executable, "-m", "proctracker", *words],
        input=stdin.decode("utf-8", "surrogateescape") if isinstance(stdin, bytes) else stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        env={**os.environ, **environ},
        check=False,
        timeout=LONG * 2,
    )


def text(path: str | os.PathLike[str]) -> str:
    """What a file holds."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def until(condition: Callable[[], T], what: str = "it", seconds: float = LONG) -> T:
    """Wait for what no event tells of; returns the first true answer."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.01)


def state(job: pt.Job | pt.JobArray) -> pt.JobState:
    """A job's state without its sub-state."""
    return job.get_state()[0]


def states(jobs: list[pt.Job]) -> list[pt.JobState]:
    """The states of jobs, in their order."""
    return [state(job) for job in jobs]
