"""One session with jobs on several runtimes."""

from __future__ import annotations

import json

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, state


def test_a_template_names_another_contact(kit: Kit, session: pt.JobSession) -> None:
    ours = session.run_job(kit.script("exit 3"))
    process = session.run_job(
        {"remote_command": "sh", "args": ["-c", "exit 4"], "implementation_specific": {"contact": "process"}}
    )
    session.wait_all_terminated([ours, process], LONG)
    found = {job.job_id: (job.get_info().runtime, job.get_info().exit_status) for job in session.get_jobs()}
    assert found == {ours.job_id: (kit.runtime, 3), process.job_id: ("process", 4)}


def test_wait_any_over_a_mix(kit: Kit, session: pt.JobSession) -> None:
    sleeps = session.run_job(kit.sleeper())
    process = session.run_job({"remote_command": "true", "implementation_specific": {"contact": "process"}})
    assert session.wait_any_terminated([sleeps, process], LONG) is process
    sleeps.wait_started(LONG)
    assert state(sleeps) == pt.JobState.RUNNING


def test_ps_over_a_mix(kit: Kit, session: pt.JobSession) -> None:
    jobs = [
        session.run_job(kit.sleeper()),
        session.run_job(
            {"remote_command": "sleep", "args": ["600"], "implementation_specific": {"contact": "process"}}
        ),
    ]
    session.wait_all_started(jobs, LONG)
    found = json.loads(cli("-s", session.session_name, "ps", "--json").stdout)
    assert {each["job_id"]: each["runtime"] for each in found} == {
        jobs[0].job_id: kit.runtime,
        jobs[1].job_id: "process",
    }
    assert {each["job_state"] for each in found} == {"RUNNING"}


def test_an_unknown_contact_in_a_template_is_refused(kit: Kit, session: pt.JobSession) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="podmann"):
        session.run_job(kit.extended(kit.job("true"), contact="podmann"))
    assert session.get_jobs() == []
