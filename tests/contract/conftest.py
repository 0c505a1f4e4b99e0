"""The runtime under test, a state directory that its tests share, and a session of each test's own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

import engines
import proctracker as pt
from conftest import close
from contract.kit import Kit
from proctracker.store import Home


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Home]]:
    """A state directory for each runtime: a supervisor that lives on from test to test saves half of their time."""
    made: dict[str, Home] = {}
    yield made
    for home in made.values():
        close(home)


@pytest.fixture
def kit(
    engine: engines.Engine,
    homes: dict[str, Home],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Kit:
    """The runtime under test."""
    if engine.name not in homes:
        homes[engine.name] = Home(str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("PROCTRACKER_HOME", homes[engine.name].path)
    return Kit(engine)


@pytest.fixture
def alone(kit: Kit, home: Home) -> Kit:
    """The runtime under test with a state directory that is this test's alone."""
    os.environ["PROCTRACKER_HOME"] = home.path
    return kit


@pytest.fixture
def session(kit: Kit) -> Iterator[pt.JobSession]:
    """An open session whose default contact is the runtime under test; its jobs are gone afterwards."""
    name = f"s{uuid4().hex[:8]}"
    opened = pt.create_job_session(name, kit.contact)
    yield opened
    with contextlib.suppress(pt.Drmaa2Exception):
        for job in pt.open_job_session(name).get_jobs():
            with contextlib.suppress(pt.InvalidStateException):
                job.terminate(grace=0)
        pt.destroy_job_session(name, live="terminate")
