"""The same promises on a kernel without pidfds, denied by a seccomp filter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contract.kit import cli
from e2e.day import PROGRAM, running, seat
from proctracker.linux import procfs
from proctracker.store import Home

TESTS = Path(__file__).resolve().parent.parent
ENDS = "by_hand or removed or killed or seed_state or seed_terminate or told"
"""The promises that live by seeing an end."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("errno", ["ENOSYS", "EPERM"])
def test_the_contract_holds_without_pidfds(request: pytest.FixtureRequest, tmp_path: Path, errno: str) -> None:
    runtimes = "process,podman,ctr,docker" if errno == "ENOSYS" else "process"
    strict = ["--no-runtime-skip"] if request.config.getoption("--no-runtime-skip") else []
    done = subprocess.run(
        [sys.executable, str(TESTS / "nopidfd.py"), "--errno", errno, sys.executable, "-m", "pytest", "-q", "-x"]
        + ["-p", "no:cacheprovider", "--basetemp", str(tmp_path / "t"), "--runtimes", runtimes, "-k", ENDS, *strict]
        + [str(TESTS / "contract" / "test_containerd_seed.py"), str(TESTS / "contract" / "test_by_hand.py")],
        cwd=TESTS.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


def test_conmon_is_the_supervisors_child_and_tells_of_the_end(podman: object, home: Home) -> None:
    denied = [sys.executable, str(TESTS / "nopidfd.py")]
    image = ["-c", "podman", "--image", "localhost/busybox:test"]
    script = "while ! test -e /tmp/go; do sleep 0.05; done; exit 7"
    done = subprocess.run(
        [*denied, *PROGRAM, "submit", *image, "--", "sh", "-c", script], capture_output=True, text=True, check=True
    )
    job = done.stdout.strip()
    running()
    [info] = json.loads(cli("info", "--json", job).stdout)
    process = procfs.stat(info["pid"])
    assert process is not None
    monitor = procfs.stat(process.ppid)
    assert monitor is not None
    assert (monitor.comm, monitor.ppid) == ("conmon", seat(home).supervisor)
    podman.cli("exec", info["container_id"], "touch", "/tmp/go")  # type: ignore[attr-defined]
    assert cli("wait", job).returncode == 7
