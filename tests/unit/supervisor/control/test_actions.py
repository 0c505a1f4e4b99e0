"""What is done to jobs on request, or when their time is over."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import (
    InvalidArgumentException,
    InvalidStateException,
    OutOfResourceException,
    UnsupportedOperationException,
)
from proctracker.linux import cgroups, clock, procfs
from proctracker.model import JobState, Observation
from proctracker.runtimes.base import Dialog, Engine
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.processes import signalling
from proctracker.supervisor.running import identity
from supervising import Boxes, Desk, becomes, box, gone, state_of

_SLEEP = ("sleep", "600")


def _act(
    desk: Desk, action: str, *jobs: Job | str, signal: str = "SIGTERM", grace: float = 10.0, again: bool = False
) -> dict[str, Any]:
    """Done and errors (id -> class and words), once they are durable."""
    told: list[dict[str, Any]] = []
    ids = [it if isinstance(it, str) else it.row.id for it in jobs]
    desk.service.actions.control(ids, action, signal, grace, told.append, again)
    return desk.until(lambda: told)[0]


def _ready(desk: Desk, tmp_path: Path, script: str, **spec: Any) -> tuple[Job, str]:
    """A job that runs and has come as far as saying something."""
    fifo = tmp_path / "ready"
    if not fifo.exists():
        os.mkfifo(fifo)
    job = desk.submit("sh", "-c", script.replace("READY", str(fifo)), **spec)
    desk.running(job)
    return job, fifo.read_text().strip()


def test_suspend_and_resume(desk: Desk, tmp_path: Path) -> None:
    job, below = _ready(desk, tmp_path, "sleep 600 & echo $! > READY; wait")
    assert _act(desk, "suspend", job) == {"done": [job.row.id], "errors": {}}
    assert desk.row(job).state == JobState.SUSPENDED
    assert becomes(job.row.pid or 0, "T")
    assert becomes(int(below), "T")
    ran = job.row.running_time(clock.boottime())
    assert job.row.running_time(clock.boottime() + 100) == ran
    assert job.holds
    _act(desk, "resume", job)
    assert desk.row(job).state == JobState.RUNNING
    assert becomes(int(below), "SR")


def test_hold_and_release(desk: Desk) -> None:
    desk.service.queue.paused = True
    job = desk.submit("true")
    assert _act(desk, "hold", job)["done"] == [job.row.id]
    assert desk.row(job).state == JobState.QUEUED_HELD
    assert _act(desk, "release", job)["done"] == [job.row.id]
    assert not desk.service.queue.paused
    assert desk.ended(job).state == JobState.DONE


def test_hold_and_release_between_attempts_keep_the_delay(desk: Desk) -> None:
    job = desk.submit("false", retries=1, retry_delay=500)
    desk.until(lambda: job.row.state == JobState.REQUEUED)
    due = job.timers["start"].due
    _act(desk, "hold", job)
    assert (desk.row(job).state, job.timers) == (JobState.REQUEUED_HELD, {})
    _act(desk, "release", job)
    assert (desk.row(job).state, job.timers["start"].due) == (JobState.REQUEUED, due)


def test_a_delay_that_is_over_does_not_begin_anew_with_the_release(desk: Desk) -> None:
    job = desk.submit("sh", "-c", "exit $((2 - PROCTRACKER_ATTEMPT))", retries=1, retry_delay=500)
    desk.until(lambda: job.row.state == JobState.REQUEUED)
    _act(desk, "hold", job)
    job.row.due = 0.0
    _act(desk, "release", job)
    assert desk.ended(job).state == JobState.DONE


@pytest.mark.parametrize(("action", "fitting"), [
    ("suspend", "RUNNING"), ("resume", "SUSPENDED"), ("hold", "QUEUED or REQUEUED"), ("release", "QUEUED_HELD or REQUEUED_HELD"),
    ("terminate", "a job that has not ended"),
])  # fmt: skip
def test_what_does_not_fit(desk: Desk, action: str, fitting: str) -> None:
    over, held = desk.submit("false"), desk.submit("true", hold=True)
    desk.ended(over)
    jobs = [over, *([held] if action in ("suspend", "resume", "hold") else [])]
    expected = {
        job.row.id: f"job {job.row.id} is {JobState(job.row.state).name}: {action} takes {fitting}" for job in jobs
    }
    outcome = _act(desk, action, *jobs)
    assert outcome["done"] == []
    assert {name: words[:2] for name, words in outcome["errors"].items()} == {
        name: ["InvalidStateException", text] for name, text in expected.items()
    }


def test_a_start_under_way_is_said_to_be_one(desk: Desk, boxes: Boxes) -> None:
    boxes.words = ("sleep", "600")
    job = desk.submit("", **box())
    desk.until(lambda: job.row.pid)
    for action, fitting in (("suspend", "RUNNING"), ("resume", "SUSPENDED"), ("hold", "QUEUED or REQUEUED")):
        said = _act(desk, action, job)["errors"][job.row.id][1]
        assert said == f"job {job.row.id} is QUEUED, just being started: {action} takes {fitting}"
    os.kill(job.row.pid or 0, signal.SIGKILL)


def test_what_is_not_there_does_not_keep_the_others(desk: Desk) -> None:
    job, other = desk.submit(*_SLEEP, hold=True), desk.submit("true", hold=True)
    desk.here.ledger.flush()
    foreign = desk.here.jobs.by_id.pop(other.row.id).row
    outcome = _act(desk, "terminate", "77", foreign.id, job)
    assert outcome["done"] == [job.row.id]
    assert outcome["errors"]["77"][:2] == ["InvalidArgumentException", "no job 77"]
    assert outcome["errors"][foreign.id][1] == f"job {foreign.id} belongs to another supervisor (main)"
    assert _act(desk, "suspend") == {"done": [], "errors": {}}


@pytest.mark.parametrize("action", ["suspend", "resume", "hold", "release", "terminate"])
def test_an_end_that_is_not_in_the_store_yet_is_an_end(
    desk: Desk, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = desk.submit("false")

    def full() -> None:
        raise OutOfResourceException("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(desk.here.store, "commit", full)
        desk.until(lambda: job.row.ended)
        told: list[dict[str, Any]] = []
        desk.service.actions.control([job.row.id], action, "TERM", 0.0, told.append)
        assert desk.row(job).finished is None
    desk.until(lambda: told)
    assert told[0]["errors"][job.row.id][1].startswith(f"job {job.row.id} is FAILED: {action} takes ")


@pytest.mark.parametrize(("before", "actions"), [("", "suspend hold terminate"), ("held", "release")])
def test_what_a_killed_supervisor_had_done_is_no_error(desk: Desk, before: str, actions: str, tmp_path: Path) -> None:
    for action in actions.split():
        desk.service.queue.paused = action == "hold"
        job = desk.submit(*_SLEEP, hold=bool(before))
        if action in ("suspend", "terminate"):
            desk.running(job)
        outcome = {"done": [job.row.id], "errors": {}}
        assert _act(desk, action, job) == outcome
        if action == "terminate":
            desk.ended(job)
        assert _act(desk, action, job)["done"] == []
        assert _act(desk, action, job, again=True) == outcome


@pytest.mark.parametrize(("action", "signal"), [("explode", "TERM"), ("terminate", "NONSENSE")])
def test_what_means_nothing(desk: Desk, action: str, signal: str) -> None:
    with pytest.raises(InvalidArgumentException, match=r"explode|NONSENSE"):
        desk.service.actions.control([], action, signal, 1.0, lambda outcome: None)


@pytest.mark.parametrize("hold", [True, False])
def test_terminate_what_has_not_started(desk: Desk, hold: bool) -> None:
    desk.service.queue.paused = True
    job = desk.submit("true", hold=hold, retries=3)
    assert _act(desk, "terminate", job)["done"] == [job.row.id]
    row = desk.row(job)
    assert (row.state, row.sub_state, row.exit_status, row.dispatched) == (JobState.FAILED, "terminated", None, None)


def test_why_a_job_ends_is_durable_before_the_signal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = desk.submit("sleep", "600")
    desk.running(job)
    real, seen = signalling.signal_all, []

    def watched(job: Job, mark: str, number: int) -> signalling.Signalled:
        if number:
            seen.append((number, desk.row(job).sub_state))
        return real(job, mark, number)

    monkeypatch.setattr(signalling, "signal_all", watched)
    _act(desk, "terminate", job)
    assert seen[0] == (signal.SIGTERM, "terminating")
    assert desk.ended(job).sub_state == "terminated"


def test_terminate_keeps_the_code(desk: Desk, tmp_path: Path) -> None:
    job, _ = _ready(desk, tmp_path, 'trap "exit 0" USR1; echo > READY; while :; do sleep 0.01; done', retries=3)
    assert _act(desk, "terminate", job, signal="USR1")["done"] == [job.row.id]
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.exit_status, row.attempt) == (JobState.FAILED, "terminated", 0, 1)


@pytest.mark.parametrize("grace", [0.05, 0.0, -1.0])
def test_what_ignores_the_signal_is_killed(desk: Desk, tmp_path: Path, grace: float) -> None:
    job, _ = _ready(desk, tmp_path, 'trap "" TERM; echo > READY; while :; do sleep 0.01; done')
    _act(desk, "terminate", job, grace=grace)
    row = desk.ended(job)
    assert (row.sub_state, row.signal) == ("terminated", "SIGKILL")


@pytest.mark.parametrize("second", ["terminate", "deadline", "time limit"])
def test_a_second_reason_does_not_postpone_the_kill(desk: Desk, tmp_path: Path, second: str) -> None:
    limits = {"deadline": time.time() + 500, "time_limit": 500.0}
    job, _ = _ready(desk, tmp_path, 'trap "" TERM; echo > READY; while :; do sleep 0.01; done', retries=1, **limits)
    _act(desk, "terminate", job, grace=1.0)
    due = job.row.kill_at
    if second == "terminate":
        _act(desk, "terminate", job, grace=60)
    elif second == "deadline":
        desk.service.actions.clocks._overdue(job)
    else:
        desk.service.actions.clocks._too_long(job)
    assert (job.row.kill_at, job.timers["kill"].due, job.row.sub_state) == (due, due, "terminating")
    row = desk.ended(job)
    assert (row.sub_state, row.signal, row.attempt) == ("terminated", "SIGKILL", 1)


@pytest.mark.parametrize(("second", "told"), [("terminating", "terminated"), ("deadline", "deadline")])
def test_no_attempt_follows_what_ends_a_job_during_a_time_limits_grace(
    desk: Desk, tmp_path: Path, second: str, told: str
) -> None:
    script = 'trap "" TERM; echo > READY; while :; do sleep 0.01; done'
    job, _ = _ready(desk, tmp_path, script, retries=1, time_limit=500.0)
    desk.service.actions.clocks._too_long(job)
    desk.service.actions.end(job, second, signal.SIGTERM, 0.05, lambda error: None)
    row = desk.ended(job)
    assert (row.sub_state, row.signal, row.attempt) == (told, "SIGKILL", 1)


def test_a_shorter_grace_counts_at_once(desk: Desk, tmp_path: Path) -> None:
    job, _ = _ready(desk, tmp_path, 'trap "" TERM; echo > READY; while :; do sleep 0.01; done')
    _act(desk, "terminate", job, grace=600)
    _act(desk, "terminate", job, grace=0.05)
    assert desk.ended(job).signal == "SIGKILL"


def test_a_suspended_job_that_is_terminated_goes_on_to_its_end(desk: Desk, tmp_path: Path) -> None:
    job, _ = _ready(desk, tmp_path, 'trap "exit 9" TERM; echo > READY; while :; do sleep 0.01; done')
    _act(desk, "suspend", job)
    _act(desk, "terminate", job)
    assert desk.ended(job).exit_status == 9


def test_what_a_terminated_job_leaves_is_killed_after_the_grace(desk: Desk, tmp_path: Path) -> None:
    script = "setsid sh -c 'trap \"\" TERM; echo $$ > READY; while :; do sleep 0.01; done' & exec sleep 600"
    job, daemon = _ready(desk, tmp_path, script)
    _act(desk, "terminate", job, grace=0.2)
    desk.ended(job)
    desk.until(lambda: not desk.service.leftovers.busy)
    assert gone(int(daemon))


def test_a_jobs_normal_end_leaves_its_background_processes_alone(desk: Desk, tmp_path: Path) -> None:
    script = "setsid sh -c 'echo $$ > READY; exec sleep 600' & read x < READY.go"
    os.mkfifo(tmp_path / "ready.go")
    job, daemon = _ready(desk, tmp_path, script)
    (tmp_path / "ready.go").write_text("\n")
    assert desk.ended(job).state == JobState.DONE
    assert (desk.service.leftovers.busy, state_of(int(daemon)) in "SRD") == (False, True)


def test_the_time_limit_counts_running_time(desk: Desk, tmp_path: Path) -> None:
    job, _ = _ready(desk, tmp_path, "echo > READY; exec sleep 600", time_limit=500)
    due = job.timers["limit"].due
    _act(desk, "suspend", job)
    assert "limit" not in job.timers
    job.row.ran = 499.99
    _act(desk, "resume", job)
    assert job.timers["limit"].due < due
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.signal) == (JobState.FAILED, "time-limit", "SIGTERM")


@pytest.mark.parametrize("queued", [True, False])
def test_the_deadline(desk: Desk, queued: bool) -> None:
    job = desk.submit(*_SLEEP, hold=queued, deadline=time.time() + (0.01 if queued else 0.3))
    row = desk.ended(job)
    assert (row.state, row.sub_state, row.signal) == (JobState.FAILED, "deadline", None if queued else "SIGTERM")


# containers


def _box(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch, script: str = "exec sleep 600") -> Job:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    job = desk.submit("x", **box(script))
    desk.running(job)
    boxes.asked.clear()
    return job


def _end_of(desk: Desk, boxes: Boxes, job: Job, end: Observation) -> tuple[Any, ...]:
    boxes.says[job.row.container or ""] = end
    row = desk.ended(job)
    return row.state, row.sub_state, row.exit_status, row.signal


def test_a_containers_engine_is_asked(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _box(desk, boxes, monkeypatch)
    name = job.row.container or ""
    for action, state in (("suspend", JobState.SUSPENDED), ("resume", JobState.RUNNING)):
        assert _act(desk, action, job)["done"] == [job.row.id]
        assert desk.row(job).state == state
    assert boxes.asked == [("suspend", name, "SIGTERM"), ("resume", name, "SIGTERM")]


def test_an_engine_that_refuses(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _box(desk, boxes, monkeypatch)
    boxes.down = "the engine sleeps"
    for action in ("suspend", "terminate"):
        outcome = _act(desk, action, job)
        assert outcome["errors"][job.row.id][:2] == ["DrmCommunicationException", "the engine sleeps"]
    assert desk.row(job).state == JobState.RUNNING


def test_an_engine_that_cannot_suspend(desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch) -> None:
    job = _box(desk, boxes, monkeypatch)
    boxes.refuses = {"suspend": UnsupportedOperationException("no freezer")}
    assert _act(desk, "suspend", job)["done"] == [job.row.id]
    assert desk.row(job).sub_state == "stopped"
    assert becomes(job.row.pid or 0, "T")
    assert _act(desk, "resume", job)["done"] == [job.row.id]
    assert desk.row(job).state == JobState.RUNNING
    assert becomes(job.row.pid or 0, "SR")
    assert boxes.verbs() == ["suspend"]


_TRAP = 'trap "exit 9" TERM; while :; do sleep 0.01; done'


@pytest.mark.parametrize(("script", "asked"), [(_TRAP, "SIGTERM"), ("exec sleep 600", "SIGKILL")])
def test_a_first_process_without_a_handler_is_killed_at_once(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch, script: str, asked: str
) -> None:
    job = _box(desk, boxes, monkeypatch, script)
    if script == _TRAP:
        desk.until(lambda: procfs.handles(job.row.pid or 0, 15) or desk.again())
    _act(desk, "terminate", job)
    assert boxes.asked == [("kill", job.row.container or "", asked)]
    assert desk.row(job).sub_state == "terminating"
    os.kill(job.row.pid or 0, 9)
    found = _end_of(desk, boxes, job, Observation(JobState.FAILED, terminating_signal="SIGKILL"))
    assert found == (JobState.FAILED, "terminated", None, "SIGKILL")


def test_a_kill_that_its_engine_does_not_carry_out_is_tried_again(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctracker.supervisor.control.clocks.LEAST", 0.01)
    job = _box(desk, boxes, monkeypatch)
    boxes.down = "no answer within 15 s"
    assert _act(desk, "terminate", job, grace=0.05)["errors"][job.row.id][1].endswith(boxes.down)
    desk.until(lambda: boxes.verbs().count("kill") > 3, "tries after the grace")
    assert job.row.annotation == boxes.down
    boxes.down = None
    tries = len(boxes.asked)
    desk.until(lambda: len(boxes.asked) > tries, "the kill that is carried out")
    assert boxes.asked[-1] == ("kill", job.row.container, "SIGKILL")
    os.kill(job.row.pid or 0, signal.SIGKILL)
    found = _end_of(desk, boxes, job, Observation(JobState.FAILED, terminating_signal="SIGKILL"))
    assert found == (JobState.FAILED, "terminated", None, "SIGKILL")
    assert desk.row(job).annotation is None


def test_a_container_that_is_ended_without_grace_is_killed_once(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _box(desk, boxes, monkeypatch)
    _act(desk, "terminate", job, grace=0)
    desk.until(lambda: not len(desk.service.calls) and not desk.here.loop.round())
    assert boxes.asked == [("kill", job.row.container, "SIGKILL")]
    os.kill(job.row.pid or 0, signal.SIGKILL)
    found = _end_of(desk, boxes, job, Observation(JobState.FAILED, terminating_signal="SIGKILL"))
    assert found == (JobState.FAILED, "terminated", None, "SIGKILL")


def test_a_kill_without_grace_that_its_engine_does_not_carry_out_is_tried_again(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proctracker.supervisor.control.clocks.LEAST", 0.01)
    job = _box(desk, boxes, monkeypatch)
    boxes.down = "no answer within 15 s"
    assert _act(desk, "terminate", job, grace=0)["errors"][job.row.id][1].endswith(boxes.down)
    desk.until(lambda: boxes.verbs().count("kill") > 2, "more tries")
    assert job.row.annotation == boxes.down
    os.kill(job.row.pid or 0, signal.SIGKILL)
    boxes.down = None
    found = _end_of(desk, boxes, job, Observation(JobState.FAILED, terminating_signal="SIGKILL"))
    assert found == (JobState.FAILED, "terminated", None, "SIGKILL")


@pytest.mark.parametrize("stopped", [True, False])
def test_a_suspended_container_is_resumed_for_its_end(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    job = _box(desk, boxes, monkeypatch)
    if stopped:
        boxes.refuses = {"suspend": UnsupportedOperationException("no freezer")}
    _act(desk, "suspend", job)
    monkeypatch.setattr("proctracker.linux.procfs.handles", lambda pid, number: True)
    _act(desk, "terminate", job, grace=0.05)
    desk.until(lambda: boxes.asked[-1] == ("kill", job.row.container, "SIGKILL"))
    expected: Sequence[str] = ["suspend", "kill", "kill"] if stopped else ["suspend", "resume", "kill", "kill"]
    assert boxes.verbs() == expected
    assert becomes(job.row.pid or 0, "SR")


@pytest.mark.parametrize("refused", [False, True])
def test_a_resume_that_let_a_container_go_on_to_its_end_was_done(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, refused: bool
) -> None:
    job = _box(desk, boxes, monkeypatch)
    _act(desk, "suspend", job)
    os.mkfifo(tmp_path / "answer")

    def control(engine: Engine, action: str, name: str, signal: str = "SIGTERM") -> Dialog[None]:
        yield [("sh", "-c", f"read line <{tmp_path}/answer")]
        if refused:
            raise InvalidStateException("it is not paused")

    monkeypatch.setattr(boxes, "control", control)
    told: list[dict[str, Any]] = []
    desk.service.actions.control([job.row.id], "resume", "SIGTERM", 10.0, told.append)
    os.kill(job.row.pid or 0, signal.SIGKILL)
    assert _end_of(desk, boxes, job, Observation(JobState.FAILED, exit_status=5))[2] == 5
    (tmp_path / "answer").write_text("go\n")
    outcome = desk.until(lambda: told)[0]
    assert outcome["done"] == ([] if refused else [job.row.id])
    assert [*outcome["errors"]] == ([job.row.id] if refused else [])
    assert job.row.state == JobState.FAILED


@pytest.mark.parametrize("why", ["terminating", "deadline"])
def test_the_reason_of_an_end_during_the_start_is_in_the_row(desk: Desk, boxes: Boxes, why: str) -> None:
    boxes.words = ("sleep", "600")
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid)
    desk.service.actions.end(job, why, signal.SIGTERM, 500, lambda error: None)
    desk.here.ledger.flush()
    row = desk.row(job)
    assert (row.state, row.sub_state, row.kill_at is not None) == (JobState.QUEUED, why, True)
    os.kill(job.row.pid or 0, signal.SIGKILL)


@pytest.mark.parametrize("there", [True, False])
def test_a_start_that_is_looked_for_is_ended_when_it_is_found(
    old: Desk, follow: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    boxes.words = ("sleep", "600")
    job = old.submit("x", **box(), retries=1)
    old.until(lambda: job.row.pid)
    old.here.ledger.flush()
    os.kill(job.row.pid or 0, signal.SIGKILL)
    assert becomes(job.row.pid or 0, "ZX")
    boxes.down = "not now"
    new = follow()
    taken = new.taken(job)
    said = _act(new, "hold", taken)["errors"][job.row.id][1]
    assert said == f"job {job.row.id} is QUEUED, just being started: hold takes QUEUED or REQUEUED"
    assert _act(new, "terminate", taken, grace=0)["done"] == [job.row.id]
    assert new.row(job).finished is None
    boxes.down = None
    with subprocess.Popen(["sleep", "600"]) as process:
        if there:
            Path(identity.folder(new.home, job.row), "pid").write_text(str(process.pid))
            boxes.says[job.row.container or ""] = Observation(JobState.RUNNING, pid=process.pid)
            new.until(lambda: "kill" in boxes.verbs(), "the signal")
            assert boxes.asked[-1][::2] == ("kill", "SIGKILL")
        process.kill()
        boxes.says.pop(job.row.container or "", None)
    row = new.ended(taken)
    if not there:
        assert (row.state, row.sub_state, row.attempt) == (JobState.FAILED, "terminated", 1)


def test_an_end_asked_for_during_the_start_keeps_its_signal_and_grace(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    monkeypatch.setattr("proctracker.linux.procfs.handles", lambda pid, number: True)
    job = desk.submit("x", **box())
    desk.until(lambda: job.row.pid)
    _act(desk, "terminate", job, signal="USR1", grace=500)
    desk.running(job)
    desk.until(lambda: "kill" in boxes.verbs())
    assert boxes.asked[-1] == ("kill", job.row.container, "SIGUSR1")
    assert 490 < (job.row.kill_at or 0) - clock.boottime() <= 500
