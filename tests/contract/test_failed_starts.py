"""Starts that fail: an end state, a code that says why, the reason in words, and nothing left behind."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

import proctracker as pt
from contract.kit import LONG, Kit, cli, states, until


def test_a_command_that_is_not_there_is_127(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.job("no-such-command-here"))
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 127)
    assert "no-such-command-here" in (info.annotation or "")
    assert cli("wait", job.job_id).returncode == 127


def test_a_command_that_cannot_be_executed_is_126(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    plain = "/etc/notexec"
    if not kit.image:
        plain = str(tmp_path / "plain")
        Path(plain).write_text("no program\n")
    job = session.run_job(kit.job(plain))
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 126)
    assert info.annotation
    assert cli("wait", job.job_id).returncode == 126


def test_a_directory_is_no_command(kit: Kit, session: pt.JobSession) -> None:
    info = session.run_job(kit.job("/tmp")).wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 126)


def test_a_job_ends_while_its_image_is_being_fetched(kit: Kit, session: pt.JobSession) -> None:
    if kit.runtime not in ("podman", "docker"):
        # The others' images are fetched by the client, which ^C ends, or there are none.
        assert not kit.containers or kit.runtime in ("ctr", "nerdctl")
        return
    with socket.create_server(("127.0.0.1", 0)) as silent:
        image = f"127.0.0.1:{silent.getsockname()[1]}/never:1"
        job = session.run_job(kit.job("true", job_category=image))
        silent.settimeout(LONG)
        with silent.accept()[0]:
            assert job.get_state()[0] == pt.JobState.QUEUED
            job.terminate(grace=0.1)
            info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.exit_status) == (pt.JobState.FAILED, "terminated", None)
    job.reap()
    assert session.get_jobs() == []


def test_a_missing_image_is_125_with_the_reason(kit: Kit, session: pt.JobSession) -> None:
    template = kit.job("true", job_category="localhost/no-such-image:none")
    if kit.containers:
        template = kit.extended(template, pull="never")
    if kit.runtime == "process":
        with pytest.raises(pt.UnsupportedAttributeException):
            session.run_job(template)
        return
    job = session.run_job(template)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status) == (pt.JobState.FAILED, 125)
    assert "no-such-image" in (info.annotation or "")
    assert cli("wait", job.job_id).returncode == 125


def test_a_failed_start_has_no_output_at_any_time(kit: Kit, session: pt.JobSession) -> None:
    job = session.run_job(kit.job("no-such-command-here"))
    read = {job.read_output()}
    while not job.get_state()[0].ended:
        read.add(job.read_output("stderr"))
    said = read | {job.read_output(), job.read_output("stderr")}
    if kit.runtime == "apptainer":
        # It writes to the stderr that the job would have had.
        assert [line.split()[0] for line in said if line] == [b"FATAL:"]
        return
    assert said == {b""}
    done = cli("logs", job.job_id)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1 and "no-such-command-here" in done.stderr


def test_run_tells_why_in_one_line(kit: Kit, session: pt.JobSession) -> None:
    image = ["--image", str(kit.image)] if kit.image else []
    done = cli("-s", session.session_name, "run", *image, "--", "no-such-command-here")
    assert (done.returncode, done.stdout) == (127, "")
    lines = done.stderr.splitlines()
    assert all("no-such-command-here" in line for line in lines)
    assert len(lines) == (2 if kit.runtime == "apptainer" else 1)


def test_a_failed_start_is_reaped_without_a_trace(kit: Kit, session: pt.JobSession) -> None:
    jobs = [session.run_job(kit.job("no-such-command-here")) for _ in range(2)]
    session.wait_all_terminated(jobs, LONG)
    assert states(jobs) == [pt.JobState.FAILED] * 2
    for job in jobs:
        job.reap()
    assert session.get_jobs() == []
    if kit.containers:
        until(lambda: "proctracker-" not in kit.listed(), "the removal")


def test_a_failed_task_leaves_the_others(kit: Kit, session: pt.JobSession) -> None:
    good, bad = session.run_job(kit.script("exit 0")), session.run_job(kit.job("no-such-command-here"))
    session.wait_all_terminated([good, bad], LONG)
    assert states([good, bad]) == [pt.JobState.DONE, pt.JobState.FAILED]


_REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "directory": ({"working_directory": "/etc/passwd"}, {}),
    "user": ({}, {"user": "nosuchuser"}),
    "device": ({}, {"devices": ["/dev/nosuch"]}),
    "volume": ({}, {"volumes": ["/tmp:/etc/passwd"]}),
    "gpu": ({}, {"gpus": "all"}),
    "namespace": ({}, {"ipc": "container:nosuch"}),
}
"""What an engine is asked for and has not: attributes and extensions."""


@pytest.mark.parametrize("wrong", _REFUSED)
@pytest.mark.parametrize("filed", [False, True], ids=["", "filed"])
def test_what_an_engine_refuses_is_125(
    kit: Kit, session: pt.JobSession, tmp_path: Path, wrong: str, filed: bool
) -> None:
    attributes, extensions = _REFUSED[wrong]
    streams = {"output_path": str(tmp_path / "out"), "error_path": str(tmp_path / "err")} if filed else {}
    template = kit.extended(kit.job("true", **attributes, **streams), **extensions)
    if not kit.containers or (kit.runtime == "nerdctl" and wrong in ("gpu", "namespace")):
        return  # there it is another's to refuse, or the stand-in looks at none of it
    if kit.runtime == "ctr" and wrong in ("gpu", "namespace"):
        with pytest.raises(pt.InvalidArgumentException):
            session.run_job(template)
        return
    job = session.run_job(template)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.exit_status, info.job_sub_state) == (pt.JobState.FAILED, 125, "start-failed")
    assert info.annotation
    assert cli("wait", job.job_id).returncode == 125


@pytest.mark.parametrize("network", ["host", "none"])
def test_ports_of_a_network_that_has_none_are_refused(kit: Kit, session: pt.JobSession, network: str) -> None:
    template = kit.extended(kit.job("true"), network=network, exposed_ports="8080:80")
    with pytest.raises((pt.InvalidArgumentException, pt.UnsupportedAttributeException)):
        session.run_job(template)
    assert session.get_jobs() == []


def test_a_volumes_mode_that_is_none_is_no_mount(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    template = kit.extended(kit.job("true"), volumes=[f"{tmp_path}:/data:r0"])
    if kit.runtime in ("podman", "docker"):
        info = session.run_job(template).wait_terminated(LONG)
        assert (info.exit_status, "r0" in (info.annotation or "")) == (125, True)
        return
    with pytest.raises((pt.InvalidArgumentException, pt.UnsupportedAttributeException)):
        session.run_job(template)
