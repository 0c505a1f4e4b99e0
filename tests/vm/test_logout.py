"""Which jobs a logout ends, and who is told before: KillUserProcesses, lingering, sessions, scopes, services, sudo."""

from __future__ import annotations

import pytest

from vm.guest import Guest, wait_for

GATE = "/home/alice/work/gate"
JOB = f"proctracker submit -- sh -c 'read line <{GATE}; exit 7'"
"""Lives until the gate is opened, however long a logout takes."""


@pytest.fixture(autouse=True)
def _gate(guest: Guest) -> None:
    guest.root(f"mkfifo -m 666 {GATE}")


def ended(guest: Guest, job: str, user: str = "alice") -> int:
    """The code that ``wait`` gives in a login of its own, once the gate is open."""
    done = guest.tried(user, f": <>{GATE}; proctracker wait {job}", timeout=300)
    print(done.stdout, done.stderr)
    return done.returncode


def left(guest: Guest, user: str = "alice") -> None:
    """Wait until logind has ended all that was in the logins of a user."""
    scopes = f"find /sys/fs/cgroup/user.slice/user-$(id -u {user}).slice -maxdepth 1 -name 'session-*.scope'"
    wait_for(lambda: not guest.root(f"{scopes} 2>/dev/null; true"), 120, "the end of the login")


def number(told: str) -> str:
    """The id that a submit printed."""
    return told.split()[-1]


@pytest.mark.whole
def test_killed_and_told_so(guest: Guest) -> None:
    guest.kill_user_processes(True)
    with guest.session("alice") as login:
        _, told = login.run("proctracker submit -- sleep 600")
        assert "KillUserProcesses=yes" in told
        assert "loginctl enable-linger alice" in told
        assert "KillUserProcesses" not in login.run("proctracker submit -- sleep 600")[1], "once"
        assert "KillUserProcesses=yes" in login.run("proctracker doctor")[1]
    wait_for(lambda: "sleep 600" not in guest.root("ps ax"), 60, "logind ends the job")
    assert ended(guest, "1") in (143, 129), "its end by logind's TERM or HUP was recorded, which both went to all"


def test_lingering_counts_also_after_the_first_job(guest: Guest) -> None:
    guest.kill_user_processes(True)
    with guest.session("alice") as login:
        job = number(login.run(JOB)[1])
        login.run("loginctl enable-linger")
        wait_for(lambda: "jobs go on" in login.run("proctracker doctor")[1], 60, "supervisor and job have moved")
        later = number(login.run(JOB)[1])
    left(guest)
    assert [ended(guest, each) for each in (job, later)] == [7, 7]


@pytest.mark.whole
def test_lingering_before_the_first_job(guest: Guest) -> None:
    guest.kill_user_processes(True)
    guest.run("alice", "loginctl enable-linger; until [ -e /run/user/$(id -u)/systemd/private ]; do sleep 0.2; done")
    with guest.session("alice") as login:
        told = login.run(JOB)[1]
        assert "jobs will be ended" not in told
    left(guest)
    assert ended(guest, number(told)) == 7


def test_the_job_of_one_login_does_not_end_with_another_login(guest: Guest) -> None:
    guest.kill_user_processes(True)
    with guest.session("alice") as second:
        with guest.session("alice") as first:
            first.run("proctracker submit -- sleep 600")
            told = second.run(JOB)[1]
            assert "KillUserProcesses=yes" in told, "the second login is told, too"
        wait_for(lambda: "sleep 600" not in guest.root("ps ax"), 60, "logind ends the first job")
        assert second.run(f": <>{GATE}; proctracker wait {number(told)}")[0] == 7


def test_a_session_outlives_a_supervisor_that_was_started_in_a_user_scope(guest: Guest) -> None:
    guest.kill_user_processes(False)
    with guest.session("alice") as login:
        told = login.run("systemd-run --user --scope --quiet proctracker submit -- sleep 600")[1]
        assert "last logout" in told
        told = login.run(JOB)[1]
        assert "jobs will be ended" not in told
    guest.root(f"timeout 60 sh -c ': >{GATE}'")  # what lives in a session keeps it, and with it the user's systemd
    wait_for(lambda: "sleep 600" not in guest.root("ps ax"), 120, "the user's systemd ends with the last login")
    assert ended(guest, number(told)) == 7


def test_a_job_of_root_goes_on_after_the_logout_of_who_used_sudo(guest: Guest) -> None:
    guest.kill_user_processes(True)
    with guest.session("alice") as login:
        told = login.run(f"sudo {JOB}")[1]
        assert "jobs will be ended" not in told
        assert "jobs go on" in login.run("sudo proctracker doctor")[1]
    left(guest)
    assert ended(guest, number(told), "root") == 7


@pytest.mark.whole
def test_a_service_that_stops_is_named(guest: Guest) -> None:
    with guest.session("alice") as login:
        told = login.run("systemd-run --user --pipe --wait --quiet --unit=nightly proctracker submit -- sleep 600")[1]
        assert "jobs will be ended when nightly.service stops" in told
        assert "logout" not in told
