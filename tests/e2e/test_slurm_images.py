"""Jobs in images on a cluster's nodes, by podman, whose containers no scancel reaches."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

import engines
from contract.kit import LONG, cli, until
from e2e.day import submit
from e2e.test_slurm_faults import begun, brief, ended
from proctracker.store import Home
from slurm import Cluster

CONTACT = "slurm?engine=podman"


@pytest.fixture
def podman(
    request: pytest.FixtureRequest, started: dict[str, engines.Engine], monkeypatch: pytest.MonkeyPatch
) -> engines.Engine:
    """podman as the nodes have it, which are this machine."""
    made = engines.Podman()
    why = made.missing()
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"podman: {why}", pytrace=False)
    if why:
        pytest.skip(f"podman: {why}")
    if made.name not in started:
        started[made.name] = made.up()
    for name, value in started[made.name].environ.items():
        monkeypatch.setenv(name, value)
    return started[made.name]


def test_a_job_in_an_image(cluster: Cluster, home: Home, podman: engines.Engine, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("line\n")
    script = 'echo "$GREETING from $JOB_ID in $(pwd)"; cat; ls / >&2; exit 5'
    words = ("-e", "GREETING=hello", "-w", str(tmp_path), "--volume", f"{tmp_path}:{tmp_path}", "-i", f"{tmp_path}/in")
    job = submit("-c", CONTACT, *words, "--image", podman.image, "--", "sh", "-c", script)
    found = ended(job)
    assert (found["job_state"], found["exit_status"]) == ("FAILED", 5), brief(found)
    assert cli("logs", "--stdout", job).stdout == f"hello from {job} in {tmp_path}\nline\n"
    assert "bin" in cli("logs", "--stderr", job).stdout.split()
    assert podman.containers() == []


@pytest.mark.parametrize("who", ["terminate", "scancel"])
def test_its_container_is_told_to_end_and_nothing_is_left(
    cluster: Cluster, home: Home, podman: engines.Engine, tmp_path: Path, who: str
) -> None:
    script = f"trap 'echo told; exit 3' TERM; echo >{tmp_path}/there; while :; do sleep 0.1; done"
    words = ("--volume", f"{tmp_path}:{tmp_path}", "--image", podman.image, "--", "sh", "-c", script)
    job, number = begun("-c", CONTACT, *words)
    until((tmp_path / "there").exists, "its start")
    assert len(podman.containers()) == 1
    if who == "terminate":
        assert cli("terminate", job).returncode == 0
    else:
        cluster.call("scancel", number)
    found = ended(job)
    sub_state = {"terminate": "terminated", "scancel": "cancelled"}[who]
    assert (found["job_state"], found["job_sub_state"], found["exit_status"]) == ("FAILED", sub_state, 3), brief(found)
    assert cli("logs", "--stdout", job).stdout == "told\n"
    until(lambda: not podman.containers(), "that its container is gone", LONG)


def test_what_ignores_it_is_killed_after_the_grace(
    cluster: Cluster, home: Home, podman: engines.Engine, tmp_path: Path
) -> None:
    script = f"trap '' TERM; echo >{tmp_path}/there; while :; do sleep 0.1; done"
    words = ("--volume", f"{tmp_path}:{tmp_path}", "--image", podman.image, "--time-limit", "1s")
    job = submit("-c", CONTACT, *words, "--", "sh", "-c", script)
    found = ended(job)
    assert (found["job_state"], found["job_sub_state"]) == ("FAILED", "time-limit"), brief(found)
    assert cli("wait", job).returncode == 128 + signal.SIGKILL
    until(lambda: not podman.containers(), "that its container is gone", LONG)
