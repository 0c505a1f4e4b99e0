"""A scheduler by hand, for supervisors in the test's own process: what it knows is a table that tests write."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed, JobState, Observation
from proctracker.model.observation import ended
from proctracker.runtimes.base import SUBMITTED, Argv, Engine, Launch
from proctracker.runtimes.batch import LATER, REFUSED, UNKNOWN, Config, Refusal, Submission


class Mill:
    """Runtime and scheduler in one. ``jobs``: key -> what a look tells; a submit puts its jobs there, with the next id."""

    name = "mill"
    containers = False
    keeps_logs = False
    hands_over: Collection[str] = ("hold", "start_time", "throttle", "arrays")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, Observation] = {}
        self.submitted_ones: list[Submission] = []
        self.controls: list[tuple[str, tuple[str, ...], str]] = []
        self.accounts: dict[str, Observation] = {}
        self.looks = 0
        self.slow: dict[str, str] = {}
        """What the commands of a look and of controls wait at: ``look`` or an action -> a named pipe."""
        self.down = ""
        self.says = "echo 7"
        self.forgets = False
        self.denies: Collection[str] = ()
        self.config = Config(accounting=True)
        self.configured = 0
        self.batch = self

    def environment(self, engine: Engine) -> Mapping[str, str]:
        return {"PATH": "/usr/bin:/bin"}

    def submit(self, submission: Submission) -> Launch:
        self.submitted_ones.append(submission)
        number = str(6 + len(self.submitted_ones))
        for task in submission.tasks if not self.forgets else ():
            number_of_task = number if task.index is None else f"{number}_{task.index}"
            key = self.key(submission.request.name, task.index)
            state = JobState.QUEUED_HELD if submission.held else JobState.QUEUED
            self.jobs[key] = Observation(state, "pending:Priority", container_id=number_of_task)
        files = {f"{submission.request.folder}/script": b"#!/bin/sh\n"}
        return Launch(
            SUBMITTED, ("sh", "-c", self.says.replace("7", number)), {"PATH": "/usr/bin:/bin"}, files=files,
            stdin=f"{submission.request.folder}/script",
        )  # fmt: skip

    def submitted(self, done: Completed) -> str:
        return done.stdout.strip()

    def refused(self, done: Completed) -> Refusal:
        kinds = {1: REFUSED, 2: LATER}
        return Refusal(kinds.get(done.returncode, UNKNOWN), done.stderr.strip())

    def key(self, name: str, index: int | None) -> str:
        return name if index is None else f"{name}/{index}"

    def look_argv(self, engine: Engine) -> Argv:
        self.looks += 1
        return ("sh", "-c", f"read line <{shlex.quote(self.slow['look'])}") if "look" in self.slow else ("true",)

    def parse_look(self, done: Completed) -> Mapping[str, Observation]:
        if self.down:
            raise DrmCommunicationException(self.down)
        return dict(self.jobs)

    def accounting_argv(self, engine: Engine, ids: Sequence[str]) -> Argv:
        return ("true",)

    def parse_accounting(self, done: Completed, config: Config) -> Mapping[str, Observation]:
        return self.accounts

    def config_argv(self, engine: Engine) -> Argv:
        return ("true",)

    def parse_config(self, done: Completed) -> Config:
        self.configured += 1
        return self.config

    def control_argv(
        self, engine: Engine, action: str, ids: Sequence[str], signal: str = "SIGTERM", name: str | None = None
    ) -> Argv:
        self.controls.append((action, tuple(ids), signal))
        wait = f"read line <{shlex.quote(self.slow[action])}; " if action in self.slow else ""
        return ("sh", "-c", f"{wait}echo {shlex.quote(action)}")

    def controlled(self, done: Completed) -> None:
        from proctracker.errors import DeniedByDrmsException

        if done.stdout.strip() in self.denies:
            raise DeniedByDrmsException("denied")

    def record_name(self, key: str, restart: int) -> str:
        return f"{key.replace('/', '_')}.{restart}"

    def parse_record(self, text: str) -> Observation | None:
        word, _, code = text.strip().partition(" ")
        if word == "running":
            return Observation(JobState.RUNNING, started=1000.0, recorded=True)
        if word == "killed":
            return Observation(JobState.FAILED, terminating_signal="SIGTERM", recorded=True)
        return ended(int(code), started=1000.0, finished=1002.5, recorded=True) if word == "ended" else None

    def merge(self, recorded: Observation | None, seen: Observation | None) -> Observation | None:
        if recorded is not None and recorded.state.ended:
            return recorded
        return seen

    def go_on(self, what: str) -> bool:
        """Let a command that waits go on, and return whether it has come so far."""
        try:
            fd = os.open(self.slow[what], os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        with open(fd, "w", encoding="ascii") as pipe:
            pipe.write("go\n")
        return True

    def record(self, records: str, key: str, text: str, restart: int = 0) -> None:
        """Write a record as a job does: whole, and by a rename."""
        place = Path(records)
        (place / ".part").write_text(text)
        (place / ".part").rename(place / self.record_name(key, restart))
