"""What a user's day needs: a shell command's view of one state directory, and a podman where a test is about one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import engines
import slurm
from people import ANN, THIEF, People

collect_ignore = [] if os.environ.get("PROCTRACKER_TEST_PROGRAMS") else ["test_programs.py"]
"""Only ``tox -e compat`` installs the programs of others."""


@pytest.fixture
def podman(
    request: pytest.FixtureRequest, started: dict[str, engines.Engine], monkeypatch: pytest.MonkeyPatch
) -> Iterator[engines.Podman]:
    """A private podman by root; its containers are gone after the test. To be asked for before ``home``."""
    made = engines.Podman()
    why = made.missing()
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"podman: {why}", pytrace=False)
    if why:
        pytest.skip(f"podman: {why}")
    if made.name not in started:
        started[made.name] = made.up()
    engine = started[made.name]
    assert isinstance(engine, engines.Podman)
    for variable, value in engine.environ.items():
        monkeypatch.setenv(variable, value)
    yield engine
    engine.clear()


@pytest.fixture
def people() -> Iterator[People]:
    """Two ordinary users, whose processes end with the test."""
    if os.geteuid():
        pytest.skip("only root can be two other users")
    made = People()
    yield made
    for uid in (ANN, THIEF):
        made.end(uid)
    made.close()


@pytest.fixture
def cluster(
    request: pytest.FixtureRequest, started: dict[str, engines.Engine], monkeypatch: pytest.MonkeyPatch
) -> Iterator[slurm.Cluster]:
    """A private Slurm cluster, all of whose daemons run; its jobs are gone after the test. To be asked for before ``home``."""
    made = engines.Slurm()
    why = made.missing()
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"slurm: {why}", pytrace=False)
    if why:
        pytest.skip(f"slurm: {why}")
    if made.name not in started:
        started[made.name] = made.up()
    engine = started[made.name]
    assert isinstance(engine, engines.Slurm)
    engine.start()
    for variable, value in engine.environ.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("PROCTRACKER_CONTACT", "slurm")
    yield engine.cluster
    engine.cluster.restore()
    engine.start()
    engine.clear()
