"""Making, opening and destroying sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import proctracker as pt
from proctracker.store import Home

LONG = 30.0


@pytest.fixture
def name(served: Home) -> str:
    return f"m{uuid4().hex[:8]}"


def test_create_open_destroy(name: str) -> None:
    session = pt.create_job_session(name)
    assert (session.session_name, session.name, session.contact, session.max_running) == (name, name, "process", 0)
    with pytest.raises(pt.InvalidArgumentException, match="exists"):
        pt.create_job_session(name)
    session.close()
    again, twice = pt.open_job_session(name), pt.open_job_session(name)
    assert again.session_name == twice.session_name
    pt.destroy_job_session(name)
    for use in (lambda: pt.open_job_session(name), lambda: pt.destroy_session(name)):
        with pytest.raises(pt.InvalidArgumentException, match=name):
            use()
    pt.create_job_session(name).close()
    pt.destroy_session(name)


def test_a_session_without_a_name_gets_one(served: Home) -> None:
    one, two = pt.create_job_session(), pt.create_job_session(None)
    assert one.session_name != two.session_name
    assert {one.session_name, two.session_name} <= {*pt.get_job_session_names()}
    for session in (one, two):
        pt.destroy_job_session(session.session_name)


def test_names_are_listed(tmp_path: Path, name: str) -> None:
    assert pt.SessionManager(home=tmp_path / "none").get_job_session_names() == []
    pt.create_job_session(name)
    assert name in pt.get_job_session_names()


@pytest.mark.parametrize("wrong", ["", "a\nb", 7, b"x"])
def test_names_that_are_none(served: Home, wrong: Any) -> None:
    for use in (pt.create_job_session, pt.open_job_session, pt.destroy_job_session):
        with pytest.raises(pt.InvalidArgumentException, match="session_name"):
            use(wrong)


def test_what_fails_leaves_no_name(name: str) -> None:
    with pytest.raises(pt.InvalidArgumentException, match="podman"):
        pt.create_job_session(name, "podmann")
    for running in (-1, "3", True):
        with pytest.raises(pt.InvalidArgumentException, match="max_running"):
            pt.create_job_session(name, max_running=running)  # type: ignore[arg-type]
    assert name not in pt.get_job_session_names()


def test_job_session_opens_or_creates(name: str) -> None:
    with pt.job_session(name) as session:
        assert session.contact == "process"
    with pt.job_session(name, contact="podman") as session:
        assert session.contact == "podman"
    assert pt.open_job_session(name).contact == "process"


def test_destroying_refuses_while_jobs_live(name: str) -> None:
    job = pt.create_job_session(name).run_job({"remote_command": "sleep", "args": ["600"]})
    with pytest.raises(pt.InvalidStateException):
        pt.destroy_job_session(name)
    with pytest.raises(pt.InvalidArgumentException, match="refuse terminate leave"):
        pt.destroy_job_session(name, live="kill")
    pt.destroy_job_session(name, live="terminate")
    with pytest.raises(pt.InvalidArgumentException):
        job.get_state()


def test_a_second_manager_with_a_home_of_its_own(name: str, tmp_path: Path) -> None:
    other = pt.SessionManager(home=str(tmp_path))
    assert name not in other.get_job_session_names()
    with pytest.raises(pt.InvalidArgumentException):
        other.open_job_session(name)


def test_reservations_are_unsupported(served: Home) -> None:
    for use in (
        pt.create_reservation_session,
        lambda: pt.open_reservation_session("x"),
        lambda: pt.destroy_reservation_session("x"),
    ):
        with pytest.raises(pt.UnsupportedOperationException):
            use()
    assert pt.get_reservation_session_names() == []


def test_who_we_are() -> None:
    assert (pt.drms_name, pt.drmaa_name, str(pt.drmaa_version)) == ("proctracker", "proctracker", "2.2")
    assert str(pt.drms_version) == pt.__version__


def test_supports_asks_the_contacts_runtime(served: Home) -> None:
    assert pt.supports(pt.Capability.JT_DEADLINE) is True
    assert pt.supports("JT_EMAIL", contact="podman") is False
    with pytest.raises(pt.InvalidArgumentException):
        pt.supports(99)


def test_a_callback_is_told_until_it_is_unregistered(served: Home, name: str) -> None:
    import threading

    told: list[pt.Notification] = []
    ended = threading.Event()

    def callback(note: pt.Notification) -> None:
        told.append(note)
        if note.job_state is not None and note.job_state.ended:
            ended.set()

    before = threading.active_count()
    pt.register_event_notification(callback)
    session = pt.create_job_session(name)
    job = session.run_job({"remote_command": "true"})
    assert ended.wait(LONG)
    pt.register_event_notification(None)
    assert threading.active_count() == before
    assert {note.job_id for note in told} == {job.job_id}
    assert told[-1].event == pt.Event.NEW_STATE
    session.run_job({"remote_command": "true"}).wait_terminated(LONG)
    assert {note.job_id for note in told} == {job.job_id}
    with pytest.raises(pt.InvalidArgumentException):
        pt.register_event_notification("x")  # type: ignore[arg-type]
