"""Ends of containers that are written down, here by a test."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import cgroups, inotify
from proctracker.model import JobState, Observation
from proctracker.runtimes.base import Monitor
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running import exitfiles
from supervising import Boxes, Desk, box, kill


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine of this machine."""
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)


@pytest.fixture
def run(desk: Desk, boxes: Boxes, tmp_path: Path) -> Callable[..., Job]:
    """Starts a container whose end is to be found in a file of this name."""

    def make(name: str = "one", **more: Any) -> Job:
        boxes.written = Monitor(str(tmp_path / name), (str(tmp_path / "oom"),))
        job = desk.submit("x", **box(**more))
        desk.running(job)
        boxes.asked.clear()
        return job

    return make


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text, encoding="ascii")
    new.rename(path)


def _how(desk: Desk, job: Job) -> tuple[Any, ...]:
    row = desk.ended(job)
    return row.state, row.sub_state, row.exit_status, row.signal


@pytest.mark.parametrize(
    ("text", "oom", "how"),
    [
        ("0", False, (JobState.DONE, None, 0, None)),
        ("3", False, (JobState.FAILED, None, 3, None)),
        ("134\n", False, (JobState.FAILED, None, None, "SIGABRT")),
        ("137", True, (JobState.FAILED, "oom-killed", None, "SIGKILL")),
    ],
)
def test_what_is_there_is_read_and_the_engine_is_not_asked(
    desk: Desk, boxes: Boxes, run: Callable[..., Job], tmp_path: Path, text: str, oom: bool, how: tuple[Any, ...]
) -> None:
    job = run()
    if oom:
        (tmp_path / "oom").touch()
    _write(tmp_path / "one", text)
    kill(job.row.pid or 0)
    assert _how(desk, job) == how
    assert boxes.asked == []
    assert job.row.finished == max(os.stat(tmp_path / "one").st_mtime, job.row.dispatched or 0)


def test_what_is_not_there_yet_is_waited_for(
    desk: Desk, boxes: Boxes, run: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exitfiles, "PATIENCE", 60.0)
    first, second = run("first"), run("second")
    for job in (first, second):
        kill(job.row.pid or 0)
    desk.until(lambda: first.pidfd is None and second.pidfd is None)
    (tmp_path / "other").write_text("9", encoding="ascii")
    (tmp_path / "first").write_text("", encoding="ascii")
    for _ in range(3):
        desk.here.loop.after(0, lambda: None)
        desk.here.loop.round()
    assert not first.row.ended
    _write(tmp_path / "second", "2")
    assert _how(desk, second) == (JobState.FAILED, None, 2, None)
    _write(tmp_path / "first", "1")
    assert _how(desk, first) == (JobState.FAILED, None, 1, None)
    assert boxes.asked == []
    assert desk.service.exitfiles._waiting == {}


def test_what_nobody_writes_the_engine_is_asked(
    desk: Desk, boxes: Boxes, run: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exitfiles, "PATIENCE", 0.01)
    job = run()
    boxes.says[job.row.container or ""] = Observation(JobState.FAILED, exit_status=5)
    kill(job.row.pid or 0)
    assert _how(desk, job) == (JobState.FAILED, None, 5, None)
    assert boxes.verbs() == ["end"]


def test_where_nothing_can_be_watched_the_engine_is_asked(
    desk: Desk, boxes: Boxes, run: Callable[..., Job], tmp_path: Path
) -> None:
    job = run("no/such")
    boxes.says[job.row.container or ""] = Observation(JobState.DONE, exit_status=0)
    kill(job.row.pid or 0)
    assert _how(desk, job) == (JobState.DONE, None, 0, None)
    assert boxes.verbs() == ["end"]


def test_an_overflow_is_no_loss(
    desk: Desk, run: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run()
    kill(job.row.pid or 0)
    desk.until(lambda: bool(desk.service.exitfiles._waiting))
    lost = [inotify.Event(-1, inotify.OVERFLOW, "")]
    monkeypatch.setattr(inotify.Inotify, "read", lambda self: lost)
    _write(tmp_path / "one", "0")
    assert _how(desk, job) == (JobState.DONE, None, 0, None)


def test_a_job_that_has_ended_otherwise_is_not_waited_for(desk: Desk, run: Callable[..., Job]) -> None:
    job = run()
    kill(job.row.pid or 0)
    desk.until(lambda: bool(desk.service.exitfiles._waiting))
    desk.service.lifecycle.lost(job, "lost", "somebody says so")
    desk.service.containers.ended(job)
    assert desk.service.exitfiles._waiting == {}


def test_the_files_are_asked_for_by_the_parents_command_line(
    desk: Desk, boxes: Boxes, run: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = run()
    seen: list[Any] = []
    monkeypatch.setattr(boxes, "monitor", lambda argv, asked: seen.append((argv, asked)))
    job.spec["template"]["implementation_specific"] = {"restart": "always"}
    assert exitfiles.monitor(job) is None
    [(argv, asked)] = seen
    assert argv and asked == {"restart": "always"}
    job.row.pid = 0
    assert exitfiles.monitor(job) is None and len(seen) == 1


def test_nothing_but_a_number_counts(tmp_path: Path) -> None:
    told = Monitor(str(tmp_path / "code"), ())
    assert exitfiles.read(told) is None
    for text in ("", "x", "-1"):
        (tmp_path / "code").write_text(text, encoding="ascii")
        assert exitfiles.read(told) is None
    (tmp_path / "code").write_text("7", encoding="ascii")
    seen = exitfiles.read(told)
    assert seen is not None and (seen.exit_status, seen.oom) == (7, False)
    assert abs((seen.finished or 0) - time.time()) < 60


def test_a_checkpoint_is_no_end(tmp_path: Path) -> None:
    told = Monitor(str(tmp_path / "code"), (), (str(tmp_path / "checkpoint"),))
    (tmp_path / "code").write_text("137")
    assert exitfiles.read(told) is not None
    (tmp_path / "checkpoint").mkdir()
    assert exitfiles.read(told) is None
