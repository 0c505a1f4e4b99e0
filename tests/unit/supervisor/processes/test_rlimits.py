"""Which limits a job is started with."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from proctracker.supervisor.processes import rlimits
from proctracker.supervisor.processes.spawn import Surroundings
from supervising import Desk

CALLER = Surroundings(0o22, {"NOFILE": [1000, 2000], "CPU": [-1, -1], "AS": [-1, 4096]})


def test_nothing_asked_changes_nothing() -> None:
    more = Surroundings(nice=3)
    assert rlimits.over({}, CALLER, more) is more
    assert rlimits.over({}, CALLER, None) is None


@pytest.mark.parametrize(
    ("asked", "limits"),
    [
        ({"NOFILE": 50}, {"NOFILE": (50, 50)}),
        ({"NOFILE": -1}, {"NOFILE": (2000, 2000)}),
        ({"CPU": 1}, {"CPU": (1, 6)}),
        ({"CORE": 0, "AS": 4096}, {"CORE": (0, 0), "AS": (4096, 4096)}),
    ],
)
def test_they_are_hard_limits_too(asked: dict[str, int], limits: dict[str, Any]) -> None:
    assert rlimits.over(asked, CALLER, None) == Surroundings(0o22, limits)


def test_what_else_differs_stays() -> None:
    more = Surroundings(0o77, {"CORE": (1, 1), "NOFILE": (3, 3)}, nice=3)
    assert rlimits.over({"NOFILE": 50}, CALLER, more) == more._replace(limits={"CORE": (1, 1), "NOFILE": (50, 50)})


def test_a_caller_nobody_knows_any_more_has_ours() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert rlimits.over({"NOFILE": -1}, Surroundings(), None) == Surroundings(None, {"NOFILE": (hard, hard)})


def test_a_job_has_them(desk: Desk) -> None:
    limits = {"OPEN_FILES": 50, "CORE_FILE_SIZE": "1M", "STACK_SIZE": 4096}
    job = desk.submit(
        "sh", "-c", "ulimit -n; ulimit -Hn; ulimit -Hs; cat /proc/self/limits", template={"resource_limits": limits}
    )
    desk.ended(job)
    with open(desk.home.kept(job.row.id, 1, "out"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    assert lines[:3] == ["50", "50", "4096"]
    assert next(line for line in lines if "core file" in line).split()[4:6] == [str(2**20)] * 2
