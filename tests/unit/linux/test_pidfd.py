"""Process descriptors, and what is said where there are none."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proctracker.linux import pidfd

_NOPIDFD = str(Path(__file__).resolve().parents[2] / "nopidfd.py")


@pytest.fixture
def real() -> None:
    """Skip nothing silently: say why on a kernel without them."""
    if not pidfd.available():
        pytest.skip("this kernel or sandbox has no pidfd_open")


@pytest.mark.usefixtures("real")
def test_a_descriptor_is_readable_once_the_process_ended() -> None:
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        fd = pidfd.open(process.pid)
        assert select.select([fd], [], [], 0)[0] == []
        pidfd.send(fd, signal.SIGTERM)
        assert select.select([fd], [], [], 10)[0] == [fd]
        assert process.wait() == -signal.SIGTERM
        with pytest.raises(ProcessLookupError):
            pidfd.send(fd, signal.SIGTERM)
        assert not os.get_inheritable(fd)
        os.close(fd)


@pytest.mark.usefixtures("real")
def test_nobody_has_no_descriptor() -> None:
    with pytest.raises((ProcessLookupError, OSError)) as caught:
        pidfd.open(2**22 - 1)
    assert caught.value.errno in (errno.ESRCH, errno.EINVAL)


@pytest.mark.parametrize("code", ["ENOSYS", "EPERM"])
def test_where_the_kernel_refuses_it_says_so(code: str) -> None:
    script = "from proctracker.linux import pidfd; print(pidfd.available())"
    argv = [sys.executable, _NOPIDFD, "--errno", code, sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_availability_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(errno.ENOSYS, "no")

    pidfd.available.cache_clear()
    monkeypatch.setattr(pidfd, "open", refuse)
    assert not pidfd.available()
    monkeypatch.undo()
    assert not pidfd.available()
    pidfd.available.cache_clear()
