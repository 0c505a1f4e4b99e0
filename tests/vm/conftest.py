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
    parser.addoption("--whole", action="store_true", help="everything, not what fits into a quarter of an hour")


def pytest_configure(config: pytest.Config) -> None:
    """Our marker."""
    config.addinivalue_line("markers", "whole: not among what fits into a quarter of an hour; run by --whole")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave to ``--whole``, or to who names them, what takes long."""
    if FOLDER and not config.getoption("--whole") and not config.option.keyword:
        left = [item for item in items if item.get_closest_marker("whole")]
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)


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
