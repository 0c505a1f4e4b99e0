"""What contract tests share: templates that mean the same on every runtime, the command line, conditions to wait for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Mapping, TypeVar

import proctracker as pt
from proctracker.store import Home
from proctracker.wire import confinement, election

if TYPE_CHECKING:
    from engines import Engine
from slurm import NODES

LONG = 40.0
"""Seconds after which something that should have happened surely never will."""

T = TypeVar("T")


class Kit:
    """One runtime under test."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name
        self.contact = engine.contact
        self.image = engine.image if engine.images else None

    @property
    def runtime(self) -> str:
        """The runtime's name, rootless or not."""
        return self.name.split("-")[0]

    @property
    def containers(self) -> bool:
        """Whether its jobs are containers that an engine keeps; apptainer's are processes in an image."""
        return self.runtime not in ("process", "apptainer", "slurm")

    @property
    def machines(self) -> Sequence[str]:
        """The machines its jobs run on."""
        return NODES if self.runtime == "slurm" else (os.uname().nodename,)

    @property
    def queues(self) -> Sequence[str]:
        """Its scheduler's queues, the default one first."""
        return ("main", "short") if self.runtime == "slurm" else ()

    @property
    def measured(self) -> bool:
        """Whether the usage of its running jobs can be seen: they are processes of this machine, and nobody else's."""
        return not self.containers and self.runtime != "slurm"

    def job(self, *command: str, **attributes: Any) -> dict[str, Any]:
        """A template of this runtime: the command, and the image where one is needed."""
        template: dict[str, Any] = {"remote_command": command[0], "args": [*command[1:]], **attributes}
        if self.image:
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

    def pid(self, job: pt.Job) -> int:
        """The process of a job that runs; a scheduler says that it does before its node has told of one."""
        return until(lambda: job.get_info().pid or 0, "its process")

    def bare(self, *words: str) -> str:
        """Call the bare CLI, as a user would by hand; returns what it printed."""
        return self._engine.cli(*words)

    def by_srun(self, *words: str) -> str:
        """What a command prints on a node of a cluster, with nothing of ours around it."""
        return self.bare("srun", "--quiet", "--chdir=/", *words)

    def by_hand(self, action: str, job: pt.Job) -> None:
        """Do to a job's container what someone else would, by the bare CLI: remove, pause, unpause, kill."""
        container = str(job.get_info().container_id)
        words = _BY_HAND[action]
        self.bare(*words.get(self.runtime, words[""]), container)
        if action == "remove" and self.runtime == "ctr":
            self.bare("container", "rm", container)

    def listed(self) -> str:
        """What the engine lists of containers, ended ones too: ids and names."""
        if self.runtime == "ctr":
            return self.bare("container", "ls", "-q")
        return self.bare("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}")

    def lives(self, name: str) -> bool:
        """Whether a container runs, as the bare CLI tells."""
        if self.runtime == "ctr":
            return any(line.split()[0] == name and "RUNNING" in line for line in self.bare("task", "ls").splitlines())
        return name in self.bare("ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}")

    @contextmanager
    def foreign(self, name: str, labels: Mapping[str, str] | None = None) -> Iterator[None]:
        """A container that is none of ours; it may carry labels like ours."""
        image = str(self.image)
        first = self.runtime == "ctr"
        words = [f"--label={key}={value}" for key, value in (labels or {}).items()]
        words += ["--null-io", image, name] if first else ["--network", "host", "--name", name, image]
        self.bare("run", "-d", *words, "sleep", "600")
        try:
            yield
        finally:
            self.bare(*_BY_HAND["remove"].get(self.runtime, ("rm", "-f")), name)
            if first:
                self.bare("container", "rm", name)


_BY_HAND: dict[str, dict[str, tuple[str, ...]]] = {
    "remove": {"ctr": ("task", "rm", "-f"), "podman": ("rm", "-f", "-t", "0"), "": ("rm", "-f")},
    "pause": {"ctr": ("task", "pause"), "": ("pause",)},
    "unpause": {"ctr": ("task", "resume"), "": ("unpause",)},
    "kill": {"ctr": ("task", "kill", "-s", "SIGKILL"), "": ("kill",)},
}
"""What the bare CLIs call it, by runtime."""


@contextmanager
def unseen() -> Iterator[None]:
    """What is done meanwhile the supervisor sees only afterwards."""
    pids = election.holders(Home(os.environ["PROCTRACKER_HOME"]).run, confinement.key())
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


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
