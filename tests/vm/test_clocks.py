"""The wall clock is set: durations go on as if nothing had been, start and deadline times follow it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vm.guest import IMAGE, Guest, Session

RUNTIMES = ["process", pytest.param("podman", marks=pytest.mark.whole)]


def info(login: Session, *ids: str) -> list[dict[str, Any]]:
    """What ``info`` tells."""
    found: list[dict[str, Any]] = json.loads(login.run(f"proctracker info --json {' '.join(ids)}")[1])
    return found


def submit(login: Session, words: str, runtime: str = "process") -> str:
    """Submit a job; its id."""
    image = "" if runtime == "process" else f"--image {IMAGE}"
    code, told = login.run(f"proctracker -c {runtime} submit {image} {words}")
    assert code == 0, told
    return told.split()[-1]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_hour_back(guest: Guest, runtime: str) -> None:
    if runtime == "podman":
        guest.load_image("alice")
    with guest.session("alice") as login:
        limited = submit(login, "--time-limit 30s -- sleep 3600", runtime)
        retried = submit(login, "--retries 1 --retry-delay 20s -- false", runtime)
        stubborn = submit(login, "-- sh -c 'trap \"\" TERM; while :; do sleep 1; done'", runtime)
        login.run(f"proctracker wait --started {limited} {retried} {stubborn}")
        login.run(f"(proctracker terminate --grace 15 {stubborn} &)")
        guest.root("date -s '-1 hour'")
        code, told = login.run(f"proctracker wait --timeout 500 {limited} {retried} {stubborn}")
        assert code not in (0, 124), told
        found = info(login, limited, retried, stubborn)
        assert [job["job_sub_state"] for job in found] == ["time-limit", None, "terminated"], found
        assert 25 < found[0]["wallclock_time"] < 240
        assert found[1]["attempt"] == 2
        times = [json.loads(line) for line in login.run("proctracker events --json")[1].splitlines() if line[:1] == "{"]
        for job in found:
            own = [each["time"] for each in times if each["job_id"] == job["job_id"]]
            assert own == sorted(own), "no time of a job goes back"


@pytest.mark.whole
@pytest.mark.parametrize("runtime", ["process", "podman"])
def test_two_hours_on(guest: Guest, runtime: str) -> None:
    if runtime == "podman":
        guest.load_image("alice")
    with guest.session("alice") as login:
        limited = submit(login, "--time-limit 1h -- sleep 30", runtime)
        timed = submit(login, "--start +90m -- true", runtime)
        ending = submit(login, "--deadline +90m -- sleep 3600", runtime)
        login.run(f"proctracker wait --started {limited} {ending}")
        guest.root("date -s '+2 hours'")
        assert login.run(f"proctracker wait --timeout 300 {timed}") == (0, "")
        code, told = login.run(f"proctracker wait --timeout 300 {ending}")
        assert code not in (0, 124), told
        assert login.run(f"proctracker wait --timeout 300 {limited}") == (0, "")
        found = {job["job_id"]: job for job in info(login, limited, ending)}
        assert 25 < found[limited]["wallclock_time"] < 240
        assert found[ending]["job_sub_state"] == "deadline", found[ending]


@pytest.mark.whole
def test_a_start_time_is_put_off_by_a_step_back(guest: Guest) -> None:
    with guest.session("alice") as login:
        timed = submit(login, "--start +60s -- true")
        guest.root("date -s '-1 hour'")
        probe = submit(login, "--start +70s -- true")
        assert login.run(f"proctracker wait --timeout 300 {probe}") == (0, "")
        assert info(login, timed)[0]["job_state"] == "QUEUED", "its time has not come again"
        guest.root("date -s '+1 hour'")
        assert login.run(f"proctracker wait --timeout 300 {timed}") == (0, "")
