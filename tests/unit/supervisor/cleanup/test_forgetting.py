"""Forgetting jobs and sessions: records, files, containers, and what becomes of live jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import Drmaa2Exception, DrmCommunicationException, OutOfResourceException
from proctracker.model import JobRow, JobState
from supervising import Boxes, Desk, box, context, state_of


def _reap(desk: Desk, *ids: str) -> dict[str, Any]:
    told: list[dict[str, Any]] = []
    desk.service.forgetting.reap(ids, told.append)
    return desk.until(lambda: told)[0]


def _destroy(desk: Desk, live: str, name: str = "s") -> Any:
    found: list[Any] = []
    desk.service.forgetting.destroy(name, live, found.append, found.append)
    return desk.until(lambda: found)[0]


def test_reap_forgets_all_of_a_job(desk: Desk, tmp_path: Path) -> None:
    kept_input = tmp_path / "in"
    kept_input.write_text("text")
    job = desk.submit("sh", "-c", "cat; exit 1", retries=1, input=str(kept_input), keep_input=True, env={"S": "secret"})
    desk.ended(job)
    kept = [Path(desk.home.kept("1", attempt, "out")) for attempt in (1, 2)]
    assert [path.exists() for path in kept] == [True, True]
    assert _reap(desk, "1", "1") == {"done": ["1"], "errors": {}}
    assert [path.exists() for path in (*kept, kept_input)] == [False] * 3
    assert desk.here.store.jobs(["1"]) == []
    assert desk.here.store.context(context(S="secret")[0]) is None
    assert desk.service.contexts.get(context(S="secret")[0]) is None
    assert not desk.service.forgetting.busy


def test_reap_takes_the_files_of_a_call_and_no_others(desk: Desk) -> None:
    names = [desk.home.call_folder() for _ in range(2)]
    for name, path in zip(names, ("call", "result")):
        (Path(desk.home.calls) / name / path).touch()
    desk.ended(desk.submit("true", call=names[0]))
    desk.ended(desk.submit("true", call="../output"))
    assert _reap(desk, "1", "2") == {"done": ["1", "2"], "errors": {}}
    assert os.listdir(desk.home.calls) == names[1:]
    assert os.path.isdir(desk.home.kept_dir)


def test_what_runs_or_is_unknown_is_not_touched(desk: Desk) -> None:
    over, live = desk.submit("true"), desk.submit("sleep", "600")
    desk.ended(over)
    desk.running(live)
    outcome = _reap(desk, "77", live.row.id, over.row.id)
    assert outcome["done"] == [over.row.id]
    assert outcome["errors"]["77"][:2] == ["InvalidArgumentException", "no job 77"]
    assert outcome["errors"][live.row.id][1] == f"job {live.row.id} is RUNNING: reap takes ended jobs"
    assert _reap(desk) == {"done": [], "errors": {}}


def test_an_input_that_a_task_shares_stays(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "in").touch()
    desk.submit("cat", indices=[1], input=str(tmp_path / "in"), keep_input=True)
    desk.ended(desk.jobs[0])
    _reap(desk, "1_1")
    assert (tmp_path / "in").exists()


def test_a_job_whose_container_stays_is_not_forgotten(desk: Desk, boxes: Boxes) -> None:
    for _ in range(2):
        job = desk.submit("x", **box(), hold=True)
        job.row.container = f"box-{job.row.id}"
        desk.service.lifecycle.refused(job, "", "terminated")
    boxes.stays = {"box-1": "in use"}
    outcome = _reap(desk, "1", "2")
    assert outcome["done"] == ["2"]
    assert outcome["errors"]["1"][:2] == ["DrmCommunicationException", "job 1: its container stays: in use"]
    boxes.refuses = {"remove": DrmCommunicationException("asleep")}
    assert _reap(desk, "1")["errors"]["1"][1].endswith("asleep")
    assert [row.id for row in desk.here.store.jobs(["1", "2"])] == ["1"]


def test_where_nothing_can_be_written_nothing_is_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    job = desk.submit("echo")
    desk.ended(job)

    def full() -> None:
        raise OutOfResourceException("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(desk.here.store, "commit", full)
        outcome = _reap(desk, "1")
    assert (outcome["done"], outcome["errors"]["1"][:2]) == ([], ["OutOfResourceException", "disk full"])
    assert os.path.exists(desk.home.kept("1", 1, "out"))
    assert _reap(desk, "1")["done"] == ["1"]


def test_who_waits_for_a_job_that_is_reaped_is_told(desk: Desk) -> None:
    told: list[list[str]] = []
    desk.service.forgetting.on_forgotten.append(lambda ids: told.append(list(ids)))
    desk.ended(desk.submit("true"))
    _reap(desk, "1")
    assert told == [["1"]]


def test_destroy_refuses_while_jobs_live(desk: Desk) -> None:
    over, live = desk.submit("true"), desk.submit("true", hold=True)
    desk.ended(over)
    error = _destroy(desk, "refuse")
    assert isinstance(error, Drmaa2Exception)
    assert error.message.startswith("session 's' has 1 live job: ")
    assert desk.here.store.session("s") is not None
    desk.service.lifecycle.refused(live, "", "terminated")
    other = desk.submit("true", session="other", hold=True)
    assert sorted(_destroy(desk, "refuse")["reaped"]) == [over.row.id, live.row.id]
    assert desk.here.store.session("s") is None
    assert [row.id for row in desk.here.store.live("main")] == [other.row.id]


@pytest.mark.parametrize("live", ["terminate", "leave", "refuse"])
def test_what_another_supervisor_runs_keeps_the_session(desk: Desk, live: str) -> None:
    desk.submit("true", hold=True)
    desk.here.ledger.accept(lambda store: store.add_jobs([JobRow("77", 77, session="s", keeper="other", spec=1)]))
    found = _destroy(desk, live)
    assert isinstance(found, Drmaa2Exception)
    assert "has 2 live jobs" in found.message
    assert len(desk.here.jobs) == 1


def test_destroy_may_terminate(desk: Desk) -> None:
    desk.submit("true", hold=True)
    pid = desk.running(desk.submit("sleep", "600"))
    assert sorted(_destroy(desk, "terminate")["reaped"]) == ["1", "2"]
    assert (state_of(pid), len(desk.here.jobs), desk.service.forgetting.busy) == ("X", 0, False)


def test_destroy_may_leave(desk: Desk) -> None:
    queued, running = desk.submit("true", hold=True), desk.submit("sleep", "600")
    pid = desk.running(running)
    assert sorted(_destroy(desk, "leave")["reaped"]) == ["1", "2"]
    assert (state_of(pid) in "SRD", len(desk.here.jobs)) == (True, 0)
    assert (queued.row.state, queued.row.sub_state) == (JobState.UNDETERMINED, "left")


def test_one_that_is_left_in_its_start_leaves_no_files(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    boxes.words = ("sh", "-c", f"read x < {tmp_path}/gate; exit 3")
    job = desk.submit("x", **box())
    desk.until(lambda: job.starting and job.row.pid)
    folder = f"{desk.home.starts}/{job.row.id}.1"
    assert os.path.isdir(folder)
    told: list[Any] = []
    desk.service.forgetting.destroy("s", "leave", told.append, told.append)
    desk.until(lambda: told)
    (tmp_path / "gate").write_text("\n")
    desk.until(lambda: not len(desk.service.calls))
    assert not os.path.exists(folder)


def test_a_left_container_is_not_removed(desk: Desk, boxes: Boxes) -> None:
    job = desk.submit("x", **box(), hold=True)
    job.row.container, job.row.dispatched = "box", 1.0
    _destroy(desk, "leave")
    assert boxes.asked == []


def test_a_session_whose_jobs_cannot_be_reaped_stays(desk: Desk, boxes: Boxes) -> None:
    job = desk.submit("x", **box(), hold=True)
    job.row.container = "box"
    desk.service.lifecycle.refused(job, "", "terminated")
    boxes.stays = {"box": "in use"}
    assert _destroy(desk, "refuse").message == "session 's' stays: job 1: its container stays: in use"
    assert desk.here.store.session("s") is not None
