"""What is still true after the machine went down: in order, and as a power cut does it."""

from __future__ import annotations

import json
from typing import Any

from vm.guest import Guest


def info(guest: Guest, *ids: str) -> list[dict[str, Any]]:
    """What ``info`` tells alice."""
    found: list[dict[str, Any]] = json.loads(guest.run("alice", f"proctracker info --json {' '.join(ids)}"))
    return found


def ends(guest: Guest, *ids: str) -> list[tuple[str, int | None]]:
    """State and exit status of alice's jobs."""
    return [(job["job_state"], job["exit_status"]) for job in info(guest, *ids)]


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
