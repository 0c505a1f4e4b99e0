"""Jobs and arrays of the binding, on processes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from proctracker.compat.gridengine import (
    InvalidArgument,
    InvalidState,
    Job,
    JobSession,
    JobState,
    Sudo,
    TimeoutError,
    UnsupportedOperation,
)

LONG = 30
SLEEP = {"remote_command": "sleep", "args": ["100"], "job_name": "night"}


def test_an_info_in_the_bindings_types(js: JobSession) -> None:
    job = js.run_job({"remote_command": "sh", "args": ["-c", "exit 3"], "job_name": "night"})
    job.wait_terminated(LONG)
    info = job.get_info()
    assert (info.job_state, info.exit_status, info.job_name, info.terminating_signal) == ("FAILED", 3, "night", None)
    assert info.finish_time.tzinfo is None and abs(info.finish_time - datetime.utcnow()) < timedelta(minutes=5)
    assert isinstance(info.cpu_time, int) and info.wallclock_time == "ZERO_TIME"
    assert info.implementation_specific["session_name"] == js.name
    assert set(info.implementation_specific) <= set(info.get_implementation_specific_keys())
    state, _ = job.get_state()
    assert state is JobState.FAILED
    assert (job.job_name, job.to_dict()["id"], str(job)) == ("night", job.id, str(job.to_dict()))


def test_controls(js: JobSession) -> None:
    job = js.run_job({**SLEEP, "submit_as_hold": True})
    assert job.get_info().job_state == "QUEUED_HELD"
    with pytest.raises(TimeoutError):
        job.wait_started(0)
    with pytest.raises(InvalidArgument, match="timeout"):
        job.wait_terminated("soon")
    job.release()
    job.wait_started(LONG)
    with pytest.raises(InvalidState):
        job.hold()
    job.suspend()
    assert job.get_info().job_state == JobState.SUSPENDED.name
    job.resume()
    with pytest.raises(InvalidState):
        job.reap()
    job.terminate_forced()
    job.wait_terminated(LONG)
    assert job.get_info().terminating_signal == "SIGKILL"
    job.reap()
    with pytest.raises(InvalidArgument):
        job.get_info()


def test_nothing_is_done_as_another_user(js: JobSession) -> None:
    job = js.run_job(SLEEP)
    with pytest.raises(UnsupportedOperation):
        job.terminate(Sudo("root"))
    job.terminate_all()
    job.wait_terminated(LONG)


def test_a_template_is_given_back(js: JobSession) -> None:
    template = js.run_job({**SLEEP, "join_files": True, "output_path": "/dev/null"}).get_template()
    assert (template.job_name, template.args, template.join_files) == ("night", ["100"], "TRUE")


def test_an_array(js: JobSession) -> None:
    array = js.run_bulk_jobs(SLEEP, 1, 10, 3, 2)
    assert [job.id.partition("_")[2] for job in array.job_list] == ["1", "4", "7", "10"]
    assert all(isinstance(job, Job) for job in array.job_list) and array.session_name == js.name
    array.terminate()
    js.wait_all_terminated(array.job_list, LONG)
    assert {job.get_state()[0] for job in array.job_list} == {JobState.FAILED}
    assert js.get_job_array(array.id).id == array.id
    array.reap()
    with pytest.raises(InvalidArgument):
        Job("7")
