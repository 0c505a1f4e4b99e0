"""Two hosts that share a home, by a UTS namespace each: what one sees of the other's jobs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.kit import LONG, until
from proctracker.store import Home

NAMESPACE = ["unshare", "--uts", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def _argv(host: str, *words: str) -> list[str]:
    program = [sys.executable, "-m", "proctracker", *words]
    return [*NAMESPACE, "sh", "-c", f'hostname {host}; exec "$@"', "sh", *program]


def on(host: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a host."""
    streams = {"stdin": subprocess.DEVNULL, "capture_output": True}
    return subprocess.run(_argv(host, *words), text=True, timeout=LONG, check=False, **streams)  # type: ignore[call-overload,no-any-return]


@pytest.fixture
def gate(home: Home, tmp_path: Path) -> Iterator[Path]:
    """A named pipe that jobs wait at; what lives on login1 ends with the test."""
    path = tmp_path / "gate"
    os.mkfifo(path)
    yield path
    on("login1", "terminate", "--all", "--grace", "0")
    on("login1", "wait", "--all", "--timeout", "20")


@pytest.mark.parametrize("state", ["running", "queued"])
def test_the_output_of_a_live_job_of_another_host_is_followed_to_its_end(home: Home, gate: Path, state: str) -> None:
    script = f"echo one; read line < {gate}; echo two"
    hold = ["--hold"] if state == "queued" else []
    job = on("login1", "submit", *hold, "--", "sh", "-c", script).stdout.strip()
    process = subprocess.Popen(
        _argv("login2", "logs", "-f", job), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if hold:
        assert on("login1", "release", job).returncode == 0
    assert process.stdout.readline() == "one\n"
    assert process.poll() is None
    gate.write_text("go\n")
    assert process.communicate(timeout=LONG)[0] == "two\n"
    assert process.returncode == 0


def test_a_host_without_state_of_its_own_lists_the_jobs_of_others(home: Home, gate: Path) -> None:
    on("login1", "session", "create", "one", "--max-running", "1")
    script = f"read line < {gate}"
    ids = [on("login1", "-s", "one", "submit", "--", "sh", "-c", script).stdout.strip() for _ in range(2)]
    until(lambda: on("login1", "ps", "-q", "--state", "RUNNING").stdout.split() == ids[:1], "the first to run")
    done = on("login2", "ps", "--all-hosts")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()[1:]] == [[number, "login1"] for number in ids]
    done = on("login2", "ps")
    assert done.returncode == 0
    assert ("2" in done.stderr and "login1" in done.stderr) or "host" in done.stderr
