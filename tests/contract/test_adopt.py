"""A store that was lost is built again from what the engine's containers carry."""

from __future__ import annotations

import shutil

import pytest

import proctracker as pt
from conftest import close
from contract.kit import LONG, Kit, cli
from proctracker.store import Home


def test_what_has_ended_is_known_at_once(alone: Kit, home: Home) -> None:
    if not alone.containers:
        assert cli("-c", alone.contact, "adopt").stdout == ""
        return
    session = pt.create_job_session("night", alone.contact)
    failed, killed = session.run_job(alone.script("exit 3")), session.run_job(alone.sleeper())
    assert failed.wait_terminated(LONG).exit_status == 3
    killed.wait_started(LONG)
    close(home)
    shutil.rmtree(home.here)
    with pytest.raises(pt.InvalidArgumentException):
        pt.open_job_session("night")
    adopted = cli("-c", alone.contact, "adopt")
    assert (sorted(adopted.stdout.split()), adopted.stderr) == (sorted([failed.id, killed.id]), "")
    info = failed.get_info()
    assert (info.job_state, info.exit_status, info.session_name) == (pt.JobState.FAILED, 3, "night")
    # What ended the supervisor ended every process that bears a job's mark.
    assert killed.wait_terminated(LONG).terminating_signal == "SIGKILL"
