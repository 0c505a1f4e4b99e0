"""What a scheduler may wait for itself, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mill import Mill
from proctracker.model import JobState, Observation
from proctracker.model.observation import ended
from proctracker.runtimes.batch import Config
from proctracker.supervisor.base.jobs import Job
from supervising import Desk


@pytest.fixture
def chains(mill: Mill) -> Mill:
    """A scheduler that waits for its own jobs."""
    mill.hands_over = (*mill.hands_over, "dependencies")
    return mill


def _submit(desk: Desk, **more: Any) -> Job:
    return desk.submit("x", runtime="mill", contact="mill", runtime_containers=False, **more)


def _handed(desk: Desk, *jobs: Job) -> None:
    for job in jobs:
        desk.until(lambda job=job: job.row.container_id, f"the hand-over of {job.row.id}")  # type: ignore[misc]


def _waits_here(desk: Desk, mill: Mill, job: Job) -> bool:
    """Whether a job is not handed over though others are."""
    _handed(desk, _submit(desk))
    looks = mill.looks
    desk.until(lambda: mill.looks > looks + 1 or desk.again())
    return job.waits and bool(job.waits_for)


def test_a_chain_is_handed_over_at_once_and_left_alone(desk: Desk, chains: Mill) -> None:
    first = _submit(desk)
    second = _submit(desk, after=[first.row.id])
    third = _submit(desk, after_any=[second.row.id], after=[first.row.id])
    _handed(desk, first, second, third)
    assert [(list(each.after), list(each.after_any)) for each in chains.submitted_ones] == [
        ([], []), (["7"], []), (["7"], ["8"])
    ]  # fmt: skip
    assert all(desk.service.batch.left_alone(job) for job in (first, second, third))
    assert not desk.service._has_jobs()


def test_an_array_as_a_whole(desk: Desk, chains: Mill) -> None:
    first = _submit(desk, indices=[1, 2, 3])
    tasks = [*desk.here.jobs.task_jobs(first.row.num)]
    second = _submit(desk, indices=[1, 2], after=[str(first.row.num)])
    one = _submit(desk, after=[tasks[1].row.id])
    _handed(desk, *tasks, *desk.here.jobs.task_jobs(second.row.num), one)
    assert [list(each.after) for each in chains.submitted_ones[1:]] == [["7"], ["7_2"]]


@pytest.mark.parametrize("why", ["retries", "process", "engine", "bounded", "ending", "forgetful", "unasked", "task"])
def test_what_is_ours(desk: Desk, chains: Mill, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    more: dict[str, Any] = {}
    if why == "process":
        first = desk.submit("sleep", "600")
        desk.running(first)
    elif why == "task":
        first = _submit(desk, indices=[1, 2, 3])
        tasks = [*desk.here.jobs.task_jobs(first.row.num)]
        _handed(desk, *tasks)
        chains.jobs[tasks[0].row.container or ""] = ended(0, container_id="7_1")
        desk.ended(tasks[0])
        more["after"] = [str(first.row.num)]
    else:
        first = _submit(desk, **({"retries": 1} if why == "retries" else {}))
        _handed(desk, first)
    if why == "engine":
        more["engine"] = {"command": ["another"]}
    elif why == "bounded":
        more.update(session="t", max_running=5)
    elif why == "ending":
        first.ending = "terminating"
    elif why == "forgetful":
        monkeypatch.setattr(chains, "parse_config", lambda done: Config(min_job_age=1))
    elif why == "unasked":
        chains.down = "no answer"
        desk.service.batch.sightings._known.clear()
    second = _submit(desk, **{"after": [first.row.id], **more})
    assert _waits_here(desk, chains, second)


def test_one_that_was_looked_for_is_asked_for_once(desk: Desk, chains: Mill) -> None:
    first = _submit(desk)
    _handed(desk, first)
    desk.service.batch.sightings._known.clear()
    _handed(desk, _submit(desk, after=[first.row.id]))
    assert list(chains.submitted_ones[-1].after) == ["7"]


def test_of_an_array_that_waits_for_an_array_it_is_found_out_once(
    desk: Desk, chains: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _submit(desk, indices=list(range(1, 41)))
    _handed(desk, *desk.here.jobs.task_jobs(first.row.num))
    found: list[Job] = []
    real = desk.service.queue.chains._found
    monkeypatch.setattr(desk.service.queue.chains, "_found", lambda job: (found.append(job), real(job))[1])
    second = _submit(desk, indices=list(range(1, 41)), after=[str(first.row.num)])
    _handed(desk, *desk.here.jobs.task_jobs(second.row.num))
    assert (len(chains.submitted_ones), len(found) < 6) == (2, True)


def test_too_late_twice_it_waits_here(desk: Desk, chains: Mill) -> None:
    first = _submit(desk)
    _handed(desk, first)
    second = _submit(desk, after=[first.row.id])
    for _ in range(2):
        desk.service.queue.chains.late(second)
    assert _waits_here(desk, chains, second)


def test_refused_by_its_scheduler_it_waits_here(desk: Desk, chains: Mill) -> None:
    first = _submit(desk)
    _handed(desk, first)
    says, chains.says = chains.says, "echo 'Job dependency problem' >&2; exit 1"
    second = _submit(desk, after=[first.row.id])
    desk.until(lambda: len(chains.submitted_ones) == 2 and second.waits)
    chains.jobs.pop(desk.home.container(second.row.id, 1))
    chains.says = says
    assert _waits_here(desk, chains, second)
    chains.jobs[first.row.container or ""] = ended(0, container_id="7")
    _handed(desk, second)
    assert list(chains.submitted_ones[-1].after) == []


def _chained(desk: Desk) -> tuple[Job, Job]:
    first = _submit(desk)
    second = _submit(desk, after=[first.row.id], retries=3)
    _handed(desk, first, second)
    return first, second


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("code", [0, 3])
def test_by_our_rule_it_is_known_what_became_of_one(desk: Desk, chains: Mill, told: bool, code: int) -> None:
    """Its scheduler says that it will never start, or has forgotten both, while nobody was here."""
    first, second = _chained(desk)
    key = second.row.container or ""
    if told:
        chains.jobs[key] = Observation(JobState.FAILED, "dependency", container_id="8")
    else:
        del chains.jobs[key]
    desk.until(lambda: chains.looks > 3)
    assert not second.row.ended  # nobody has said yet how the first one ended
    chains.jobs[first.row.container or ""] = ended(code, container_id="7")
    if code:
        row = desk.ended(second)
        assert (row.state, row.sub_state, row.annotation) == (
            JobState.FAILED, "dependency", f"job {first.row.id} did not end DONE"
        )  # fmt: skip
    elif told:
        desk.until(lambda: len(chains.submitted_ones) == 3, "another hand-over")
        assert list(chains.submitted_ones[-1].after) == []
    else:
        assert desk.ended(second).sub_state == "lost"


def test_a_later_supervisor_hands_over_what_waited_here(desks: Callable[..., Desk], chains: Mill) -> None:
    first = desks()
    one = _submit(first)
    _handed(first, one)
    chains.hands_over = ()
    two = _submit(first, after=[one.row.id])
    first.until(lambda: first.here.ledger.clean)
    first.close(kill=False)
    chains.hands_over = ("dependencies",)
    second = desks(seat=first.seat, turn=1).recover()
    _handed(second, second.taken(two))
    assert list(chains.submitted_ones[-1].after) == ["7"]
