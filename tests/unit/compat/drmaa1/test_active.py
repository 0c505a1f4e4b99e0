"""One active session at a time."""

from __future__ import annotations

import pytest

import proctracker as pt
from proctracker.compat import drmaa1
from proctracker.compat.drmaa1 import active


def test_none_is_active() -> None:
    assert not active.is_active()
    for use in (
        active.active,
        active.end,
        drmaa1.JobTemplate,
        drmaa1.Session.createJobTemplate,
        lambda: drmaa1.Session.wait("1"),
        lambda: drmaa1.Session.jobStatus("1"),
        lambda: drmaa1.Session.control("1", "hold"),
        lambda: drmaa1.Session.synchronize(["1"]),
    ):
        with pytest.raises(drmaa1.NoActiveSessionException, match=r"^code 5: "):
            use()


def test_a_second_one(drmaa: type[drmaa1.Session]) -> None:
    with pytest.raises(drmaa1.AlreadyActiveSessionException, match=r"^code 11: "):
        drmaa.initialize()


def test_an_unknown_contact(served: object) -> None:
    with pytest.raises(drmaa1.InvalidContactStringException, match=r"^code 7: .*'nobody'"):
        drmaa1.Session.initialize("nobody")
    assert not active.is_active()


def test_the_environment_names_the_session(session: pt.JobSession, drmaa: type[drmaa1.Session]) -> None:
    assert active.active().session.session_name == session.session_name


def test_the_contact_to_come(served: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROCTRACKER_CONTACT", raising=False)
    assert active.default_contact() == "process"
    monkeypatch.setenv("PROCTRACKER_CONTACT", "podman")
    assert drmaa1.Session.contact == "podman"


def test_jobs_of_others_are_found(session: pt.JobSession, drmaa: type[drmaa1.Session]) -> None:
    job = session.run_job({"remote_command": "true"})
    assert drmaa.wait(job.id).exitStatus == 0
    with pytest.raises(drmaa1.InvalidJobException):
        active.active().job(job.id)
