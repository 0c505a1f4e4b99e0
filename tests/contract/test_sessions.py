"""Sessions: made, opened, closed, destroyed, the same whatever runs their jobs."""

from __future__ import annotations

import os

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, state, states


def test_a_session_is_created_and_destroyed(alone: Kit) -> None:
    session = pt.create_job_session("s", alone.contact)
    assert (session.session_name, session.contact) == ("s", alone.contact)
    pt.destroy_job_session("s")
    assert pt.get_job_session_names() == []


def test_a_name_is_used_once_and_again_after_destroy(alone: Kit) -> None:
    pt.create_job_session("s", alone.contact)
    with pytest.raises(pt.InvalidArgumentException, match="s"):
        pt.create_job_session("s", alone.contact)
    pt.destroy_job_session("s")
    assert pt.create_job_session("s", alone.contact).get_jobs() == []


def test_a_session_without_a_name_gets_one(alone: Kit) -> None:
    one, other = pt.create_job_session(contact=alone.contact), pt.create_job_session(contact=alone.contact)
    assert sorted(pt.get_job_session_names()) == sorted([one.session_name, other.session_name])
    assert one.session_name != other.session_name


def test_an_unknown_session_is_an_error(kit: Kit) -> None:
    for call in (pt.open_job_session, pt.destroy_job_session, pt.destroy_session):
        with pytest.raises(pt.InvalidArgumentException, match="nobody"):
            call("nobody")
        with pytest.raises(pt.InvalidArgumentException):
            call(None)  # type: ignore[arg-type]


def test_a_closed_session_opens_again_with_its_jobs(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.script("exit 4"))
    session.close()
    again = pt.open_job_session(_name(job))
    assert [each.job_id for each in again.get_jobs()] == [job.job_id]
    assert again.contact == kit.contact
    assert again.get_jobs()[0].wait_terminated(LONG).exit_status == 4


def test_an_open_session_opens_a_second_time(kit: Kit, session: pt.JobSession) -> None:
    other = pt.open_job_session(session.session_name)
    job = session.run_job(kit.script("exit 0"))
    assert [each.job_id for each in other.get_jobs()] == [job.job_id]
    job.wait_terminated(LONG)


def test_create_close_open_close_destroy_create(alone: Kit) -> None:
    pt.create_job_session("s", alone.contact).close()
    pt.open_job_session("s").close()
    pt.destroy_job_session("s")
    assert pt.create_job_session("s", alone.contact).session_name == "s"


def test_names_are_listed_exactly(alone: Kit) -> None:
    assert pt.get_job_session_names() == []
    for name in ("one", "two"):
        pt.create_job_session(name, alone.contact)
    assert sorted(pt.get_job_session_names()) == ["one", "two"]


def test_reservations_are_unsupported(kit: Kit) -> None:
    for call in (pt.create_reservation_session, pt.open_reservation_session):
        with pytest.raises(pt.UnsupportedOperationException):
            call("r")
    assert pt.get_reservation_session_names() == []


def test_names_and_versions_of_the_drms_are_told(kit: Kit) -> None:
    manager = pt.SessionManager()
    assert manager.drms_name and manager.drmaa_name
    assert str(manager.drms_version) and manager.drmaa_version.major == "2"


def test_supports_is_true_for_what_works(kit: Kit) -> None:
    works = {pt.DrmaaCapability.CALLBACK, pt.DrmaaCapability.BULK_JOBS_MAXPARALLEL, pt.DrmaaCapability.JT_DEADLINE}
    if kit.queues:
        works |= {pt.DrmaaCapability.JT_EMAIL, pt.DrmaaCapability.JT_MAXSLOTS, pt.DrmaaCapability.JT_ACCOUNTINGID}
    for capability in pt.DrmaaCapability:
        assert pt.supports(capability, kit.contact) is (capability in works), capability


def test_a_contact_nobody_knows_leaves_no_session(alone: Kit) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="podmann"):
        pt.create_job_session("s", "podmann")
    assert pt.get_job_session_names() == []


