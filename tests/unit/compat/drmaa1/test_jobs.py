"""Time-outs, and controls of all jobs of a session."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proctracker.compat import drmaa1
from proctracker.compat.drmaa1 import jobs
from proctracker.compat.drmaa1.active import active
from proctracker.errors import DrmCommunicationException


def test_time_outs() -> None:
    assert jobs.until(-1) is None and jobs.left(None) == -1
    end = jobs.until(5)
    assert end is not None and 4 < jobs.left(end) <= 5
    assert jobs.left(time.monotonic() - 1) == 0


class Broken:
    """A job that cannot be controlled."""

    id = "1"

    def terminate(self) -> None:
        raise DrmCommunicationException("its engine is down")

    def reap(self) -> None:
        raise DrmCommunicationException("its engine is down")


def test_the_others_are_reached(drmaa: type[drmaa1.Session], jt: drmaa1.JobTemplate) -> None:
    broken: Any = Broken()
    active().jobs["1000000"] = broken
    jt.remoteCommand, jt.args = "sleep", ["100"]
    name = drmaa.runJob(jt)
    with pytest.raises(drmaa1.DrmCommunicationException, match="code 2: its engine is down"):
        drmaa.control(drmaa.JOB_IDS_SESSION_ALL, drmaa1.JobControlAction.TERMINATE)
    assert drmaa.wait(name, 30).hasSignal


def test_a_job_that_cannot_be_reaped_stays(drmaa: type[drmaa1.Session]) -> None:
    broken: Any = Broken()
    active().jobs["1"] = broken
    with pytest.raises(drmaa1.DrmCommunicationException):
        jobs.reap(active(), broken)
    assert active().jobs.pop("1") is broken
