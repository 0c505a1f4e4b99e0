"""Containers that their engine starts again: all output is shown, and an end is one."""

from __future__ import annotations

from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, until

WITH_POLICIES = ("podman", "docker")


def _refused(kit: Kit, session: pt.JobSession) -> bool:
    """Whether this runtime has no restart policies, and says so."""
    if kit.runtime in WITH_POLICIES:
        return False
    with pytest.raises(pt.UnsupportedAttributeException, match="restart"):
        session.run_job(kit.extended(kit.job("true"), restart="always"))
    return True


def test_the_output_of_all_runs_is_shown(kit: Kit, session: pt.JobSession) -> None:
    if _refused(kit, session):
        return
    words = ("run", "--image", str(kit.image), "-x", "restart=on-failure:2")
    done = cli("-s", session.session_name, *words, "sh", "-c", "echo out; echo err >&2; sleep 0.1; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n" * 3, "err\n" * 3)
    job = session.run_job(kit.extended(kit.script("echo out; sleep 0.1; exit 3"), restart="on-failure:2"))
    assert cli("logs", "-f", job.job_id).stdout == "out\n" * 3
    assert job.read_output() == b"out\n" * 3


@pytest.mark.parametrize("name", ["output_path", "error_path", "input_path"])
def test_files_would_see_the_first_run_only(kit: Kit, session: pt.JobSession, tmp_path: Path, name: str) -> None:
    if _refused(kit, session):
        return
    (tmp_path / "file").write_text("")
    template = kit.job("true", **{name: str(tmp_path / "file")})
    with pytest.raises(pt.InvalidArgumentException, match="restart"):
        session.run_job(kit.extended(template, restart="always"))
    with pytest.raises(pt.InvalidArgumentException, match="restart"):
        session.run_job(kit.extended(template, options=["--restart", "always"]))
    session.run_job(kit.extended(template, restart="no")).wait_terminated(LONG)


def test_an_input_that_is_at_hand_is_no_file(kit: Kit, session: pt.JobSession) -> None:
    if _refused(kit, session):
        return
    words = ("run", "--image", str(kit.image), "-x", "restart=on-failure:1", "sh", "-c", "echo out; exit 3")
    assert cli("-s", session.session_name, *words, stdin="given").stdout == "out\n" * 2


@pytest.mark.parametrize("pause", ["0", "0.3", "60"])
def test_an_end_is_an_end(kit: Kit, session: pt.JobSession, pause: str) -> None:
    if _refused(kit, session):
        return
    job = session.run_job(kit.extended(kit.script(f"echo run; sleep {pause}"), restart="always"))
    until(lambda: b"run" in job.read_output(), "the first run")
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "terminated")
    assert job.read_output().startswith(b"run\n")
    assert not kit.lives(str(info.container_id))
    job.reap()
    assert session.get_jobs() == []
