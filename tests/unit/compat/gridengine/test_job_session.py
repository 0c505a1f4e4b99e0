"""Sessions of the binding."""

from __future__ import annotations

import gc
import os

import pytest

import proctracker as pt
from proctracker.compat.gridengine import (
    InvalidArgument,
    InvalidSession,
    JobInfo,
    JobSession,
    JobTemplate,
    Sudo,
    UnsupportedAttribute,
    UnsupportedOperation,
)

LONG = 30


def test_it_is_destroyed_when_it_goes(served: object) -> None:
    js = JobSession()
    name = js.name
    assert len(name) == 32 and name in JobSession.list_session_names()
    child = os.fork()
    if not child:
        del js
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert name in JobSession.list_session_names()
    del js
    gc.collect()
    assert name not in JobSession.list_session_names()


def test_it_stays_if_told_to(session: pt.JobSession) -> None:
    js = JobSession(session.session_name, destroy_on_exit=False)
    assert (js.name, js.contact) == (session.session_name, "process")
    del js
    gc.collect()
    assert session.session_name in JobSession.list_session_names()


def test_the_environments_stays(session: pt.JobSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCTRACKER_SESSION", session.session_name)
    assert JobSession().name == session.session_name
    gc.collect()
    assert session.session_name in JobSession.list_session_names()


def test_names(session: pt.JobSession) -> None:
    with pytest.raises(InvalidArgument, match="with @"):
        JobSession("a@b")
    with pytest.raises(InvalidArgument):
        JobSession(session.session_name, check_for_existing_session=False)
    with pytest.raises(InvalidArgument):
        JobSession.destroy_by_name("nobody's")
    with pytest.raises(UnsupportedOperation):
        JobSession("a", auth=Sudo("root"))


def test_closing_and_opening(js: JobSession) -> None:
    js.close()
    js.close()
    with pytest.raises(InvalidSession):
        js.run_job({"remote_command": "true"})
    js.open()
    assert js.get_jobs(None) == []


def test_waits_and_filters(js: JobSession) -> None:
    first = js.run_job(JobTemplate({"remote_command": "true", "job_name": "a"}))
    second = js.run_job({"remote_command": "false", "job_name": "b"})
    assert js.wait_any_started([first], LONG) == first
    assert [job.id for job in js.wait_all_terminated([first, second], LONG)] == [first.id, second.id]
    assert js.wait_any_terminated([second], LONG).id == second.id
    assert [job.id for job in js.get_jobs({"job_name": "b"})] == [second.id]
    assert [job.id for job in js.get_jobs(JobInfo({"job_state": "DONE"}))] == [first.id]
    assert [job.id for job in js.get_jobs(first.get_info())] == [first.id]
    for wrong in ([], "x", [1], None):
        with pytest.raises(InvalidArgument):
            js.wait_any_started(wrong)
    with pytest.raises(InvalidArgument):
        js.get_jobs("x")


def test_templates(js: JobSession) -> None:
    native = {"uge_jt_native": "-n night -e A=1"}
    job = js.run_job({"remote_command": "true", "implementation_specific": native})
    assert job.job_name == "night" and job.get_template().job_environment == {"A": "1"}
    for extension, said in (({"uge_jt_pe": "smp 4"}, "-pe is Grid Engine's"), ({"uge_jt_native": "-q x"}, "-q is")):
        with pytest.raises(InvalidArgument, match=said):
            js.run_job({"remote_command": "true", "implementation_specific": extension})
    with pytest.raises(UnsupportedAttribute):
        js.run_job({"remote_command": "true", "email": ["a@b"]})
    assert js.get_job_categories() == []
