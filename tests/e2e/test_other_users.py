"""Jobs that became another user's (sudo, setuid): controls that cannot be done say so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

import proctracker as pt
from contract.kit import cli, until
from e2e.day import PROGRAM
from proctracker.linux import procfs
from proctracker.store import Home

_POWERLESS = ["setpriv", "--bounding-set", "-kill", "--inh-caps", "-kill"]
"""A root that may signal its own processes only, as any user may."""

_OTHER = ["setpriv", "--reuid", "65534", "--clear-groups"]


@pytest.fixture
def submitted(home: Home) -> list[str]:
    """A job that is another user's, and one with a child of another user's."""
    assert os.geteuid() == 0, "this test becomes other users"
    assert shutil.which("setpriv")
    whole = _submit(*_OTHER, "sleep", "600")
    part = _submit("sh", "-c", f"{' '.join(_OTHER)} sleep 600 & exec sleep 600")
    until(lambda: _owners(whole) == {65534} and _owners(part) == {0, 65534}, "the other user's processes")
    return [whole, part]


def _submit(*words: str) -> str:
    done = subprocess.run([*_POWERLESS, *PROGRAM, "submit", "--", *words], capture_output=True, text=True, check=True)
    job = done.stdout.strip()
    assert cli("wait", "--started", job).returncode == 0
    return job


def _owners(job: str) -> set[int | None]:
    """Whose the sleeping processes of a job are."""
    pid = json.loads(cli("info", "--json", job).stdout)[0]["pid"]
    found = [each.pid for each in procfs.all_stats().values() if each.session == pid and each.comm == "sleep"]
    return {procfs.owner(each) for each in found}


def _states(job: str) -> str:
    pid = json.loads(cli("info", "--json", job).stdout)[0]["pid"]
    return "".join(each.state for each in procfs.all_stats().values() if each.session == pid)


def test_what_cannot_be_stopped_is_said_and_goes_on(submitted: list[str]) -> None:
    for job in submitted:
        done = cli("suspend", job)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"job {job}: process " in done.stderr
        assert "(sleep) belongs to nobody" in done.stderr
        assert cli("ps", "-q", "--state", "RUNNING").stdout.split().count(job) == 1
        assert "T" not in _states(job)
        with pytest.raises(pt.DeniedByDrmsException, match=r"process \d+ \(sleep\) belongs to nobody"):
            pt.open_job_session("default").get_job(job).suspend()


def test_what_cannot_be_ended_is_said(submitted: list[str]) -> None:
    whole, part = submitted
    for job in submitted:
        done = cli("terminate", "--grace", "1", job)
        assert done.returncode == 1
        assert "(sleep) belongs to nobody" in done.stderr
    [info] = json.loads(cli("info", "--json", whole).stdout)
    assert (info["job_state"], info["job_sub_state"]) == ("RUNNING", None)
    assert cli("wait", part).returncode == 143  # what could be ended was


def test_a_deadline_that_cannot_be_kept_is_in_the_annotation(home: Home) -> None:
    job = _submit_with_limit()
    told = until(lambda: json.loads(cli("info", "--json", job).stdout)[0]["annotation"], "the reason")
    assert "(sleep) belongs to nobody" in told


def _submit_with_limit() -> str:
    words = [*_POWERLESS, *PROGRAM, "submit", "--time-limit", "1", "--", *_OTHER, "sleep", "600"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
