"""By which way a job is started."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proctracker.model import JobRow
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running.launcher import Launcher


@pytest.mark.parametrize(("runtime", "way"), [("process", "spawned"), ("podman", "run"), ("apptainer", "spawned")])
def test_by_runtime(runtime: str, way: str) -> None:
    began: list[str] = []
    launcher = Launcher(
        SimpleNamespace(starting=lambda job: began.append("starting")),  # type: ignore[arg-type]
        lambda job: began.append("spawned"),
        lambda job: began.append("run"),
        lambda job: began.append("handed over"),
    )
    launcher.start(Job(JobRow("1", 1, runtime=runtime), {}, ""))
    assert began == ["starting", way]
