"""What a user's day needs: a shell command's view of one state directory, and a podman where a test is about one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import engines

collect_ignore = [] if os.environ.get("PROCTRACKER_TEST_PROGRAMS") else ["test_programs.py"]
"""Only ``tox -e compat`` installs the programs of others."""


@pytest.fixture
def podman(
    request: pytest.FixtureRequest, started: dict[str, engines.Engine], monkeypatch: pytest.MonkeyPatch
) -> Iterator[engines.Engine]:
    """A private podman by root; its containers are gone after the test. To be asked for before ``home``."""
    made = engines.Podman()
    why = made.missing()
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"podman: {why}", pytrace=False)
    if why:
        pytest.skip(f"podman: {why}")
    if made.name not in started:
        started[made.name] = made.up()
    for variable, value in started[made.name].environ.items():
        monkeypatch.setenv(variable, value)
    yield started[made.name]
    started[made.name].clear()
