"""The contract tests as an ordinary user with a login session runs them: systemd's cgroup v2, crun, a real passwd entry."""

from __future__ import annotations

import pytest

from vm.guest import Guest

CHOSEN = {
    "process": "test_states test_limits test_info",
    "podman-rootless": "test_states",
}
"""The modules that are run unless all are asked for: a test takes a third of a second by process, 2 to 4 s by podman."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("runtime", CHOSEN)
def test_contract(guest: Guest, runtime: str, request: pytest.FixtureRequest) -> None:
    whole = request.config.getoption("--whole")
    modules = "tests/contract" if whole else " ".join(f"tests/contract/{name}.py" for name in CHOSEN[runtime].split())
    done = guest.tried(
        "alice",
        f"cd /opt/proctracker && timeout 3500 python3 -m pytest -p no:cacheprovider -q --no-runtime-skip "
        f"--runtimes {runtime} --durations 5 --basetemp ~/work/t -o timeout=300 -rN -rfE {modules}",
        timeout=3600,
    )
    print(done.stdout[-20000:])
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
