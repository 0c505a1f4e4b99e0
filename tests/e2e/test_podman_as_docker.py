"""``docker`` that is podman: its command under that name, or its service behind docker's own command."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import engines
import proctracker as pt
from contract.kit import LONG, cli
from proctracker.runtimes.docker import PODMAN
from proctracker.store import Home

IMAGE = engines.image.NAME


@pytest.fixture(params=["command", "service"])
def imitation(
    request: pytest.FixtureRequest, podman: engines.Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Podman in docker's place."""
    if request.param == "command":
        (tmp_path / "docker").write_text(f'#!/bin/sh\nexec {shutil.which("podman")} "$@"\n')
        (tmp_path / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        # What docker's contact keeps of the environment leads no podman to the storage of these tests.
        config = tmp_path / "config.yaml"
        words = [f"{name}={value}" for name, value in podman.environ.items()]
        config.write_text(f"trackers: {{docker: {{runtime: docker, command: [env, {', '.join(words)}, docker]}}}}\n")
        monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
        yield "docker"
        return
    with podman.service("podman.sock") as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        yield "docker"


def test_a_start_says_who_it_is(imitation: str, home: Home) -> None:
    done = cli("-c", imitation, "run", "--image", IMAGE, "echo", "told")
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == f"proctracker: job {done.stderr.split()[2][:-1]}: {PODMAN}\n"


def test_doctor_says_who_it_is(imitation: str, home: Home) -> None:
    line = next(line for line in cli("doctor").stdout.splitlines() if "tracker docker" in line)
    assert (line.split()[0], PODMAN in line) == ("fails", True)


def test_what_has_just_ended_is_no_failed_start(imitation: str, home: Home) -> None:
    # podman calls it stopped for a moment, which is no word of docker's.
    session = pt.create_job_session("s", imitation)
    job = {"remote_command": "sh", "args": ["-c", "exit 3"], "job_category": IMAGE}
    job["implementation_specific"] = {"options": ["--log-driver=k8s-file", "--network=host"]}
    jobs = [session.run_job(job) for _ in range(8)]
    session.wait_all_terminated(jobs, LONG)
    assert {(each.get_info().job_state, each.get_info().exit_status) for each in jobs} == {(pt.JobState.FAILED, 3)}
