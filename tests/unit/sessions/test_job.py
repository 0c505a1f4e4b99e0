"""Jobs one by one."""

from __future__ import annotations

import pickle
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from proctracker.store import Home, Store
from stores import submit

LONG = 30.0
State = pt.JobState


def sh(code: str, **more: Any) -> dict[str, Any]:
    return {"remote_command": "sh", "args": ["-c", code], **more}


def test_a_life(session: pt.JobSession) -> None:
    job = session.run_job(sh("sleep 600", submit_as_hold=True))
    assert job.get_state() == (State.QUEUED_HELD, "held") == (State.QUEUED_HELD, job.get_info().job_sub_state)
    after = session.run_job(sh("true", implementation_specific={"after": job.job_id}))
    assert after.get_state() == (State.QUEUED, "dependency")
    later = session.run_job(sh("true", start_time="+1h"))
    assert later.get_state() == (State.QUEUED, "start-time")
    for waits in (after, later):
        waits.terminate()
    job.release()
    job.wait_started(LONG)
    assert job.get_state() == (State.RUNNING, None)
    job.suspend()
    assert (job.get_state()[0], job.get_info().job_state) == (State.SUSPENDED, State.SUSPENDED)
    job.resume()
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.terminating_signal) == (State.FAILED, "terminated", "SIGTERM")
    assert job.get_state() == (State.FAILED, "terminated")
    for control in (job.suspend, job.resume, job.hold, job.release, job.terminate):
        with pytest.raises(pt.InvalidStateException):
            control()
    assert job.get_state() == (State.FAILED, "terminated")


def test_infos_of_wait_and_get_agree(session: pt.JobSession, tmp_path: Path) -> None:
    for more in ({}, {"output_path": str(tmp_path / "o")}, {"join_files": True}):
        job = session.run_job(sh("echo x; exit 3", **more))
        waited = job.wait_terminated(LONG)
        assert waited == job.get_info()
        assert waited.output_path is not None
        assert Path(waited.output_path).read_text() == "x\n"
    assert (waited.submission_time or 0) <= (waited.dispatch_time or 0) <= (waited.finish_time or 0)  # type: ignore[operator]


def test_a_reaped_job_is_gone(session: pt.JobSession) -> None:
    job = session.run_job(sh("exit 0"))
    other = session.get_jobs()[0]
    job.wait_terminated(LONG)
    assert other.get_state()[0] == State.DONE
    job.reap()
    for use in (
        job.get_state,
        other.get_state,
        job.get_info,
        job.reap,
        job.suspend,
        job.wait_terminated,
        job.resubmit,
        job.read_output,
    ):
        with pytest.raises(pt.InvalidArgumentException, match=job.job_id):
            use()
    assert session.get_jobs() == []


def test_a_live_job_is_not_reaped(session: pt.JobSession) -> None:
    job = session.run_job(sh("sleep 600"))
    job.wait_started(LONG)
    with pytest.raises(pt.InvalidStateException):
        job.reap()


def test_a_template_comes_back_as_it_was(session: pt.JobSession) -> None:
    when = datetime(2100, 1, 1, tzinfo=timezone.utc)
    given = pt.JobTemplate(sh("exit 0", job_name="n", job_environment={"A": "1"}, start_time=when, submit_as_hold=True))
    job = session.run_job(given)
    assert job.job_template == given == job.get_template()
    assert given.args is not None
    given.args.append("later")
    assert job.job_template.args == ["-c", "exit 0"]
    [found] = session.get_jobs()
    assert (found.job_template.job_environment, found.job_template.job_name) == ({"A": "1"}, "n")


def test_values(session: pt.JobSession, served: Home) -> None:
    job, other = session.run_job(sh("exit 0")), session.run_job(sh("exit 0"))
    [same, _] = session.get_jobs()
    assert job == same != other
    assert (len({job, same, other}), str(job), job.id) == (2, job.job_id, job.job_id)
    assert job != job.job_id
    assert pickle.loads(pickle.dumps(job)) == job
    assert pickle.loads(pickle.dumps(job)).job_template == job.job_template
    assert (job.session_name in repr(job), job.session_name) == (True, session.session_name)


def test_output(session: pt.JobSession, tmp_path: Path) -> None:
    job = session.run_job(sh("echo out; echo err >&2"))
    job.wait_terminated(LONG)
    assert (job.read_output(), job.read_output("stderr")) == (b"out\n", b"err\n")
    with pytest.raises(pt.InvalidArgumentException):
        job.read_output("stdin")


def test_live_usage_is_told(session: pt.JobSession) -> None:
    job = session.run_job(sh("while :; do :; done"))
    job.wait_started(LONG)
    first = job.get_info()
    assert (first.max_rss or 0) > 0
    while (job.get_info().cpu_time or 0) < 0.05:
        assert job.get_state()[0] == State.RUNNING
    job.terminate(signal="KILL", grace=0)
    assert job.wait_terminated(LONG).terminating_signal == "SIGKILL"


def test_a_job_of_another_host(served: Home) -> None:
    store = Store(Home(served.path, "login7"))
    row = submit(store, host="login7", session="away", state=3, dispatched=1.0)[0]
    store.close()
    job = pickle.loads(pickle.dumps(pt.submit("true", session="away")))
    job.wait_terminated(LONG)
    job.job_id = row.id
    assert (job.get_info().host, job.get_state()[0]) == ("login7", State.RUNNING)
    for use, verb in ((job.wait_terminated, "wait"), (job.terminate, "terminate")):
        with pytest.raises(
            pt.DrmCommunicationException, match=f"job {row.id} is on login7: ssh login7 proctracker {verb} {row.id}"
        ):
            use()
    assert served.others() != []


def test_waits_take_time_outs(session: pt.JobSession) -> None:
    job = session.run_job(sh("exit 0", submit_as_hold=True))
    for wait in (job.wait_started, job.wait_terminated):
        with pytest.raises(pt.TimeoutException):
            wait(pt.ZERO_TIME)
        with pytest.raises(pt.InvalidArgumentException):
            wait(-5)
