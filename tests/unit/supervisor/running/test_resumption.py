"""Starts of containers that a former supervisor began."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proctracker.model import JobState, Observation
from proctracker.supervisor.processes import spawn
from proctracker.supervisor.running import resumption
from supervising import Boxes, Desk, box


def _told(desk: Desk, boxes: Boxes, name: str) -> None:
    """The call that starts job 1 has said which container it made."""
    os.makedirs(f"{desk.home.starts}/1.1", exist_ok=True)
    Path(f"{desk.home.starts}/1.1/id").write_text("id-1")
    boxes.ids["id-1"] = name


def test_a_container_of_that_name_that_no_call_has_told_of(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes
) -> None:
    job = old.submit("x", **box(), hold=True)
    job.row.container, job.row.boot, job.row.dispatched = "box", old.here.boot, time.time()
    old.here.ledger.change(job.row, JobState.QUEUED)
    old.here.ledger.flush()
    boxes.says = {"box": Observation(JobState.DONE, exit_status=0)}
    new = follow()
    new.service.queue.paused = True
    taken = new.taken(job)
    new.until(lambda: taken.row.container is None)
    assert (taken.row.state, boxes.asked) == (JobState.QUEUED, [("look",)])


@pytest.mark.parametrize(("seen", "state"), [
    (None, JobState.QUEUED),
    (Observation(JobState.QUEUED), JobState.FAILED),
    (Observation(JobState.RUNNING), JobState.RUNNING),
    (Observation(JobState.DONE, exit_status=0), JobState.DONE),
])  # fmt: skip
@pytest.mark.parametrize("boot", [None, "another"])
def test_a_container_whose_start_was_under_way(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, seen: Observation | None, state: JobState, boot: str | None
) -> None:
    job = old.submit("x", **box(), hold=True)
    name = job.row.container = old.home.container(job.row.id, job.row.attempt)
    job.row.boot, job.row.dispatched = boot or old.here.boot, time.time()
    old.here.ledger.change(job.row, JobState.QUEUED)
    old.here.ledger.flush()
    boxes.says = {name: seen} if seen else {}
    _told(old, boxes, name)
    new = follow()
    new.service.queue.paused = True
    taken = new.taken(job)
    new.until(lambda: boxes.asked and not len(new.service.calls))
    if boot and state != JobState.RUNNING:
        assert (taken.row.state, taken.row.sub_state, taken.row.unseen) == (JobState.UNDETERMINED, "lost", 1)
        return
    there = seen is not None and seen.state != JobState.QUEUED
    assert (taken.row.state, taken.row.container) == (state, name if there else None)
    # A process waits to be begun in one that was created and never started.
    assert ("remove" in boxes.verbs()) == (state == JobState.FAILED)


def test_a_start_that_was_cut_off_as_its_job_was_ended_leaves_no_container(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes
) -> None:
    job = old.submit("x", **box(), hold=True)
    name = job.row.container = old.home.container(job.row.id, job.row.attempt)
    job.row.boot, job.row.dispatched, job.row.kill_at = old.here.boot, time.time(), 1.0
    old.here.ledger.change(job.row, JobState.QUEUED, "terminating")
    old.here.ledger.flush()
    boxes.says = {name: Observation(JobState.QUEUED)}
    _told(old, boxes, name)
    new = follow()
    row = new.ended(new.taken(job))
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "terminated", None)
    assert boxes.asked[-1][0] == "remove"


@pytest.mark.parametrize("ended", [True, False])
def test_what_a_call_has_made_that_was_killed_with_its_supervisor_goes(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, ended: bool
) -> None:
    """Else the name is in use when the start is begun anew."""
    job = old.submit("x", **box(), hold=True)
    name = job.row.container = old.home.container(job.row.id, job.row.attempt)
    job.row.boot, job.row.dispatched, job.row.kill_at = old.here.boot, time.time(), 1.0 if ended else None
    old.here.ledger.change(job.row, JobState.QUEUED, "terminating" if ended else None)
    old.here.ledger.flush()
    os.makedirs(f"{old.home.starts}/1.1")
    Path(f"{old.home.starts}/1.1/start").write_text("abc")
    boxes.says = {name: Observation(JobState.QUEUED, labels={**old.labels(job.row), "proctracker.start": "abc"})}
    new = follow()
    new.service.queue.paused = True
    taken = new.taken(job)
    new.until(lambda: taken.row.container is None)
    assert boxes.says == {}
    assert (taken.row.state, taken.row.sub_state) == (
        (JobState.FAILED, "terminated") if ended else (JobState.QUEUED, None)
    )


def test_a_cli_call_of_the_former_supervisor_is_awaited(old: Desk, follow: Callable[..., Desk], boxes: Boxes) -> None:
    job = old.submit("x", **box(), hold=True)
    call = subprocess.Popen(["sleep", "600"])
    old.here.ledger.change(job.row, JobState.QUEUED)
    old.here.ledger.flush()
    old.seat.journal.opened(job.row.id, 1, time.time())
    old.seat.journal.started(call.pid, spawn.ticks(call.pid))
    new = follow()
    taken = new.taken(job)
    assert (taken.starting, taken.row.pid, taken.holds, boxes.asked) == (True, call.pid, True, [])
    boxes.says = {taken.row.container or "": Observation(JobState.SUSPENDED)}
    _told(new, boxes, taken.row.container or "")
    call.kill()
    new.until(lambda: taken.row.state == JobState.SUSPENDED)
    call.wait()


def test_the_files_of_a_call_go_with_it_though_its_job_was_left(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes
) -> None:
    """Its session was destroyed meanwhile: nobody looks for its container, and its environment lies there."""
    job = old.submit("x", **box(), hold=True)
    call = subprocess.Popen(["sleep", "600"])
    old.here.ledger.change(job.row, JobState.QUEUED)
    old.here.ledger.flush()
    old.seat.journal.opened(job.row.id, 1, time.time())
    old.seat.journal.started(call.pid, spawn.ticks(call.pid))
    new = follow()
    folder = Path(f"{new.home.starts}/1.1")
    folder.mkdir(parents=True)
    (folder / "env").write_text("SECRET=x")
    new.service.forgetting.leave(job.row.session)
    assert (folder / "env").exists(), "the call may not have read it so far"
    call.kill()
    new.until(lambda: not folder.exists())
    call.wait()


def test_an_engine_that_cannot_be_asked_is_asked_again(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resumption, "AGAIN", 0.0)
    job = old.submit("x", **box(), hold=True)
    job.row.container, job.row.boot, job.row.dispatched = "box", old.here.boot, time.time()
    old.here.ledger.change(job.row, JobState.QUEUED)
    old.here.ledger.flush()
    boxes.down = "asleep"
    _told(old, boxes, "box")
    new = follow()
    new.until(lambda: len(boxes.asked) > 2)
    assert new.taken(job).row.state == JobState.QUEUED
    boxes.down, boxes.says = None, {"box": Observation(JobState.FAILED, exit_status=3)}
    assert new.ended(new.taken(job)).exit_status == 3
