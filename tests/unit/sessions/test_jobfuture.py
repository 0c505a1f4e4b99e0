"""The future of a call, with a job that says what it is told to."""

from __future__ import annotations

import os
from concurrent import futures
from typing import Any, cast

import pytest

from proctracker.errors import InvalidArgumentException, InvalidStateException
from proctracker.model import JobState
from proctracker.sessions.callfiles import Outcome
from proctracker.sessions.job import Job
from proctracker.sessions.jobfuture import JobFuture


class Told:
    """A job in one state, which records what is done to it."""

    id = "7"

    def __init__(self, state: JobState) -> None:
        self.state, self.done = state, list[str]()

    def get_state(self) -> tuple[JobState, None]:
        if self.state == JobState.UNDETERMINED:
            raise InvalidArgumentException("no job 7")
        return self.state, None

    def hold(self) -> None:
        self.done.append("hold")
        if self.state != JobState.QUEUED:
            raise InvalidStateException("it has started")

    def terminate(self) -> None:
        self.done.append("terminate")


def future_of(state: JobState) -> tuple[JobFuture, Told]:
    job = Told(state)
    return JobFuture(cast(Job, job)), job


@pytest.mark.parametrize(
    ("state", "cancelled", "done"),
    [
        (JobState.QUEUED, True, ["hold", "terminate"]),
        (JobState.QUEUED_HELD, True, ["terminate"]),
        (JobState.RUNNING, False, []),
        (JobState.UNDETERMINED, False, []),  # reaped
    ],
)
def test_cancel_ends_what_has_not_started(state: JobState, cancelled: bool, done: list[str]) -> None:
    future, job = future_of(state)
    assert future.cancel() is cancelled
    assert (future.cancelled(), job.done) == (cancelled, done)
    assert futures.wait([future], 0 if not cancelled else None).done == ({future} if cancelled else set())


def test_what_comes_after_a_cancel_is_not_its_result() -> None:
    future, _ = future_of(JobState.QUEUED)
    assert future.cancel()
    future.settle(Outcome(3, None))
    assert future.cancelled()
    assert future.cancel()


@pytest.mark.parametrize(
    ("state", "expected"),
    [(JobState.QUEUED, False), (JobState.RUNNING, True), (JobState.SUSPENDED, True), (JobState.UNDETERMINED, False)],
)
def test_running(state: JobState, expected: bool) -> None:
    future, _ = future_of(state)
    assert future.running() is expected
    future.settle(Outcome(3, None))
    assert not future.running()


def test_it_takes_its_outcome() -> None:
    future, _ = future_of(JobState.RUNNING)
    future.settle(Outcome(3, None))
    assert (future.result(0), future.exception(0)) == (3, None)
    failed, _ = future_of(JobState.RUNNING)
    failed.settle(Outcome(None, KeyError("x")))
    assert isinstance(failed.exception(0), KeyError)


def test_a_fork_gets_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    future, _ = future_of(JobState.RUNNING)
    here = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: here + 1)
    calls: list[Any] = [future.result, future.exception, future.cancel]
    for call in calls:
        with pytest.raises(InvalidStateException, match=f"job 7: its result goes to process {here}"):
            call()
