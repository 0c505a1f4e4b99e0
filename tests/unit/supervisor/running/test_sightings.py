"""When a job was last known to its scheduler."""

from __future__ import annotations

import math

import pytest

from mill import Mill
from proctracker.linux import clock
from proctracker.runtimes.batch import Config
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running.pacer import FIRST
from supervising import Desk


@pytest.fixture
def job(desk: Desk, mill: Mill) -> Job:
    made = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False)
    desk.until(lambda: made.row.container_id, "the submit")
    return made


def test_a_look_tells_of_what_began_before_it(desk: Desk, job: Job) -> None:
    sightings = desk.service.batch.sightings
    began = clock.boottime()
    assert sightings.told(job, began)
    sightings.began(job)
    assert not sightings.told(job, began)


def test_what_was_handed_over_a_moment_ago_is_young(desk: Desk, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    sightings, now = desk.service.batch.sightings, clock.boottime()
    sightings.had(job, now)
    monkeypatch.setattr(clock, "boottime", lambda: now + FIRST / 2)
    assert sightings.young(job)
    monkeypatch.setattr(clock, "boottime", lambda: now + FIRST)
    assert not sightings.young(job)
    sightings.forget(job)
    assert not sightings.young(job)


def test_what_is_missed_is_counted_until_it_is_found(desk: Desk, job: Job) -> None:
    sightings = desk.service.batch.sightings
    assert sightings.missing(job) == 0.0
    first = sightings.missing(job)
    assert sightings.missing(job) >= first > 0.0
    sightings.seen(job, True)
    assert (sightings.verified(job), sightings.missing(job)) == (True, 0.0)
    sightings.seen(job, False)
    assert not sightings.verified(job)


def test_half_the_time_for_which_it_remembers_what_has_ended(
    desk: Desk, mill: Mill, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mill, "parse_config", lambda done: Config(min_job_age=100))
    sightings = desk.service.batch.sightings
    assert sightings.holds([job]) == -math.inf  # how long that is nobody has asked
    asked: list[None] = []
    sightings.ask(job, [job], lambda: asked.append(None))
    desk.until(lambda: asked)
    assert 40 < sightings.holds([job]) <= 50
    sightings.had(job, clock.boottime() - 45)
    assert 0 < sightings.holds([job]) <= 5
    sightings.forget(job)
    assert sightings.holds([job]) == -math.inf
