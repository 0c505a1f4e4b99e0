"""What schedulers are asked, and who is told."""

from __future__ import annotations

import pytest

from mill import Mill
from proctracker.model import Completed, Observation
from proctracker.model.observation import ended
from proctracker.runtimes.batch import Config
from proctracker.supervisor.base.jobs import Job
from proctracker.supervisor.running.batchlooks import Asked
from supervising import Desk


def _submitted(desk: Desk, **more: object) -> Job:
    job = desk.submit("x", runtime="mill", contact="mill", runtime_containers=False, **more)
    desk.until(lambda: job.row.container_id, "the submit")
    return job


def test_one_look_for_each_engine(desk: Desk, mill: Mill) -> None:
    jobs = [_submitted(desk), _submitted(desk), _submitted(desk, engine={"command": ["other"]})]
    assert len({Asked(job).key for job in jobs}) == 2
    told: list[str | None] = []
    desk.until(lambda: desk.service.batch.looks.pacer.fresh, "the looks after the submits")
    looks = mill.looks
    desk.service.batch.looks.now(told.append)
    desk.until(lambda: told)
    assert (told, mill.looks) == ([None], looks + 2)


def test_it_is_looked_at_twice_while_it_knows_what_has_ended(desk: Desk, mill: Mill) -> None:
    """A job without a record that it has forgotten between two looks would be lost."""
    mill.config = Config(min_job_age=14)
    _submitted(desk)
    pauses: list[float] = []
    pacer = desk.service.batch.looks.pacer
    desk.until(lambda: desk.service.batch.looks.pacer.grows, "a look after which one comes later")
    assert mill.configured == 0
    bound, pacer.bound = pacer.bound, lambda seconds: (pauses.append(seconds), bound(seconds))[1]  # type: ignore[method-assign]
    pacer.wanted()
    desk.until(lambda: pauses, "what it says of itself")
    looks = mill.looks
    pacer.now()
    desk.until(lambda: mill.looks > looks and pacer.fresh, "another look")
    assert (pauses, mill.configured) == ([7.0], 1)


@pytest.mark.parametrize("how", ["down", "stumbles"])
def test_why_it_says_nothing_is_told_once_and_that_it_does_again(
    desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    _submitted(desk)
    troubles: list[str | None] = []
    desk.service.batch.looks.trouble = troubles.append
    with monkeypatch.context() as patch:
        if how == "down":
            patch.setattr(mill, "down", "no answer")
        else:
            patch.setattr(mill, "parse_look", lambda done: {}["planted"])
        looks = mill.looks
        desk.until(lambda: mill.looks > looks + 2)
    desk.until(lambda: len(troubles) == 2)
    assert troubles == ["no answer" if how == "down" else "true: KeyError: 'planted'", None]


def test_whoever_waits_for_a_look_is_told_when_nothing_is_left_to_look_at(desk: Desk, mill: Mill) -> None:
    job = _submitted(desk)
    told: list[str | None] = []
    desk.until(lambda: desk.service.batch.looks.pacer.fresh)
    desk.service.batch.looks.soon(told.append)
    desk.service.batch.forget(job)
    assert told == [None]


@pytest.mark.parametrize("wrong", [KeyError, ValueError])
def test_an_accounting_that_cannot_be_read_is_asked_again(
    desk: Desk, mill: Mill, monkeypatch: pytest.MonkeyPatch, wrong: type[Exception]
) -> None:
    job = _submitted(desk)
    asked: list[Config] = []

    def parse(done: Completed, config: Config) -> dict[str, Observation]:
        asked.append(config)
        if len(asked) == 1:
            raise wrong("planted")
        return {job.row.container or "": ended(5)}

    monkeypatch.setattr(mill, "parse_accounting", parse)
    mill.jobs.clear()
    assert desk.ended(job).exit_status == 5
    assert len(asked) == 2
