"""Control groups of process jobs: bounds that hold for the whole job, its real peak, an end that reaches everything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vm.guest import Guest, wait_for

EATER = "python3 -c 'x = bytearray(100 << 20)'"
SCOPE = "systemd-run --user --scope --quiet"


def info(text: str) -> list[dict[str, Any]]:
    """What ``info --json`` printed."""
    found: list[dict[str, Any]] = json.loads(text)
    return found


def test_bounds_hold_in_a_user_scope_and_are_refused_in_a_session(guest: Guest) -> None:
    with guest.session("alice") as login:
        code, told = login.run("proctracker run --memory 32M -- true")
        assert code == 125
        assert "--limit" in told
        assert "systemd-run --user --scope" in told
        assert "not delegated" in login.run("proctracker doctor")[1]
        code, told = login.run(f"{SCOPE} proctracker run --memory 32M -- {EATER}")
        assert code == 137, told
        script = "cat /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/{memory.max,memory.swap.max,cpu.max} 2>&1"
        code, told = login.run(f"{SCOPE} proctracker run --memory 64M --cpus 0.5 -- bash -c '{script}'")
        assert code == 0
        assert "67108864" in told
        assert "50000 100000" in told
        assert login.run(f"{SCOPE} proctracker run -- sleep 1")[0] == 0
        eaten, asked, slept = info(login.run("proctracker info 1 2 3 --json")[1])
        assert (eaten["job_state"], eaten["job_sub_state"], eaten["terminating_signal"]) == (
            "FAILED",
            "oom-killed",
            "SIGKILL",
        )
        assert 30_000 <= eaten["max_rss"] <= 32_768
        assert asked["job_state"] == "DONE"
        assert 100 < slept["max_rss"] < 5_000, "its own peak, not the supervisor's"
        assert "delegated: each" in login.run(f"{SCOPE} proctracker doctor")[1]


def test_terminate_reaches_what_left_the_job_and_forgot_whose_it_is(guest: Guest) -> None:
    with guest.session("alice") as login:
        stray = "env -i setsid -f sleep 4321; sleep 4322"
        job = login.run(f"{SCOPE} proctracker submit -- sh -c '{stray}'")[1].split()[-1]
        wait_for(lambda: login.run("pgrep -f '^sleep 4321$'")[0] == 0, 30, "the stray process")
        assert login.run(f"proctracker terminate --grace 0 {job}; proctracker wait {job}")[0] == 137
        wait_for(lambda: login.run("pgrep -f '^sleep 432[12]$'")[0] == 1, 30, "the end of both")


@pytest.mark.whole
def test_a_normal_end_leaves_background_processes_and_their_group(guest: Guest) -> None:
    with guest.session("alice") as login:
        assert login.run(f"{SCOPE} proctracker run -- sh -c 'sleep 4323 & exit 3'")[0] == 3
        assert login.run("pgrep -f '^sleep 4323$'")[0] == 0
        groups = "find /sys/fs/cgroup/user.slice/user-$(id -u).slice -name 'job-*'"
        assert login.run(groups)[1].count("job-1.1") == 1
        login.run(f"pkill -f '^sleep 4323$'; {SCOPE} proctracker run -- true")
        wait_for(lambda: "job-1.1" not in login.run(groups)[1], 30, "the group of the first job is removed")


@pytest.mark.whole
def test_codes_and_peaks_are_kept_when_the_supervisor_is_killed(guest: Guest) -> None:
    with guest.session("alice") as login:
        eater = "import sys, time; x = bytearray(40 << 20); open(sys.argv[1], sys.argv[2]).close(); time.sleep(8)"
        work = f'python3 -c "{eater}" eaten w; exit 7'
        login.run("rm -f eaten; mkfifo eaten")
        job = login.run(f"{SCOPE} proctracker submit --memory 80M -- sh -c '{work}'")[1].split()[-1]
        login.run("cat eaten")  # which is opened for writing once the memory is there
        pid = "proctracker doctor | sed -n 's/.*running, pid \\([0-9]*\\),.*/\\1/p'"
        assert login.run(f'kill -9 $({SCOPE} bash -c "{pid.replace(chr(34), chr(92) + chr(34))}")')[0] == 0
        assert login.run(f"proctracker wait {job}")[0] == 7
        found = info(login.run(f"proctracker info {job} --json")[1])[0]
        assert 40_000 < found["max_rss"] < 80_000


def test_who_lingers_has_bounds_in_every_login(guest: Guest) -> None:
    guest.run("alice", "loginctl enable-linger; until [ -e /run/user/$(id -u)/systemd/private ]; do sleep 0.2; done")
    with guest.session("alice") as login:
        code, told = login.run(f"proctracker run --memory 32M -- {EATER}")
        assert code == 137, told
        assert "oom-killed" in told
        assert "delegated: each" in login.run("proctracker doctor")[1]


@pytest.mark.whole
def test_a_scope_with_limits_of_its_own_keeps_its_jobs(guest: Guest) -> None:
    # Client, keeper and supervisor are in it, too: with little more than they need the kernel may end one of them.
    eater = EATER.replace("100", "300")
    with guest.session("alice") as login:
        code, told = login.run(f"{SCOPE} -p MemoryMax=160M -p MemorySwapMax=0 proctracker run -- {eater}")
        assert code == 137, told
        assert info(login.run("proctracker info 1 --json")[1])[0]["job_sub_state"] == "oom-killed"
