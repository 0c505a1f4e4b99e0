"""What stands for the C library."""

from __future__ import annotations

import pytest

from proctracker.compat import gridengine
from proctracker.compat.gridengine import Capability, InvalidArgument, InvalidState, LibraryManager, LogManager
from proctracker.compat.gridengine.library_manager import ExceptionMapper


def test_names_and_capabilities() -> None:
    assert gridengine.get_drms_name() == gridengine.get_drmaa_name() == "proctracker"
    assert gridengine.drmaa_supports(Capability.CALLBACK) is True
    assert gridengine.drmaa_supports(Capability.ADVANCE_RESERVATION) is False
    assert gridengine.drmaa_supports(Capability.UNSET_CAPABILITY) is False
    for wrong in (99, "x"):
        with pytest.raises(InvalidArgument):
            gridengine.drmaa_supports(wrong)


def test_there_is_one() -> None:
    assert LibraryManager.get_instance() is LibraryManager() is not LogManager()


def test_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRMAA2_LOG_LEVEL", "debug")
    assert LogManager.get_logger("x").level == 10


def test_codes() -> None:
    ExceptionMapper.check_status_code(0)
    with pytest.raises(InvalidState):
        ExceptionMapper.check_status_code(9)
