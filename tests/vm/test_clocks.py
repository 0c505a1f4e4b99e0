"""The wall clock is set: durations go on as if nothing had been, start and deadline times follow it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vm.guest import Guest, Session


def info(login: Session, *ids: str) -> list[dict[str, Any]]:
    """What ``info`` tells."""
    found: list[dict[str, Any]] = json.loads(login.run(f"proctracker info --json {' '.join(ids)}")[1])
    return found


def submit(login: Session, words: str) -> str:
    """Submit a job; its id."""
    return login.run(f"proctracker submit {words}")[1].split()[-1]


def test_an_hour_back(guest: Guest) -> None:
    with guest.session("alice") as login:
        limited = submit(login, "--time-limit 30s -- sleep 3600")
        retried = submit(login, "--retries 1 --retry-delay 20s -- false")
        stubborn = submit(login, "-- sh -c 'trap \"\" TERM; sleep 3600'")
        login.run(f"proctracker wait --started {limited} {retried} {stubborn}")
        login.run(f"(proctracker terminate --grace 15 {stubborn} &)")
        guest.root("date -s '-1 hour'")
        code, told = login.run(f"proctracker wait --timeout 240 {limited} {retried} {stubborn}")
        assert code not in (0, 124), told
        found = info(login, limited, retried, stubborn)
        assert [job["job_sub_state"] for job in found] == ["time-limit", None, "terminated"]
        assert 25 < found[0]["wallclock_time"] < 120
        assert found[1]["attempt"] == 2
        times = [json.loads(line) for line in login.run("proctracker events --json")[1].splitlines() if line[:1] == "{"]
        for job in found:
            own = [each["time"] for each in times if each["job_id"] == job["job_id"]]
            assert own == sorted(own), "no time of a job goes back"


@pytest.mark.whole
def test_two_hours_on(guest: Guest) -> None:
    with guest.session("alice") as login:
        limited = submit(login, "--time-limit 1h -- sleep 30")
        timed = submit(login, "--start +90m -- true")
        ending = submit(login, "--deadline +90m -- sleep 3600")
        login.run(f"proctracker wait --started {limited} {ending}")
        guest.root("date -s '+2 hours'")
        assert login.run(f"proctracker wait --timeout 120 {timed}")[0] == 0
        login.run(f"proctracker wait --timeout 120 {ending}")
        assert login.run(f"proctracker wait --timeout 240 {limited}")[0] == 0
        found = {job["job_id"]: job for job in info(login, limited, ending)}
        assert 25 < found[limited]["wallclock_time"] < 240
        assert found[ending]["job_sub_state"] == "deadline", found[ending]
