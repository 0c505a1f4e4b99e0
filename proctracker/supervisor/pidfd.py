"""Process descriptors: wait for and signal processes that are not our children, safe from recycled pids."""

from __future__ import annotations

import errno
import os
import signal
from functools import cache

_OPEN, _SEND = 434, 424
"""System call numbers, the same on every architecture Python runs on (asm-generic/unistd.h, Linux 5.3 and 5.1)."""

if not (hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")):
    # Here, not at the call: the supervisor opens no file of Python after its start. Some builds lack both functions.
    import ctypes

    _libc = ctypes.CDLL(None, use_errno=True)


def open(pid: int) -> int:
    """A descriptor of a process, closed on exec, readable once it has ended (pidfd_open(2)).

    Raises ProcessLookupError if there is no such process, OSError with ENOSYS or EPERM where it cannot be had. Compare
    the start time after the call: from then on the descriptor means that process and no other.
    """
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    return _call(_OPEN, pid, 0)


def send(fd: int, sig: int) -> None:
    """Send a signal through a descriptor (pidfd_send_signal(2)); ProcessLookupError if the process has ended."""
    if hasattr(signal, "pidfd_send_signal"):
        signal.pidfd_send_signal(fd, sig)
    else:
        _call(_SEND, fd, sig, None, 0)


def _call(number: int, *words: int | None) -> int:
    """A raw system call; raises the OSError its errno stands for."""
    result: int = _libc.syscall(number, *words)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@cache
def available() -> bool:
    """Whether this kernel and sandbox give descriptors; asked once per process (``available.cache_clear()`` asks again)."""
    try:
        os.close(open(os.getpid()))
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL):
            raise
        return False
    return True
