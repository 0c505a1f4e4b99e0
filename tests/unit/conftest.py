"""A state directory with a supervisor for all unit tests that need one: starting one for each would take most of the time."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

import proctracker as pt
from conftest import close
from proctracker.store import Home


@pytest.fixture(scope="session")
def served_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home whose supervisor, once started, serves every test that asks for ``served``."""
    made = Home(str(tmp_path_factory.mktemp("served")))
    yield made
    close(made)


@pytest.fixture
def served(served_home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The same in PROCTRACKER_HOME; tests share it, so each uses sessions of its own."""
    monkeypatch.setenv("PROCTRACKER_HOME", served_home.path)
    return served_home


@pytest.fixture
def session(served: Home) -> Iterator[pt.JobSession]:
    """A session of this test's own; its jobs end with it."""
    name = f"s{uuid4().hex[:8]}"
    yield pt.create_job_session(name)
    if name in pt.get_job_session_names():
        pt.destroy_job_session(name, live="terminate")
