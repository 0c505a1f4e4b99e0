"""What is still true after the machine went down: in order, and as a power cut does it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vm.guest import IMAGE, Guest, wait_for


def info(guest: Guest, *ids: str) -> list[dict[str, Any]]:
    """What ``info`` tells alice."""
    found: list[dict[str, Any]] = json.loads(guest.run("alice", f"proctracker info --json {' '.join(ids)}"))
    return found


def ends(guest: Guest, *ids: str) -> list[tuple[str, int | None]]:
    """State and exit status of alice's jobs."""
    return [(job["job_state"], job["exit_status"]) for job in info(guest, *ids)]


@pytest.mark.whole
def test_what_ended_before_a_crash_is_known_and_queued_jobs_wait_to_go_on(guest: Guest) -> None:
    ids = guest.run(
        "alice",
        "loginctl enable-linger; j=$(proctracker submit -- sh -c 'exit 7'); proctracker wait $j 2>/dev/null; "
        "echo $j; proctracker submit --hold -- sh -c 'exit 8'; sync",
    ).split()
    guest.machine.crash()
    assert ends(guest, *ids)[0] == ("FAILED", 7)
    guest.run("alice", f"proctracker release {ids[1]}; proctracker wait {ids[1]}; test $? = 8")
    assert ends(guest, *ids) == [("FAILED", 7), ("FAILED", 8)]


def test_a_crash_makes_no_success(guest: Guest) -> None:
    guest.load_image("alice")
    podman = f"proctracker -c podman submit --image {IMAGE}"
    again = "[ $PROCTRACKER_ATTEMPT = 2 ] || exec sleep 3600"
    script = f"""
        loginctl enable-linger
        printf '{{"rerunnable": true}}' >work/again.json
        a=$({podman} -- sleep 3600)
        b=$(proctracker submit --after $a -- touch /home/alice/work/ran)
        c=$({podman} -t work/again.json -- sh -c '{again}')
        d=$(proctracker submit -- sleep 3600)
        e=$(proctracker submit -t work/again.json -- sh -c '{again}')
        proctracker wait --started --timeout 200 $a $c $d $e
        echo $a $b $c $d $e; sync
    """
    ids = guest.run("alice", script).split()[-5:]
    guest.machine.crash()
    with guest.session("alice") as login:
        assert "DONE" not in login.run("proctracker ps -a")[1], "nobody has seen them end"
        login.run("proctracker session start")
        codes = [login.run(f"proctracker wait --timeout 300 {each}")[0] for each in ids]
        assert codes == [125, 125, 0, 125, 0]
        a, b, c, d, e = json.loads(login.run(f"proctracker info --json {' '.join(ids)}")[1])
        assert login.run("test -e work/ran")[0] == 1
    assert [(job["job_state"], job["job_sub_state"], job["exit_status"]) for job in (a, d)] == [
        ("UNDETERMINED", "lost", None)
    ] * 2
    assert [job["finish_time"] for job in (a, d)] == [None, None]
    assert b["job_state"] == "FAILED"
    assert [(job["job_state"], job["attempt"]) for job in (c, e)] == [("DONE", 2)] * 2


@pytest.mark.whole
def test_a_reboot_in_order_leaves_queued_jobs_waiting_and_says_so(guest: Guest) -> None:
    running, queued = guest.run(
        "alice",
        "loginctl enable-linger; proctracker session create one --max-running 1;"
        " proctracker -s one submit -- sleep 3600; proctracker -s one submit -- sh -c 'exit 6'; proctracker wait --started 1",
    ).split()[-2:]
    guest.machine.reboot()
    with guest.session("alice") as login:
        assert "session start" in login.run("proctracker ps")[1]
        login.run(f"(proctracker wait {queued} 2>work/told; echo $? >work/code) &")
        wait_for(lambda: "session start" in login.run("cat work/told")[1], 120, "who waits is told what to do")
        login.run("proctracker session start")
        wait_for(lambda: login.run("cat work/code")[1].strip() == "6", 120, "the wait that began before it ends")
        [ended] = json.loads(login.run(f"proctracker info --json {running}")[1])
    assert (ended["job_state"], ended["terminating_signal"]) == ("FAILED", "SIGTERM"), "systemd sends it to all"
