"""A process' standing with the OOM killer."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator

import pytest

from proctracker.linux import oomscore


@pytest.fixture
def no_dumps() -> Iterator[None]:
    """As a supervisor is: without core dumps, and so without files of its own in /proc."""
    libc = ctypes.CDLL(None)
    libc.prctl(4, 0, 0, 0, 0)
    yield
    assert libc.prctl(3, 0, 0, 0, 0) == 0
    libc.prctl(4, 1, 0, 0, 0)


def _inherited() -> int:
    pid = os.fork()
    if not pid:
        os._exit(oomscore.read() == 900)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.usefixtures("no_dumps")
def test_a_loan_is_inherited_and_given_back() -> None:
    own = oomscore.read()
    assert own is not None
    before = os.listdir("/proc/self/fd")
    with oomscore.lent(900):
        assert oomscore.read() == 900
        assert _inherited()
    assert oomscore.read() == own
    with pytest.raises(ValueError, match="no such command"), oomscore.lent(900):
        raise ValueError("no such command")
    assert (oomscore.read(), os.listdir("/proc/self/fd")) == (own, before)


def test_nothing_is_done_where_nothing_is_wanted() -> None:
    own = oomscore.read()
    assert oomscore.lent(None) is oomscore.lent(None)
    with oomscore.lent(None):
        assert oomscore.read() == own


@pytest.mark.parametrize("path", ["/nowhere", "/dev/full"])
def test_where_the_kernel_does_not_let_us_it_stays(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    own, started = oomscore.read(), []
    with monkeypatch.context() as patched:
        patched.setattr(oomscore, "PATH", path)
        with oomscore.lent(-999):
            started.append("all the same")
    assert (oomscore.read(), started) == (own, ["all the same"])
