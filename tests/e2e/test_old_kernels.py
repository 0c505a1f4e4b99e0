"""The same promises on a kernel without pidfds, denied by a seccomp filter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
