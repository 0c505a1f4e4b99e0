"""One job whose handling raises, among others whose supervision goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mill import Mill
from proctracker.client import start
from proctracker.client.client import Client
from proctracker.errors import InvalidArgumentException, OutOfResourceException
from proctracker.linux import cgroups, procfs
from proctracker.model import JobState, Observation
from proctracker.model.observation import ended
from proctracker.store import Home
from proctracker.supervisor import recovery
from proctracker.supervisor.base.jobs import Job
from supervising import Boxes, Desk, box, context, seat, spec, waited

BROKEN = (JobState.UNDETERMINED, "lost", None)

_PLANT = """
from proctracker.supervisor.{module} import {cls} as planted
real = planted.{method}
def raising(self, job, *args):
    if job.spec.get("name") == "bad":
        raise KeyError("planted")
    return real(self, job, *args)
planted.{method} = raising
"""


def _told(desk: Desk, job: Job) -> tuple[int, str | None, int | None]:
    row = desk.ended(job)
    assert "supervisor.log" in (row.annotation or "")
    return row.state, row.sub_state, row.exit_status


@pytest.mark.parametrize(
    ("module", "cls", "method", "rerunnable"),
    [
        ("running.exits", "Exits", "process", False),
        ("running.exits", "Exits", "process", True),
        ("control.clocks", "Clocks", "limit_time", False),
        ("cleanup.leftovers", "Leftovers", "ended", False),
    ],
)
def test_others_end_as_they_do(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, cls: str, method: str, rerunnable: bool
) -> None:
    """A whole supervisor, with what raises planted into it and into each that follows."""
    gate, ran = tmp_path / "gate", tmp_path / "ran"
    os.mkfifo(gate)
    plant = _PLANT.format(module=module, cls=cls, method=method)
    monkeypatch.setattr(start, "_BOOT", start._BOOT.replace("main(sys", f"{plant}\nmain(sys"))
    client = Client(home)
    other = client.submit("s", spec("sh", "-c", f"read x < {gate}; exit 7"), context(), contact="process")
    keeper, _ = (waited(client, other, states="started"), seat(client))[1]
    bad = client.submit(
        "s", spec("sh", "-c", f"echo x >> {ran}", name="bad", rerunnable=rerunnable), context(), contact="process"
    )
    row = waited(client, bad)[0]
    if method == "ended":
        assert (row.state, row.exit_status) == (JobState.DONE, 0)  # it was told before that
    else:
        assert (row.state, row.sub_state, row.exit_status) == BROKEN
        assert "planted" in (row.annotation or "")
    after = client.submit("s", spec("sh", "-c", "exit 3"), context(), contact="process")
    assert waited(client, after)[0].exit_status == 3
    gate.write_text("go\n")
    assert waited(client, other)[0].exit_status == 7
    assert (seat(client)[0], ran.read_text()) == (keeper, "x\n")
    client.close()
    assert "planted" in Path(home.here, "supervisor.log").read_text()


@pytest.mark.parametrize("rerunnable", [False, True])
def test_rows_that_cannot_be_taken_over(
    desks: Callable[..., Desk], boxes: Boxes, monkeypatch: pytest.MonkeyPatch, rerunnable: bool
) -> None:
    monkeypatch.setattr(cgroups, "has_name", lambda pid, name: True)
    first = desks()
    jobs = [first.submit("sleep", "600", rerunnable=rerunnable) for _ in range(3)]
    jobs.append(first.submit("x", **box("exec sleep 600"), rerunnable=rerunnable))
    for job in jobs:
        first.running(job)
    first.until(lambda: first.here.ledger.clean)
    first.close(kill=False)
    real = recovery._take_over

    def take_over(service: Any, job: Job) -> None:
        if job.row.id in (jobs[0].row.id, jobs[3].row.id):
            raise TypeError("planted")
        real(service, job)

    monkeypatch.setattr(recovery, "_take_over", take_over)
    desk = desks(seat=first.seat, turn=1).recover()
    assert {job.row.id for job in desk.here.jobs} == {jobs[1].row.id, jobs[2].row.id}
    desk.here.ledger.flush()
    for job in (jobs[0], jobs[3]):
        row = desk.row(job)
        assert (row.state, row.sub_state, row.exit_status) == BROKEN


def test_a_row_that_cannot_be_loaded(desks: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    first = desks()
    jobs = [first.submit("true", hold=True) for _ in range(2)]
    first.close(kill=False)
    real = Job.__init__

    def made(self: Job, row: Any, spec: dict[str, Any], context: str) -> None:
        if row.id == jobs[0].row.id and spec:
            raise ValueError("planted")
        real(self, row, spec, context)

    monkeypatch.setattr(Job, "__init__", made)
    desk = desks().recover()
    assert [job.row.id for job in desk.here.jobs] == [jobs[1].row.id]
    desk.here.ledger.flush()
    assert (desk.row(jobs[0]).state, desk.row(jobs[0]).sub_state) == BROKEN[:2]


@pytest.mark.parametrize("how", ["merge", "parse_record"])
def test_one_of_many_that_a_scheduler_has(desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    jobs = [desk.submit("x", runtime="mill", contact="mill", runtime_containers=False) for _ in range(3)]
    for job in jobs:
        desk.until(lambda job=job: job.row.container_id)  # type: ignore[misc]
    if how == "merge":

        def merge(recorded: Observation | None, seen: Observation | None) -> Observation | None:
            if seen is not None and seen.exit_status == 66:
                raise KeyError("planted")
            return seen

        monkeypatch.setattr(mill, "merge", merge)
        mill.jobs[jobs[1].row.container or ""] = ended(66, container_id="8")
    else:
        mill.record(desk.home.records, jobs[1].row.container or "", "ended six")
    assert _told(desk, jobs[1]) == BROKEN
    for job in (jobs[0], jobs[2]):
        mill.jobs[job.row.container or ""] = ended(3, container_id=job.row.container_id)
        assert desk.ended(job).exit_status == 3


@pytest.mark.parametrize(
    "error",
    [
        OutOfResourceException("full"),
        MemoryError(),
        *(OSError(code, "short") for code in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.EIO, errno.ESTALE)),
        *(OSError(code, "short") for code in (errno.EROFS, errno.ENOLCK, errno.ETIMEDOUT, errno.EREMOTEIO)),
    ],
)
def test_what_the_machine_is_short_of_is_no_jobs_fault(desk: Desk, error: Exception) -> None:
    job = desk.submit("sleep", "600")
    desk.running(job)

    def handles(job: Job) -> None:
        raise error

    with pytest.raises(type(error)), desk.service.faults:
        handles(job)
    assert job.row.state == JobState.RUNNING


def test_whose_handling_it_was(desk: Desk) -> None:
    jobs = [desk.submit("sleep", "600") for _ in range(5)]
    for job in jobs:
        desk.running(job)

    def handles(members: Any) -> None:
        raise InvalidArgumentException("planted")

    def loops() -> None:
        for job in jobs[:1]:
            assert job  # finished with
        handles([(jobs[1], None), (jobs[2], None)])

    def of_a_row(job: Job) -> None:
        handles(job.row)

    for call in (loops, lambda: of_a_row(jobs[3])):
        with pytest.raises(InvalidArgumentException), desk.service.faults:
            call()
    assert [desk.row(job).state for job in jobs] == [JobState.RUNNING, *[JobState.UNDETERMINED] * 3, JobState.RUNNING]
    assert all(procfs.alive(job.row.pid or 0, job.row.ticks) for job in jobs if not job.row.ended)


def test_names_that_are_no_text_are_taken_over_as_they_are(desks: Callable[..., Desk]) -> None:
    first = desks()
    odd = os.fsdecode(b"/tmp/caf\xe9")
    job = first.submit("sleep", "600", output=odd, hold=True)
    first.close(kill=False)
    found = desks().recover().taken(job)
    assert (found.row.output, found.held) == (odd, True)
