"""The table of a job's life: who may do what when, and who writes which column."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import proctracker.supervisor
from proctracker.linux import cgroups
from proctracker.model import JobState, Observation
from proctracker.supervisor.base.jobs import Job, Phase
from proctracker.supervisor.base.life import LIFE
from proctracker.supervisor.base.lifecycle import Lifecycle
from supervising import Boxes, Desk, box, kill

ROOT = Path(proctracker.supervisor.__file__).parent

CLOCKS = {"changed", "running_since", "since", "ran"}
"""Columns that follow every change of state (``set_state``)."""

ELSEWHERE = {
    "cleanup/leftovers.py": {"kill_at"},
    "cleanup/removal.py": {"saved"},
    "control/guests.py": set(
        "cpu max_rss annotation exit_status signal dispatched ran running_since since unseen changed finished".split()
    ),
    "heritage.py": set("keeper annotation unseen running_since since".split()),
    "running/batchjobs.py": {"annotation"},
    "running/exits.py": set("cpu max_rss rss_floor annotation ran running_since since".split()),
    "running/process_start.py": {"ticks"},
    "running/sampling.py": {"cpu", "max_rss"},
    "scheduling/queue.py": {"due"},
    "serving/adoption.py": {"spec", "num", "id"},
}
"""What is written of rows outside ``base``: usage, what removal did, rows of others, rows that are being made."""


def _written(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign)):
            targets = [node.target]
        for each in (part for target in targets for part in getattr(target, "elts", [target])):
            if isinstance(each, ast.Attribute):
                owner = each.value
                if (owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")) == "row":
                    yield each.attr


def test_nobody_else_writes_a_row() -> None:
    found: dict[str, set[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = str(path.relative_to(ROOT))
        columns = set(_written(path))
        if columns and not name.startswith("base/"):
            found[name] = columns
    more = {name: columns - ELSEWHERE.get(name, set()) for name, columns in found.items()}
    assert {name: columns for name, columns in more.items() if columns} == {}


def test_nobody_else_moves_a_job() -> None:
    for path in ROOT.rglob("*.py"):
        if path.parent.name != "base":
            assert ".phase =" not in path.read_text(), path


def test_every_event_is_a_method() -> None:
    events = {name for name in dir(Lifecycle) if hasattr(getattr(Lifecycle, name), "__wrapped__")}
    assert events == set(LIFE)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the events that happened, each of which wrote what the table lets it."""
    seen: list[str] = []

    def watched(name: str) -> Any:
        real = getattr(Lifecycle, name)

        @functools.wraps(real)
        def happens(self: Lifecycle, job: Job, *args: Any, **more: Any) -> None:
            before, phase = vars(job.row).copy(), job.phase
            real(self, job, *args, **more)
            written = {column for column, value in vars(job.row).items() if value != before[column]}
            rule = LIFE[name]
            if not nested:
                assert phase in rule.at, f"{name} while {phase.name}"
                assert written - CLOCKS <= set(rule.writes.split()), name
                assert job.phase in (rule.to or (phase,)), name
            seen.append(name)

        return happens

    nested: list[str] = []
    for name in LIFE:
        monkeypatch.setattr(Lifecycle, name, watched(name))
    return seen


def test_a_process_that_is_tried_again(kept: list[str], desk: Desk) -> None:
    job = desk.submit("sh", "-c", "exit $PROCTRACKER_ATTEMPT", retries=1)
    desk.ended(job)
    assert kept == ["starting", "spawned", "exited"] * 2


def test_a_process_that_is_acted_on(kept: list[str], desk: Desk) -> None:
    job = desk.submit("sleep", "600", hold=True)
    for action in ("release", "suspend", "resume", "terminate"):
        told: list[Any] = []
        desk.service.actions.control([job.row.id], action, "SIGTERM", 5.0, told.append)
        desk.until(lambda told=told: told)  # type: ignore[misc]
        if action == "release":
            desk.running(job)
    desk.ended(job)
    assert kept == ["released", "starting", "spawned", "suspended", "resumed", "ending", "exited"]


def test_a_container(kept: list[str], desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    job = desk.submit("x", **box("exec sleep 600"))
    desk.running(job)
    boxes.says = {
        job.row.container or "": Observation(JobState.FAILED, exit_status=3, container_id=job.row.container_id)
    }
    kill(job.row.pid or 0)
    desk.ended(job)
    assert [each for each in kept if each != "settled"] == ["starting", "opened", "called", "contained", "exited"]


def test_what_comes_after_the_end_is_passed_over(desk: Desk) -> None:
    job = desk.submit("true")
    desk.ended(job)
    assert job.phase is Phase.ENDED
    desk.service.lifecycle.lost(job, "lost", "seen too late")
    assert (job.row.state, job.row.annotation) == (JobState.DONE, None)


def test_what_the_table_does_not_expect_is_logged(desk: Desk, capfd: pytest.CaptureFixture[str]) -> None:
    job = desk.submit("true", hold=True)
    desk.service.lifecycle.suspended(job)
    assert f"job {job.row.id}: suspended while waiting" in capfd.readouterr().err
