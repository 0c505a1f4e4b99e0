"""The names the binding exports, and its submodules."""

from __future__ import annotations

from importlib import import_module

import pytest

from proctracker.compat import gridengine


def test_all_names_are_there() -> None:
    assert all(hasattr(gridengine, name) for name in gridengine.__all__)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("drmaa2_constants", "POSIX_EPOCH"),
        ("job_array", "JobArray"),
        ("job_template", "JobTemplate"),
        ("slot_info", "SlotInfo"),
        ("singleton", "Singleton"),
        ("exception_mapper", "ExceptionMapper"),
        ("reservation", "Reservation"),
        ("sudo", "Sudo"),
    ],
)
def test_submodules(module: str, name: str) -> None:
    assert hasattr(import_module(f"proctracker.compat.gridengine.{module}"), name)
    assert hasattr(getattr(gridengine, module), name)
