"""An engine that is missing, hangs, prints garbage or words nobody knows.

The one place where something stands in for a real CLI: a script before the real podman that, told so by a file, spoils
what podman would print. Real engines cannot be made to fail in these ways on purpose.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import proctracker as pt
from contract.kit import LONG, cli, until
from e2e.day import one_line
from engines import Engine
from proctracker.store import Home

IMAGE = "localhost/busybox:test"

FAULTS = {
    "hang": "exec sleep 600",
    "garbage": "echo 'po}{dman'",
    "truncated": 'podman "$@" | head -c 50',
    "silent": "exit 0",
    "refuses": "echo 'Error: unable to connect to Podman socket: permission denied' >&2; exit 125",
}
"""Ways in which a look tells nothing."""

UNANSWERED = ("hang", "refuses")
"""Those in which a control is not done either, and it can be known."""

HARMLESS = {
    "warnings": 'echo "WARN[0000] The future is not now" >&2; exec podman "$@"',
    "more keys": 'podman "$@" | sed \'s/"State": {/"State": {"Mood": "fine", /; s/"State":{/"State":{"Mood":"fine",/\'',
}
"""What another version may do and we do not mind."""


@pytest.fixture
def faulty(podman: Engine, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tracker ``faulty`` whose podman is as good as the file says: remove it, and it is podman."""
    script = tmp_path / "podman"
    fault = tmp_path / "fault"
    script.write_text(f'#!/bin/sh\nif test -e {fault}; then . {fault}; exit; fi\nexec podman "$@"\n')
    script.chmod(0o755)
    config = tmp_path / "config.yaml"
    config.write_text(f"cli_timeout: 1\ntrackers:\n  faulty: {{runtime: podman, command: [{script}]}}\n")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    return fault


def _sleeper(session: pt.JobSession) -> pt.Job:
    job = session.run_job({"remote_command": "sleep", "args": ["600"], "job_category": IMAGE})
    job.wait_started(LONG)
    return job


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_that_cannot_be_asked(faulty: Path, fault: str) -> None:
    job = _sleeper(pt.create_job_session("s", "faulty"))
    faulty.write_text(FAULTS[fault])
    info = job.get_info()
    assert info.job_state == pt.JobState.UNDETERMINED
    assert info.annotation
    [told] = json.loads(cli("ps", "--json").stdout)
    assert (told["job_state"], bool(told["annotation"])) == ("UNDETERMINED", True)
    if fault in UNANSWERED:
        with pytest.raises(pt.DrmCommunicationException):
            job.suspend()
    faulty.unlink()
    until(lambda: job.get_state()[0] == pt.JobState.RUNNING, "the engine's answer")


@pytest.mark.parametrize("fault", HARMLESS)
def test_an_engine_of_another_version(faulty: Path, fault: str) -> None:
    job = _sleeper(pt.create_job_session("s", "faulty"))
    faulty.write_text(HARMLESS[fault])
    assert job.get_state()[0] == pt.JobState.RUNNING
    job.suspend()
    assert job.get_state()[0] == pt.JobState.SUSPENDED
    job.terminate()
    assert job.wait_terminated(LONG).job_sub_state == "terminated"


def test_a_state_word_nobody_knows(faulty: Path) -> None:
    job = _sleeper(pt.create_job_session("s", "faulty"))
    faulty.write_text(
        'podman "$@" | sed \'s/"running"/"levitating"/; s/"Running": true/"Running": false/; s/"Running":true/"Running":false/\''
    )
    assert job.get_state() == (pt.JobState.UNDETERMINED, "levitating")
    faulty.unlink()
    until(lambda: job.get_state()[0] == pt.JobState.RUNNING, "the engine's answer")


NO_CODES = {"null": '"ExitCode":null', "text": '"ExitCode":"0"', "missing": '"Nothing":0'}


@pytest.mark.parametrize("code", NO_CODES)
def test_an_end_without_a_usable_code_is_no_success(faulty: Path, code: str) -> None:
    session = pt.create_job_session("s", "faulty")
    faulty.write_text(f"""podman "$@" | sed 's/"ExitCode": *[0-9]*/{NO_CODES[code]}/'""")
    # With a restart policy podman is asked, and not what conmon wrote.
    template = {"remote_command": "true", "job_category": IMAGE, "implementation_specific": {"restart": "no"}}
    job = session.run_job(template)
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state, info.exit_status) == (pt.JobState.UNDETERMINED, "lost", None)
    assert "exit code" in (info.annotation or "")
    assert cli("wait", job.job_id).returncode == 125


def test_a_checkpointed_container_is_suspended(faulty: Path) -> None:
    session = pt.create_job_session("s", "faulty")
    # Between the end of the process and its cleanup podman calls it stopped.
    faulty.write_text(
        """podman "$@" | sed -E 's/"Status": *"(exited|stopped)"/"Status":"exited","Checkpointed":true/'"""
    )
    template = {"remote_command": "true", "job_category": IMAGE, "implementation_specific": {"restart": "no"}}
    job = session.run_job(template)
    until(lambda: job.get_state() == (pt.JobState.SUSPENDED, "checkpointed"), "the state")
    job.terminate()
    info = job.wait_terminated(LONG)
    assert (info.job_state, info.job_sub_state) == (pt.JobState.FAILED, "terminated")


def test_an_end_while_the_engine_cannot_be_asked_is_told_later(faulty: Path, podman: Engine) -> None:
    session = pt.create_job_session("s", "faulty")
    job = session.run_job(
        {
            "remote_command": "sh",
            "args": ["-c", "while ! test -e /go; do sleep 0.05; done; exit 7"],
            "job_category": IMAGE,
        }
    )
    job.wait_started(LONG)
    info = job.get_info()
    faulty.write_text(FAULTS["garbage"])
    podman.cli("exec", str(info.container_id), "touch", "/go")
    until(lambda: not os.path.exists(f"/proc/{info.pid}"), "the end of the process")
    faulty.unlink()
    assert job.wait_terminated(LONG).exit_status == 7


def test_a_start_that_prints_garbage_is_no_job_half_done(faulty: Path, podman: Engine) -> None:
    faulty.write_text("echo 'po}{dman'; exit 1")
    done = cli("run", "-c", "faulty", "--image", IMAGE, "--", "true")
    assert done.returncode == 125
    faulty.unlink()
    assert podman.cli("ps", "-aq") == ""


def test_a_missing_cli(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("trackers:\n  gone: {runtime: podman, command: [/nonexistent/podman]}\n")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    done = cli("run", "-c", "gone", "--image", IMAGE, "--", "true")
    assert done.returncode == 125
    assert "/nonexistent/podman" in done.stderr and len(done.stderr.splitlines()) == 1
    done = cli("-c", "gone", "categories")
    assert done.returncode == 1
    assert "/nonexistent/podman" in one_line(done)


@pytest.mark.parametrize(
    "content", ["trackers: 5\n", "default_contcat: x\n", "trackers: {x: {runtime: podman, command: 5}}\n", ": :\n"]
)
def test_a_configuration_that_means_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    config = tmp_path / "odd.yaml"
    config.write_text(content)
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    done = cli("submit", "--", "true")
    assert done.returncode == 1
    assert "odd.yaml" in one_line(done)