def test_a_second_manager_on_the_same_home_sees_the_same(alone: Kit) -> None:
    pt.create_job_session("s", alone.contact)
    other = pt.SessionManager(home=os.environ["PROCTRACKER_HOME"])
    assert other.get_job_session_names() == ["s"]
    assert other.open_job_session("s").contact == alone.contact


def test_a_manager_of_another_home_sees_nothing_of_it(alone: Kit, tmp_path: object) -> None:
    pt.create_job_session("s", alone.contact)
    assert pt.SessionManager(home=f"{tmp_path}/elsewhere").get_job_session_names() == []


def test_a_second_close_is_refused(session: pt.JobSession) -> None:
    session.close()
    with pytest.raises(pt.InvalidSessionException):
        session.close()


def test_a_closed_session_tells_nothing(session: pt.JobSession) -> None:
    session.close()
    for attribute in ("contact", "session_name", "job_categories", "max_running"):
        with pytest.raises(pt.InvalidSessionException):
            getattr(session, attribute)


def test_a_closed_session_runs_and_lists_nothing(kit: Kit, session: pt.JobSession) -> None:
    session.close()
    with pytest.raises(pt.InvalidSessionException):
        session.run_job(kit.sleeper())
    with pytest.raises(pt.InvalidSessionException):
        session.run_bulk_jobs(kit.sleeper(), 1, 2)
    with pytest.raises(pt.InvalidSessionException):
        session.get_jobs()


def test_a_destroyed_session_is_closed_for_all_who_hold_it(alone: Kit) -> None:
    mine, theirs = pt.create_job_session("s", alone.contact), pt.open_job_session("s")
    pt.destroy_job_session("s")
    for session in (mine, theirs):
        with pytest.raises(pt.InvalidSessionException):
            session.get_jobs()


def test_leaving_a_session_leaves_its_jobs(kit: Kit, session: pt.JobSession) -> None:
    with session:
        job = session.run_job(kit.sleeper())
        job.wait_started(LONG)
    again = pt.open_job_session(_name(job))
    assert states(again.get_jobs()) == [pt.JobState.RUNNING]


def test_the_template_is_told_back_as_it_was_given(kit: Kit, session: pt.JobSession) -> None:
    template = kit.script("exit 0", job_name="named", job_environment={"A": "1"})
    job = session.run_job(template)
    assert job.job_template == pt.JobTemplate(template)
    assert [each.job_id for each in session.get_jobs(pt.JobInfo(job_id=job.job_id))] == [job.job_id]
    job.wait_terminated(LONG)
    assert session.get_jobs({"job_id": job.job_id})[0].job_template == pt.JobTemplate(template)


def test_an_empty_command_is_refused_and_leaves_no_job(session: pt.JobSession) -> None:
    for template in ({}, {"remote_command": ""}, {"remote_command": "", "args": ["x"]}):
        with pytest.raises(pt.InvalidArgumentException):
            session.run_job(template)
        with pytest.raises(pt.InvalidArgumentException):
            session.run_bulk_jobs(template, 1, 3)
    assert session.get_jobs() == []


def test_a_new_session_has_no_jobs(session: pt.JobSession) -> None:
    assert session.get_jobs() == []
    assert session.get_jobs(pt.JobInfo()) == []


def test_jobs_are_found_by_exit_status_and_state(kit: Kit, session: pt.JobSession) -> None:
    good, bad = session.run_job(kit.script("exit 0")), session.run_job(kit.script("exit 1"))
    session.wait_all_terminated([good, bad], LONG)
    assert session.get_jobs(pt.JobInfo(exit_status=0)) == [good]
    assert session.get_jobs({"exit_status": 1}) == [bad]
    assert session.get_jobs({"job_state": "FAILED"}) == [bad]
    assert (state(good), state(bad)) == (pt.JobState.DONE, pt.JobState.FAILED)


def test_an_unknown_array_is_an_error(session: pt.JobSession) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="4711"):
        session.get_job_array("4711")


def _name(job: pt.Job) -> str:
    name = job.session_name
    assert name is not None
    return name
