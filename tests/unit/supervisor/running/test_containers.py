"""Containers from their start to their end, with an engine that says what a test tells it to."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from proctracker import runtimes
from proctracker.linux import cgroups, pidfd
from proctracker.model import JobRow, JobState, Observation
from proctracker.model.marks import STOPPED
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running import containers, polled, startfolders
from supervising import LONG, Boxes, Desk, box, kill

_DONE = Observation(JobState.DONE, exit_status=0)
_FAILED = Observation(JobState.FAILED, exit_status=3)


@pytest.fixture(autouse=True)
def mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine of this machine: what it calls a container's process is one."""
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    monkeypatch.setattr(polled, "LOOK", 0.01)


def _run(desk: Desk, boxes: Boxes, **more: Any) -> Job:
    job = desk.submit("x", **box(**more))
    desk.running(job)
    boxes.asked.clear()
    return job


def _end(desk: Desk, boxes: Boxes, job: Job, how: Observation | None) -> tuple[Any, ...]:
    """Its process is killed, its engine says how it ended."""
    if how is not None:
        boxes.says[job.row.container or ""] = how
    kill(job.row.pid or 0)
    row = desk.ended(job)
    return row.state, row.sub_state, row.exit_status


def test_from_start_to_end(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    row = job.row
    assert row.container == f"proctracker-{desk.home.uuid[:8]}-1-1"
    assert (row.state, row.container_id, row.boot) == (JobState.RUNNING, "id-1", desk.here.boot)
    assert abs((row.running_since or 0) - time.time()) < 60
    assert job.pidfd is not None
    assert _end(desk, boxes, job, _FAILED) == (JobState.FAILED, None, 3)
    assert boxes.verbs()[0] == "end"
    assert not job.pidfd
    assert not os.path.exists(f"{desk.home.starts}/1.1")


@pytest.mark.parametrize("why", ["old kernel", "remote", "no descriptor"])
def test_without_an_event_it_is_looked_at_from_time_to_time(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "old kernel":
        monkeypatch.setattr(pidfd, "available", lambda: False)
    elif why == "remote":
        monkeypatch.setattr(cgroups, "has_name", lambda pid, name: False)
        boxes.says[f"proctracker-{desk.home.uuid[:8]}-1-1"] = Observation(JobState.RUNNING)
    else:

        def refuse(pid: int) -> int:
            raise OSError(24, "too many")

        monkeypatch.setattr(pidfd, "open", refuse)
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.state == JobState.RUNNING)
    assert job.pidfd is None
    if why == "remote":
        assert job.row.pid is None
        desk.until(lambda: len(boxes.asked) > 3)
        assert set(boxes.verbs()) == {"look"}
        boxes.says[job.row.container or ""] = _FAILED
        assert desk.ended(job).exit_status == 3
    else:
        monkeypatch.undo()
        monkeypatch.setattr(runtimes, "get", lambda name: boxes)
        assert _end(desk, boxes, job, _FAILED) == (JobState.FAILED, None, 3)


def test_an_engine_that_is_down_at_the_end_is_asked_again(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _run(desk, boxes)
    boxes.down = "the engine sleeps"
    delays: list[float] = []
    after = desk.here.loop.after

    def sooner(seconds: float, call: Any) -> Any:
        if not 1.0 <= seconds <= 5.0:
            return after(seconds, call)
        delays.append(seconds)
        return after(0.0, call)

    monkeypatch.setattr(desk.here.loop, "after", sooner)
    kill(job.row.pid or 0)
    desk.until(lambda: len(boxes.asked) > 2)
    assert (job.row.state, job.row.annotation) == (JobState.RUNNING, "the engine sleeps")
    waited = [*delays]
    boxes.down = None
    boxes.says[job.row.container or ""] = _DONE
    row = desk.ended(job)
    assert (row.state, row.annotation) == (JobState.DONE, None)
    assert waited[:2] == [1.0, 2.0]


def test_an_engine_that_is_down_is_not_asked_for_each_of_many_in_turn(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _run(desk, boxes)
    delays: list[float] = []
    monkeypatch.setattr(desk.here.loop, "after", lambda seconds, call: delays.append(seconds))
    job.tries = 5
    desk.service.containers._again(job, 0.0, 1.0)
    monkeypatch.setattr(containers, "APART", 20.0)
    desk.service.containers._again(job, 0.0, 1.0)
    monkeypatch.undo()
    assert delays == [5.0, 20.0]


def test_where_nobody_can_be_told_an_engine_is_not_asked_again(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _run(desk, boxes)
    boxes.down = "the engine sleeps"
    monkeypatch.setattr(desk.home, "here", "/nonexistent")
    kill(job.row.pid or 0)
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.annotation) == (JobState.UNDETERMINED, "lost", "the engine sleeps")


def test_removed_by_hand(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    assert _end(desk, boxes, job, None) == (JobState.UNDETERMINED, "removed", None)


def test_an_engine_that_is_slow_to_notice(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _run(desk, boxes)
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=job.row.pid)
    kill(job.row.pid or 0)
    desk.until(lambda: len(boxes.asked) > 2)
    assert not job.row.ended
    monkeypatch.setattr(containers, "PATIENCE", -1.0)
    row = desk.ended(job)
    assert (row.sub_state, row.annotation) == ("lost", "its process has gone and its engine says RUNNING")


def test_restarted_by_its_engine(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    old = job.row.pid or 0
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, "restarting")
    kill(old)
    desk.until(lambda: job.row.sub_state == "restarting")
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=os.getpid())
    assert desk.until(lambda: job.row.pid == os.getpid())
    assert (job.row.state, job.row.sub_state) == (JobState.RUNNING, None)
    desk.here.jobs.started(job, None, None)


@pytest.mark.parametrize("told", ["engine", "file", "cgroup"])
def test_killed_for_its_memory(desk: Desk, boxes: Boxes, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _run(desk, boxes)
    killed = Observation(JobState.FAILED, terminating_signal="SIGKILL", oom=told == "engine")
    if told == "file":
        folder = Path(desk.service.folders.path(job.row))
        folder.mkdir(exist_ok=True)
        (folder / startfolders.OOM).touch()
        desk.service.containers.runs(
            job, Observation(JobState.RUNNING, pid=job.row.pid)
        )  # as a later supervisor takes it over
    if told == "cgroup":
        job.cgroup = cgroups.Paths()
        monkeypatch.setattr(cgroups, "usage", lambda paths: cgroups.Usage(1.5, 4096, True))
    assert _end(desk, boxes, job, killed) == (JobState.FAILED, "oom-killed", None)
    if told == "cgroup":
        assert (job.row.cpu, job.row.max_rss) == (1.5, 4096)


def test_a_container_that_ended_before_it_was_seen(desk: Desk, boxes: Boxes) -> None:
    boxes.pid_files = False
    name = f"proctracker-{desk.home.uuid[:8]}-1-1"
    now = time.time() + 1
    boxes.says[name] = Observation(JobState.FAILED, exit_status=3, started=now + 5.0, finished=now + 7.0)
    row = desk.ended(desk.submit("x", **box()))
    assert (row.state, row.exit_status, row.dispatched, row.finished) == (JobState.FAILED, 3, now + 5.0, now + 7.0)
    changes = desk.here.store._db.rows("SELECT state, time FROM transitions ORDER BY seq")
    assert changes[1:] == [(JobState.RUNNING, now + 5.0), (JobState.FAILED, now + 7.0)]


def test_a_container_that_ended_before_its_submit_by_its_engines_clock(desk: Desk, boxes: Boxes) -> None:
    boxes.pid_files = False
    name = f"proctracker-{desk.home.uuid[:8]}-1-1"
    boxes.says[name] = Observation(JobState.FAILED, exit_status=3, started=5.0, finished=7.0)
    row = desk.ended(desk.submit("x", **box()))
    assert (row.dispatched, row.finished) == (row.submitted, row.submitted)
    assert row.ran == pytest.approx(2.0, abs=0.01)


def test_a_container_that_never_started(desk: Desk, boxes: Boxes) -> None:
    boxes.pid_files = False
    name = f"proctracker-{desk.home.uuid[:8]}-1-1"
    boxes.says[name] = Observation(JobState.FAILED, exit_status=127, annotation="no such command")
    row = desk.ended(desk.submit("x", **box()))
    assert (row.state, row.exit_status, row.annotation) == (JobState.FAILED, 127, "no such command")


@pytest.mark.parametrize(("annotation", "left"), [("no such command", ""), (None, "said\n")])
def test_what_is_written_of_a_start_that_failed_is_no_output(
    desk: Desk, boxes: Boxes, annotation: str | None, left: str
) -> None:
    # ctr and nerdctl 1.7 do not tell when a job started: without a reason its 127 is its own.
    name = f"proctracker-{desk.home.uuid[:8]}-1-1"
    kept = desk.service.outputs.paths(JobRow("1", 1), None)[1]
    boxes.words = (
        "sh",
        "-c",
        f"mkdir -p {os.path.dirname(kept)}; echo said >{kept}; echo id-1 >{desk.home.starts}/1.1/id; exit 1",
    )
    boxes.says[name] = Observation(JobState.FAILED, exit_status=127, annotation=annotation)
    row = desk.ended(desk.submit("x", **box()))
    assert (row.state, row.exit_status, row.annotation) == (JobState.FAILED, 127, annotation)
    assert Path(kept).read_text() == left


@pytest.mark.parametrize("seen", [
    Observation(JobState.SUSPENDED), Observation(JobState.RUNNING, "healthy"), Observation(JobState.UNDETERMINED, "odd"),
])  # fmt: skip
def test_a_hint_leads_to_a_look(desk: Desk, boxes: Boxes, seen: Observation) -> None:
    job, held = _run(desk, boxes), desk.submit("x", **box(), hold=True)
    boxes.says[job.row.container or ""] = seen
    desk.service.containers.look([job.row.id, held.row.id, "77"])
    desk.until(lambda: boxes.asked and not len(desk.service.calls))
    assert boxes.asked == [("look", job.row.container or "")]
    expected = (JobState.RUNNING, None) if seen.sub_state == "odd" else (seen.state, seen.sub_state)
    assert (job.row.state, job.row.sub_state) == expected
    assert job.pidfd is not None


def test_a_look_that_finds_an_end_leads_to_it(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    pid = job.row.pid or 0
    boxes.says[job.row.container or ""] = _FAILED
    desk.service.containers.look([job.row.id])
    assert desk.ended(job).exit_status == 3
    assert boxes.verbs()[0] == "look" and "end" not in boxes.verbs()  # it is told all there is: no second call
    os.kill(pid, 9)


def test_a_look_that_does_not_tell_all_of_an_end_leads_to_the_question(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boxes, "keeps_logs", False)
    job = _run(desk, boxes)
    pid = job.row.pid or 0
    boxes.says[job.row.container or ""] = _FAILED
    desk.service.containers.look([job.row.id])
    assert desk.ended(job).exit_status == 3
    assert boxes.verbs()[:2] == ["look", "end"]
    os.kill(pid, 9)


def test_one_that_ended_as_its_engine_told_of_its_start_is_looked_at_soon(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polled, "LOOK", 2 * LONG)
    boxes.pid_files = False
    over = subprocess.Popen(["true"])
    over.wait()
    boxes.says[f"proctracker-{desk.home.uuid[:8]}-1-1"] = Observation(JobState.RUNNING, pid=over.pid)
    job = desk.submit("x", **box("exit 3"))
    desk.until(lambda: job.row.state == JobState.RUNNING)
    boxes.says[job.row.container or ""] = _FAILED
    assert desk.ended(job).exit_status == 3


def test_a_look_finds_another_process(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    pid = job.row.pid or 0
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=os.getpid())
    desk.service.containers.look([job.row.id])
    assert desk.until(lambda: job.row.pid == os.getpid())
    desk.here.jobs.started(job, None, None)
    os.kill(pid, 9)


def test_a_look_that_cannot_be_made(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    boxes.down = "asleep"
    desk.service.containers.look([job.row.id])
    desk.until(lambda: not len(desk.service.calls) and boxes.asked)
    assert (job.row.state, "look" in job.timers) == (JobState.RUNNING, False)


def test_containers_of_one_engine_are_looked_at_together(desk: Desk, boxes: Boxes) -> None:
    jobs = [_run(desk, boxes) for _ in range(2)] + [_run(desk, boxes, engine={"command": ["other"]})]
    boxes.asked.clear()
    desk.service.containers.look([job.row.id for job in jobs])
    desk.until(lambda: len(boxes.asked) >= 2)
    names = [job.row.container for job in jobs]
    assert [words for words in boxes.asked if words[0] == "look"] == [("look", *names[:2]), ("look", names[2])]


def test_suspended_by_hand_stays_so_where_its_engine_does_not_know(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes)
    desk.here.ledger.change(job.row, JobState.SUSPENDED, STOPPED)
    boxes.says[job.row.container or ""] = Observation(JobState.RUNNING)
    desk.service.containers.look([job.row.id])
    desk.until(lambda: boxes.asked and not len(desk.service.calls))
    assert (job.row.state, job.row.sub_state) == (JobState.SUSPENDED, "stopped")


def test_told_to_end_while_it_was_being_started(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    boxes.words = ("sh", "-c", f"read x < {tmp_path}/gate")
    name = f"proctracker-{desk.home.uuid[:8]}-1-1"
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid)
    told: list[Any] = []
    desk.service.actions.control(["1"], "terminate", "TERM", 10.0, told.append)
    desk.until(lambda: told)
    assert (told[0]["done"], job.row.state, boxes.asked) == (["1"], JobState.QUEUED, [])
    boxes.says[name] = Observation(JobState.RUNNING)
    (tmp_path / "gate").write_text("go\n")
    desk.until(lambda: "kill" in boxes.verbs())
    boxes.says[name] = _DONE
    row = desk.ended(job)
    assert (row.state, row.sub_state) == (JobState.FAILED, "terminated")


def test_the_time_limit_of_a_container(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes, time_limit=0.05)
    desk.until(lambda: "kill" in boxes.verbs())
    assert job.row.sub_state == "time-limit"
    assert _end(desk, boxes, job, _DONE) == (JobState.FAILED, "time-limit", 0)


def test_a_retry_has_a_container_of_its_own(desk: Desk, boxes: Boxes) -> None:
    job = _run(desk, boxes, retries=1)
    first = job.row.container or ""
    boxes.says[first] = _FAILED
    kill(job.row.pid or 0)
    desk.until(lambda: job.row.attempt == 2 and job.row.state == JobState.RUNNING and not desk.service.removal.busy)
    assert job.row.container == first[:-1] + "2"
    assert ("remove", first) in boxes.asked
    assert Path(desk.home.kept("1", 1, "out")).read_text() == f"output of {first}\n"


def test_which_engine() -> None:
    found = containers.engine_of(Job(JobRow("1", 1), {"engine": {"command": ["a", "b"], "env": {"X": "1"}}}, ""))
    assert (found.command, found.options, found.env) == (("a", "b"), {}, {"X": "1"})
    assert containers.engine_of(Job(JobRow("1", 1), {}, "")).command == ()


def test_an_end_without_an_exit_code(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containers, "WITHOUT_CODE", 0.05)
    found = Observation(JobState.UNDETERMINED, "lost", annotation="no exit code: null")
    job = _run(desk, boxes)
    assert _end(desk, boxes, job, found) == (JobState.UNDETERMINED, "lost", None)
    assert desk.row(job).annotation == "no exit code: null"


@pytest.mark.parametrize("restored", [True, False])
def test_a_checkpointed_container_waits_to_be_restored(desk: Desk, boxes: Boxes, restored: bool) -> None:
    job = _run(desk, boxes)
    boxes.says[job.row.container or ""] = Observation(JobState.SUSPENDED, "checkpointed")
    kill(job.row.pid or 0)
    desk.until(lambda: job.row.sub_state == "checkpointed")
    assert (job.row.state, job.row.pid) == (JobState.SUSPENDED, None)
    if restored:
        boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=os.getpid())
        desk.until(lambda: job.row.state == JobState.RUNNING)
        assert (job.row.pid, job.row.sub_state) == (os.getpid(), None)
        return
    boxes.asked.clear()
    told: list[Any] = []
    desk.service.actions.control([job.row.id], "terminate", "SIGTERM", 10.0, told.append)
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status) == (JobState.FAILED, "terminated", None)
    desk.until(lambda: told)
    assert (told[0]["errors"], "kill" in boxes.verbs()) == ({}, False)
