"""A job whose machine was started anew while it ran: what its engine makes of it afterwards is no end of it."""

from __future__ import annotations

import os
import signal
import sqlite3

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, until
from proctracker.store import Home
from proctracker.wire import election


def _boot_is_over(home: Home) -> None:
    """Keeper and supervisor are gone, and so is the boot in which the jobs were started."""
    # A test may have its jobs in another confinement than it is in itself.
    keys = [name[: -len(".lock")] for name in os.listdir(home.run) if name.endswith(".lock")]
    pids = [pid for key in keys for pid in election.holders(home.run, key)]
    assert len(pids) == 2
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)
    until(lambda: not any(election.holders(home.run, key) for key in keys), "the end of keeper and supervisor")
    db = sqlite3.connect(home.database)
    db.execute("UPDATE jobs SET boot='another' WHERE boot IS NOT NULL")
    db.commit()
    db.close()


@pytest.mark.parametrize("rerunnable", [False, True])
def test_its_end_is_no_success(alone: Kit, home: Home, rerunnable: bool) -> None:
    kit, session = alone, pt.create_job_session("boots", alone.contact)
    script = '[ "$PROCTRACKER_ATTEMPT" = 1 ] || exit 3; trap "exit 0" TERM; while :; do sleep 0.1; done'
    job = session.run_job(kit.script(script, rerunnable=rerunnable))
    after = session.run_job(kit.extended(kit.script("exit 0"), after=job.job_id))
    job.wait_started(LONG)
    told = job.get_info()
    _boot_is_over(home)
    if kit.containers:
        verb = ("tasks", "kill", "-s", "TERM") if kit.runtime == "ctr" else ("kill", "--signal=SIGTERM")
        kit.bare(*verb, str(told.container_id))
    else:
        os.kill(told.pid or 0, signal.SIGTERM)
    assert cli("session", "start").returncode == 0
    info = job.wait_terminated(LONG)
    if rerunnable:
        assert (info.job_state, info.exit_status, info.attempt) == (pt.JobState.FAILED, 3, 2)
    else:
        assert (info.job_state, info.job_sub_state, info.exit_status) == (pt.JobState.UNDETERMINED, "lost", None)
        assert (info.finish_time, info.wallclock_time) == (None, None)
    assert after.wait_terminated(LONG).job_sub_state == "dependency"
