"""What stands for the C library."""

from __future__ import annotations

import pytest

from proctracker.compat import drmaa1
from proctracker.compat.drmaa1 import wrappers


def test_beginning_and_leaving(served: object) -> None:
    wrappers.py_drmaa_init(b"process")
    assert drmaa1.Session.contact == "process"
    wrappers.py_drmaa_exit()
    with pytest.raises(drmaa1.NoActiveSessionException):
        wrappers.py_drmaa_exit()


def test_texts() -> None:
    assert wrappers.drmaa_strerror(0) == b"success"
    assert wrappers.drmaa_strerror(18) == b"InvalidJobException"
    assert wrappers.drmaa_strerror(99) == b"unknown error"


def test_there_is_no_c_library() -> None:
    with pytest.raises(AttributeError, match="there is no C library"):
        _ = wrappers.drmaa_run_job
