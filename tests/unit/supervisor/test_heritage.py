"""What supervisors of ordinary logins leave to the main one."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from proctracker.model import JobState
from proctracker.supervisor import heritage
from proctracker.supervisor.base.jobs import Job
from proctracker.wire import confinement, election
from supervising import AROUND, Desk

APART = "main-0123456789ab"


@pytest.fixture
def left(desks: Callable[..., Desk]) -> Callable[..., Job]:
    """A queued job of a supervisor apart that has gone; ``around``: its submitter's nice value and limits."""

    def leave(key: str = APART, **around: object) -> Job:
        desk = desks(key=key)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(AROUND, "nice", around.get("nice"))
            patch.setitem(AROUND, "limits", around.get("limits"))
            job = desk.submit("true", hold=True)
        desk.close()
        return job

    return leave


def test_the_main_one_goes_on_with_what_it_can_start(desks: Callable[..., Desk], left: Callable[..., Job]) -> None:
    job = left(nice=confinement.describe()["nice"], limits={"NOFILE": [20, 30]})
    main = desks().recover()
    assert main.row(job).keeper == confinement.MAIN
    assert main.here.jobs.find(job.row.id) is not None
    assert main.service.queue.paused
    main.service.queue.resume()
    main.service.actions.control([job.row.id], "release", "SIGTERM", 0.0, lambda outcome: None)
    main.until(lambda: main.row(job).state == JobState.DONE or main.again())


@pytest.mark.parametrize("around", [{"nice": -5}, {"limits": {"NOFILE": [20, -1]}}, {"limits": {"NOFILE": ["x"]}}])
def test_what_it_could_not_start_waits(
    desks: Callable[..., Desk], left: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, around: dict[str, object]
) -> None:
    job = left(**around)
    limited = {**confinement.describe(), "may": [], "best_nice": 0, "limits": {"NOFILE": 100}}
    monkeypatch.setattr(confinement, "describe", lambda: limited)
    main = desks().recover()
    assert (main.row(job).keeper, main.row(job).state) == (APART, JobState.QUEUED_HELD)


def test_those_of_a_living_one_or_of_a_confinement_are_left_alone(
    desks: Callable[..., Desk], left: Callable[..., Job]
) -> None:
    confined = left(key="0123456789ab")
    apart = left()
    main = desks()
    claim = election.claim(main.home.run, APART)
    assert claim is not None
    heritage.take_over(main.here)
    assert [main.row(job).keeper for job in (apart, confined)] == [APART, "0123456789ab"]
    election.release(claim)


def test_nothing_stays_of_one_that_left_no_jobs(desks: Callable[..., Desk], left: Callable[..., Job]) -> None:
    confined, over = left(key="0123456789ab"), desks(key="ba9876543210")
    over.close()
    main = desks()
    heritage.take_over(main.here)
    found = {name.partition(".")[0] for name in os.listdir(main.home.run)}
    assert found == {confinement.MAIN, "0123456789ab"}
    assert main.row(confined).keeper == "0123456789ab"


def test_one_apart_takes_nothing_over(desks: Callable[..., Desk], left: Callable[..., Job]) -> None:
    job = left()
    other = desks(key="main-ba9876543210")
    heritage.take_over(other.here)
    assert other.row(job).keeper == APART
