"""What is believed of engines after the machine was started anew: never a success that did not happen."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from proctracker.linux import clock
from proctracker.model import Completed, JobRow, JobState, Observation
from proctracker.model.observation import ended
from proctracker.runtimes import inspection, nerdctl
from proctracker.runtimes.tasks import gone
from proctracker.store import Home
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running import boots
from supervising import Boxes, Desk, box

NEVER = "0001-01-01T00:00:00Z"
NOW = "2999-01-01T00:00:00Z"


@pytest.fixture
def after(home: Home, boxes: Boxes) -> Iterator[Callable[..., tuple[Desk, Job]]]:
    """A supervisor after a boot, and a job that ran before it; ``seen``: what the engine says now."""
    with ExitStack() as stack:

        def boot(seen: Observation | None, **more: Any) -> tuple[Desk, Job]:
            old = Desk(home)
            old.service.queue.paused = True
            job = old.submit("x", **box(**more))
            old.service.queue.drop(job)
            row = job.row
            row.container, row.boot, row.dispatched = "box", "another", row.submitted
            old.here.ledger.change(row, JobState.RUNNING, at=row.submitted)
            row.since = 1e6
            old.here.ledger.flush()
            old.close(kill=False)
            boxes.says = {"box": seen} if seen else {}
            new = Desk(home)
            stack.callback(new.close)
            new.recover()
            return new, new.taken(job)

        yield boot


def _inspected(restarts: int = 0, **state: Any) -> Observation:
    """A container as an engine's ``inspect`` tells of it."""
    told = {"Status": "exited", "ExitCode": 0, "StartedAt": "2026-01-01T00:00:00Z", **state}
    text = json.dumps({"name": "box", "state": told, "restarts": restarts})
    return inspection.parse(Completed(("podman",), 0, text, ""))["box"]


CRASHED = {
    "podman: exited, 0, never": _inspected(FinishedAt=NEVER),
    "podman: a restarted one, with the time of the run before": _inspected(1, FinishedAt="2025-01-01T00:00:00Z"),
    "docker: 255 as of now": _inspected(ExitCode=255, FinishedAt=NOW),
    "docker: 0 as of now": _inspected(FinishedAt=NOW),
    "containerd: no task": gone("box"),
    "nerdctl: no word": Observation(JobState.QUEUED),
    "a storage that is gone": None,
    "a pid of the boot before": Observation(JobState.RUNNING, pid=2**22 + 1),
}


@pytest.mark.parametrize("seen", CRASHED.values(), ids=CRASHED)
def test_an_end_that_nobody_saw_is_lost(after: Callable[..., tuple[Desk, Job]], seen: Observation | None) -> None:
    desk, job = after(seen)
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status, row.unseen) == (JobState.UNDETERMINED, "lost", None, 1)
    assert row.annotation == "the machine was started anew while it ran"
    assert (row.ran, row.since, row.running_since) == (0.0, None, None)


@pytest.mark.parametrize("seen", CRASHED.values(), ids=CRASHED)
def test_it_is_run_again_where_that_was_asked_for_once(
    after: Callable[..., tuple[Desk, Job]], seen: Observation | None
) -> None:
    desk, job = after(seen, rerunnable=True)
    desk.until(lambda: job.row.state == JobState.REQUEUED)
    assert (job.row.sub_state, job.row.attempt, desk.service.queue.paused) == ("rerun", 2, True)
    desk.here.ledger.flush()
    desk.service.lifecycle.lost(job, "lost", "again")
    assert (job.row.state, job.row.sub_state) == (JobState.UNDETERMINED, "lost")


def test_what_waits_for_it_never_starts(after: Callable[..., tuple[Desk, Job]], tmp_path: Path) -> None:
    desk, job = after(CRASHED["podman: exited, 0, never"])
    other = desk.submit("touch", str(tmp_path / "ran"), after=[job.row.id])
    assert desk.ended(other).sub_state == "dependency"
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (ended(0, finished=5.0), (JobState.DONE, 0)),
        (ended(7, finished=5.0), (JobState.FAILED, 7)),
        (ended(7, recorded=True), (JobState.FAILED, 7)),
    ],
)
def test_an_end_before_the_boot_or_a_record_of_ours_counts(
    after: Callable[..., tuple[Desk, Job]], seen: Observation, expected: Any
) -> None:
    desk, job = after(seen)
    row = desk.ended(job)
    assert (row.state, row.exit_status, row.unseen) == (*expected, None)
    assert row.ran < 60


def test_what_its_engine_started_again_runs_on(after: Callable[..., tuple[Desk, Job]]) -> None:
    seen = Observation(JobState.RUNNING, pid=os.getpid(), started=time.time() - 3)
    desk, job = after(seen, time_limit=5000.0)
    desk.until(lambda: job.row.boot == desk.here.boot)
    assert (job.row.state, job.row.sub_state) == (JobState.RUNNING, None)
    assert clock.boottime() - (job.row.since or 0) == pytest.approx(3, abs=2)
    assert job.timers["limit"].due == pytest.approx((job.row.since or 0) + 5000, abs=5)


def test_another_machines_engine_saw_nothing_of_our_boot(after: Callable[..., tuple[Desk, Job]]) -> None:
    desk, job = after(
        ended(3, finished=time.time()), engine={"command": ["boxes"], "env": {"DOCKER_HOST": "ssh://far"}}
    )
    assert desk.ended(job).exit_status == 3


def test_the_same_boot_is_believed(desk: Desk) -> None:
    job = Job(JobRow("1", 1, boot=desk.here.boot), {}, "")
    seen = ended(0, finished=9e9)
    assert boots.judged(desk.here.boot, job, seen) is seen


def test_nerdctl_forgets_with_its_shim() -> None:
    seen = nerdctl.parse(Completed(("nerdctl",), 0, '[{"Id": "1", "Name": "box", "State": {"Status": ""}}]', ""))["box"]
    assert seen.state == JobState.QUEUED
