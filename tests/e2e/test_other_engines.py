"""A job keeps the engine it was started on, whichever the CLI talks to by then."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import engines
import proctracker as pt
from contract.kit import LONG, cli
from proctracker.store import Home

SLEEPER = {"remote_command": "sleep", "args": ["600"], "job_category": engines.image.NAME}


@pytest.fixture
def docker(
    request: pytest.FixtureRequest, started: dict[str, engines.Engine], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[engines.Engine]:
    """A private docker, reached by the context ``one`` that is in use; ``other`` leads nowhere."""
    made = engines.Docker()
    why = made.missing()
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"docker: {why}", pytrace=False)
    if why:
        pytest.skip(f"docker: {why}")
    if made.name not in started:
        started[made.name] = made.up()
    engine = started[made.name]
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "client"))
    for name, address in (("one", engine.environ["DOCKER_HOST"]), ("other", "unix:///nonexistent/docker.sock")):
        _call("docker", "context", "create", name, "--docker", f"host={address}")
    _call("docker", "context", "use", "one")
    yield engine
    engine.clear()


@pytest.fixture
def connected(podman: engines.Podman, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A contact of a podman that is asked through its default connection; ``other`` leads nowhere."""
    # podman writes its connections into the configuration that it reads: not the one of other tests.
    conf = tmp_path / "containers.conf"
    conf.write_text(Path(podman.environ["CONTAINERS_CONF"]).read_text(encoding="utf-8"), encoding="utf-8")
    config = tmp_path / "config.yaml"
    config.write_text("trackers: {connected: {runtime: podman, command: [podman, --remote]}}\n")
    monkeypatch.setenv("PROCTRACKER_CONFIG", str(config))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("CONTAINERS_CONF", str(conf))
    with podman.service("connected.sock") as address:
        _call("podman", "--remote", "system", "connection", "add", "--default", "one", address)
        _call("podman", "--remote", "system", "connection", "add", "other", "unix:///nonexistent/podman.sock")
        yield "connected"


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _goes_on(contact: str, *change: str) -> None:
    """A job lives through a change of what the CLI talks to, and new ones go to where it talks now."""
    session = pt.create_job_session("s", contact)
    job = session.run_job(SLEEPER)
    job.wait_started(LONG)
    _call(*change)
    assert job.get_state() == (pt.JobState.RUNNING, None)
    assert cli("ps", "-q").stdout == f"{job.job_id}\n"
    lost = session.run_job(SLEEPER).wait_terminated(LONG)
    assert (lost.job_state, lost.exit_status) == (pt.JobState.FAILED, 125)
    job.terminate()
    assert job.wait_terminated(LONG).job_sub_state == "terminated"
    job.reap()


def test_dockers_context(docker: engines.Engine, home: Home) -> None:
    _goes_on("docker", "docker", "context", "use", "other")
    assert docker.containers() == []


def test_podmans_default_connection(connected: str, podman: engines.Podman, home: Home) -> None:
    _goes_on(connected, "podman", "--remote", "system", "connection", "default", "other")
