"""Sessions take turns: thousands of queued tasks of one hold up nobody else's job."""

from __future__ import annotations

import pytest

import proctracker as pt
from contract.kit import LONG, cli
from engines import Engine
from proctracker.store import Home

TASKS = 3000


@pytest.mark.parametrize("bound", [None, 2])
def test_a_long_array_does_not_hold_up_another_sessions_job(home: Home, bound: int | None) -> None:
    with pt.job_session("long") as long, pt.job_session("short") as short:
        if bound:
            long.max_running = bound
        array = long.run_bulk_jobs({"remote_command": "true"}, 1, TASKS)
        job = short.run_job({"remote_command": "true"})
        job.wait_terminated(LONG)
        queued = cli("ps", "-a", "-q", "-s", "long", "--state", "QUEUED").stdout.split()
        assert len(queued) > TASKS / 2
        array.terminate(grace=0)


def test_a_job_an_engine_starts_waits_for_no_other_sessions_queue(podman: Engine, home: Home) -> None:
    with pt.job_session("long", contact="podman") as long, pt.job_session("short", contact="podman") as short:
        template = {"remote_command": "true", "job_category": podman.image}
        array = long.run_bulk_jobs(template, 1, 40)
        job = short.run_job(template)
        job.wait_terminated(LONG)
        assert sum(each.get_state()[0] == pt.JobState.QUEUED for each in array.jobs) > 20
        array.terminate(grace=0)
        array.wait_terminated(LONG)
