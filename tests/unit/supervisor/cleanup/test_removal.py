"""Containers of ended jobs: their output is saved, then they go."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from proctracker.errors import DrmCommunicationException
from proctracker.model import JobState, Observation
from proctracker.runtimes.base import Engine
from proctracker.supervisor.base.jobs import Job
from supervising import Boxes, Desk, box


def _job(desk: Desk, **spec: Any) -> Job:
    """A container that ended long ago."""
    job = desk.submit("x", **{**box(), **spec}, hold=True)
    job.row.container = f"box-{job.row.id}"
    desk.here.ledger.change(job.row, JobState.DONE, finished=1.0)
    desk.here.jobs.remove(job)
    desk.here.ledger.flush()
    return job


def _idle(desk: Desk) -> None:
    desk.until(lambda: not desk.service.removal.busy and desk.here.ledger.clean)


def test_output_is_saved_before_the_container_goes(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk)
    desk.service.removal.discard(job)
    assert desk.service.removal.busy
    _idle(desk)
    assert (desk.row(job).saved, boxes.asked) == (1, [("remove", "box-1")])
    out, err = (Path(path) for path in desk.service.outputs.paths(job.row, None))
    assert (out.read_text(), err.read_text()) == ("output of box-1\n", "errors\n")


def test_joined_output_is_saved_as_one(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk, join=True)
    desk.service.removal.discard(job)
    _idle(desk)
    out, err = (Path(path) for path in desk.service.outputs.paths(job.row, None))
    assert (sorted(out.read_text().splitlines()), err.exists()) == (["errors", "output of box-1"], False)


def test_a_container_whose_output_cannot_be_saved_stays(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk)
    boxes.logs = lambda engine, name, follow=False: ("false",)  # type: ignore[method-assign]
    desk.service.removal.discard(job)
    _idle(desk)
    assert (desk.row(job).saved, boxes.asked) == (0, [])


@pytest.mark.parametrize("how", ["down", "busy"])
def test_a_container_that_cannot_be_removed_stays(desk: Desk, boxes: Boxes, how: str) -> None:
    job = _job(desk)
    if how == "down":
        boxes.refuses = {"remove": DrmCommunicationException("asleep")}
    else:
        boxes.stays = {"box-1": "in use"}
    desk.service.removal.discard(job)
    _idle(desk)
    assert desk.row(job).saved == 0


def test_containers_of_one_engine_go_in_one_call(desk: Desk, boxes: Boxes) -> None:
    other = {"engine": {"command": ["other"]}}
    rows = [_job(desk, **(other if number == 2 else {})).row for number in range(4)]
    rows[3].saved = 1
    boxes.stays = {"box-2": "in use"}
    failed: list[dict[str, str]] = []
    desk.service.removal.remove(rows, failed.append)
    desk.until(lambda: failed)
    assert (sorted(boxes.asked), failed) == ([("remove", "box-1", "box-2"), ("remove", "box-3")], [{"2": "in use"}])
    desk.service.removal.remove([], failed.append)
    desk.until(lambda: len(failed) == 2)
    assert failed[1] == {}


def test_an_attempts_container_goes_when_another_follows(desk: Desk, boxes: Boxes) -> None:
    job = _job(desk)
    desk.service.removal.requeued(job)
    job.row.container, job.row.attempt = None, 2
    _idle(desk)
    assert boxes.asked == [("remove", "box-1")]
    assert Path(desk.home.kept("1", 1, "out")).read_text() == "output of box-1\n"


@pytest.mark.parametrize("given", ["files", "one file", "no logs"])
def test_output_that_the_engine_does_not_keep_is_not_saved(desk: Desk, boxes: Boxes, given: str) -> None:
    job = _job(desk, **box(join=given == "one file"))
    boxes.keeps_logs = given != "no logs"
    job.row.output, job.row.error = ("/x" if boxes.keeps_logs else None), "/y" if given == "files" else None
    said: list[Any] = []
    desk.service.removal.save_logs(job, said.append)
    assert said == [None]
    assert not os.path.exists(desk.service.outputs.paths(job.row, None)[0])


def test_output_that_cannot_be_saved(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[Any] = []
    job = _job(desk, **box(output_dir=str(tmp_path / "file")))
    desk.service.removal.save_logs(job, said.append)
    assert "Not a directory" in said.pop()
    boxes.logs = lambda engine, name, follow=False: ("sh", "-c", "exit 1")  # type: ignore[method-assign]
    desk.service.removal.save_logs(_job(desk, **box()), said.append)
    desk.until(lambda: said)
    assert said == ["its output could not be read"]


@pytest.mark.parametrize(
    ("sub_state", "told", "forced"),
    [("lost", "gone", True), ("lost", "living", False), ("lost", None, False), ("terminated", "gone", False)],
)
def test_what_was_lost_goes_by_force_where_its_process_has_ended(
    desk: Desk, boxes: Boxes, sub_state: str, told: str | None, forced: bool
) -> None:
    row = _job(desk).row
    child = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(child, 0)
    pid = {"gone": child, "living": os.getpid()}.get(told or "")
    row.sub_state, row.pid, row.ticks = sub_state, child, 1
    boxes.stays = {"box-1": "it is running"}
    boxes.says = {"box-1": Observation(JobState.RUNNING, pid=pid)}
    usual, force = boxes.remove, []

    def remove(engine: Engine, names: Sequence[str], **given: bool) -> Any:
        if given.get("force"):
            force.extend(names)
            boxes.stays = {}
        return usual(engine, names)

    boxes.remove = remove  # type: ignore[method-assign]
    failed: list[dict[str, str]] = []
    desk.service.removal.remove([row], failed.append)
    desk.until(lambda: failed)
    assert (force, failed) == ((["box-1"], [{}]) if forced else ([], [{"1": "it is running"}]))


def test_a_container_stays_whose_output_a_file_server_refuses_late(
    desk: Desk, boxes: Boxes, refused_late: None
) -> None:
    job = _job(desk)
    desk.service.removal.discard(job)
    _idle(desk)
    assert (desk.row(job).saved, boxes.asked) == (0, [])
    assert not os.path.exists(desk.service.outputs.paths(job.row, None)[0])
    said: list[Any] = []
    desk.service.removal.save_logs(job, said.append)
    desk.until(lambda: said)
    assert said == ["Disk quota exceeded"]


def test_a_container_stays_whose_saved_output_gets_no_name(
    desk: Desk, boxes: Boxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(old: str, new: str) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(desk.service.outputs, "rename", refuse)
    job = _job(desk)
    desk.service.removal.discard(job)
    _idle(desk)
    assert (desk.row(job).saved, boxes.asked) == (0, [])
