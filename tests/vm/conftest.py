"""The guest that scripts/vm booted, and its users as a test wants them: without sessions, processes and state."""

from __future__ import annotations

import os
import time

import pytest

from vm.guest import Guest
from vm.machine import Machine

FOLDER = os.environ.get("PROCTRACKER_TEST_VM")
collect_ignore_glob = [] if FOLDER else ["test_*.py"]
"""Only ``scripts/vm test`` (``tox -e vm``) runs these."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Ours."""
    parser.addoption("--whole", action="store_true", help="all contract tests in the guest, not the chosen ones")


@pytest.fixture(scope="session")
def booted() -> Guest:
    """The guest, as it is."""
    assert FOLDER
    return Guest(Machine(FOLDER))


@pytest.fixture
def guest(booted: Guest) -> Guest:
    """The guest with its right time, its settings, and users who have never been here."""
    booted.reset(time.time())
    return booted
