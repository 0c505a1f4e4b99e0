"""Jobs that wait for others on a real cluster: handed over at once, left alone, and never started wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.kit import LONG, cli, until
from e2e.day import submit
from e2e.test_slurm_faults import Shim, ended, gate, info, shim
from proctracker.store import Home
from slurm import Cluster

__all__ = ["gate", "shim"]

FORGOTTEN = 40.0
"""Seconds after which the cluster has forgotten what has ended."""


def _handed(*jobs: str) -> None:
    """Their scheduler has all of them."""
    until(lambda: all(info(job)["scheduler_id"] for job in jobs), "the hand-over", LONG)


def _nobody(home: Home) -> bool:
    return not any(name.endswith(".sock") for name in map(str, Path(home.run).iterdir()))


def _states(*jobs: str) -> list[tuple[str, str | None, int | None]]:
    return [(found["job_state"], found["job_sub_state"], found["exit_status"]) for found in map(ended, jobs)]


@pytest.mark.parametrize("code", [0, 3])
def test_a_chain_needs_nobody_here(cluster: Cluster, home: Home, gate: Path, tmp_path: Path, code: int) -> None:
    first = submit("--", "sh", "-c", f"read line <{gate}; exit {code}")
    second = submit("--after", first, "--", "sh", "-c", f"echo >>{tmp_path}/ran; exit 0")
    third = submit("--after", second, "--", "sh", "-c", f"echo >>{tmp_path}/ran; exit 4")
    always = submit("--after-any", first, "--", "sh", "-c", "exit 5")
    _handed(first, second, third, always)
    until(lambda: _nobody(home), "the supervisor's leaving", LONG)
    gate.write_text("go\n")
    until(lambda: not cluster.call("squeue", "-h", "-t", "all"), "that all is over and forgotten", FORGOTTEN + LONG)
    assert _nobody(home)
    refused = ("FAILED", "dependency", None)
    rest = [("DONE", None, 0), ("FAILED", None, 4)] if code == 0 else [refused, refused]
    assert _states(second, third, first, always) == [
        *rest, ("DONE" if code == 0 else "FAILED", None, code), ("FAILED", None, 5)
    ]  # fmt: skip
    assert (tmp_path / "ran").exists() == (code == 0)


def test_what_was_told_to_end_has_not_ended_well(cluster: Cluster, home: Home, tmp_path: Path) -> None:
    caught = "trap 'exit 0' TERM; echo >there; while :; do sleep 0.1; done"
    first = submit("-w", str(tmp_path), "--", "sh", "-c", caught)
    second = submit("--after", first, "--", "touch", f"{tmp_path}/ran")
    until((tmp_path / "there").exists, "its start", LONG)
    _handed(second)
    cli("terminate", first)
    assert _states(first, second) == [("FAILED", "terminated", 0), ("FAILED", "dependency", None)]
    assert not (tmp_path / "ran").exists()


def test_told_by_somebody_else_it_has(cluster: Cluster, home: Home, tmp_path: Path) -> None:
    """Slurm takes it for failed then, for all it knows: the job that waits is handed over once more."""
    caught = "trap 'exit 0' TERM; echo >there; while :; do sleep 0.1; done"
    first = submit("-w", str(tmp_path), "--", "sh", "-c", caught)
    second = submit("--after", first, "--", "touch", f"{tmp_path}/ran")
    until((tmp_path / "there").exists, "its start", LONG)
    _handed(first, second)
    cluster.call("scancel", "--signal=TERM", "--full", info(first)["scheduler_id"])
    assert _states(first, second) == [("DONE", None, 0), ("DONE", None, 0)]
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("code", [0, 3])
def test_whole_arrays(cluster: Cluster, home: Home, gate: Path, code: int) -> None:
    first = cli(
        "array", "1-3", "--", "sh", "-c", f"[ $TASK_ID != 2 ] || {{ read line <{gate}; exit {code}; }}"
    ).stdout.strip()
    _handed(*(f"{first}_{task}" for task in (1, 2, 3)))
    second = cli("array", "--after", first, "1-2", "--", "sh", "-c", "exit 0").stdout.strip()
    gate.write_text("go\n")
    expected = ("DONE", None, 0) if code == 0 else ("FAILED", "dependency", None)
    assert _states(f"{second}_1", f"{second}_2") == [expected] * 2


def test_one_that_ends_and_is_forgotten_while_another_is_handed_over(
    shim: Shim, home: Home, gate: Path, tmp_path: Path
) -> None:
    first = submit("--", "sh", "-c", f"read line <{gate}; exit 3")
    _handed(first)
    shim.stop("before")
    second = submit("--after", first, "--", "touch", f"{tmp_path}/ran")
    shim.there()
    gate.write_text("go\n")
    assert _states(first) == [("FAILED", None, 3)]
    assert _states(second) == [("FAILED", "dependency", None)]
    assert not (tmp_path / "ran").exists()


def test_with_retries_left_it_may_still_end_well(cluster: Cluster, home: Home, gate: Path, tmp_path: Path) -> None:
    first = submit("--retries", "1", "--", "sh", "-c", f"read line <{gate}; [ $PROCTRACKER_ATTEMPT = 2 ]")
    _handed(first)
    second = submit("--after", first, "--", "true")
    assert info(second)["scheduler_id"] is None
    gate.write_text("go\n")
    until(lambda: info(first)["attempt"] == 2, "another attempt", LONG)  # which may run already
    gate.write_text("go\n")
    assert _states(first, second) == [("DONE", None, 0), ("DONE", None, 0)]


@pytest.mark.parametrize("code", [0, 3])
def test_started_too_early_it_does_not_run(cluster: Cluster, home: Home, gate: Path, tmp_path: Path, code: int) -> None:
    """As by a controller that has forgotten the other job: here somebody takes the dependency away."""
    first = submit("--", "sh", "-c", f"read line <{gate}; echo first >>{tmp_path}/ran; exit {code}")
    second = submit("--after", first, "--", "sh", "-c", f"echo second >>{tmp_path}/ran")
    assert cli("wait", "--started", "--timeout", str(LONG), first).returncode == 0
    _handed(first, second)
    number = info(second)["scheduler_id"]
    cluster.call("scontrol", "update", f"jobid={number}", "dependency=")
    until(
        lambda: cluster.call("squeue", "-h", "-t", "all", "-j", number, "-o", "%T").strip() == "FAILED", "its end", LONG
    )
    assert info(second)["job_state"] in ("QUEUED", "RUNNING")
    gate.write_text("go\n")
    expected = ("DONE", None, 0) if code == 0 else ("FAILED", "dependency", None)
    assert _states(second) == [expected]
    assert (tmp_path / "ran").read_text() == ("first\nsecond\n" if code == 0 else "first\n")
