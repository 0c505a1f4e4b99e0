"""Waits for and signals processes that are no children, safe from recycled pids."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
from functools import cache

_OPEN, _SEND = 434, 424
"""System call numbers of every architecture (asm-generic/unistd.h, Linux 5.3 and 5.1)."""

_GET_INFO = 3 << 30 | 64 << 16 | 0xFF << 8 | 11
"""PIDFD_GET_INFO for the first 64 bytes of a pidfd_info (linux/pidfd.h)."""

_INFO_EXIT, _EXIT_AT = 8, 60
"""PIDFD_INFO_EXIT, and where exit_code stands."""

if not (hasattr(os, "pidfd_open") and hasattr(signal, "pidfd_send_signal")):
    # Here, not at the call: the supervisor opens no file of Python after its start. Some builds lack both functions.
    from proctracker.linux import libc


def open(pid: int) -> int:
    """A descriptor of a process, closed on exec, readable once it has ended (pidfd_open(2)).

    Raises ProcessLookupError if there is no such process, OSError with ENOSYS or EPERM where it cannot be had. Compare
    the start time after the call: from then on the descriptor means that process and no other.
    """
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    return libc.call("syscall", _OPEN, pid, 0)


def send(fd: int, sig: int) -> None:
    """Send a signal (pidfd_send_signal(2)), or raise ProcessLookupError."""
    if hasattr(signal, "pidfd_send_signal"):
        signal.pidfd_send_signal(fd, sig)
    else:
        libc.call("syscall", _SEND, fd, sig, None, 0)


def wait_status(fd: int) -> int | None:
    """Return how a process ended that its parent reaped, as of wait(2), or None.

    Linux 6.15 and later tell anybody who has a descriptor of it from before.
    """
    found = bytearray(64)
    struct.pack_into("=Q", found, 0, _INFO_EXIT)
    try:
        fcntl.ioctl(fd, _GET_INFO, found)
    except OSError:
        return None
    if not struct.unpack_from("=Q", found)[0] & _INFO_EXIT:
        return None
    status: int = struct.unpack_from("=i", found, _EXIT_AT)[0]
    return status


def tells() -> bool:
    """Return whether this kernel tells of others' reaped processes, tried with a child."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(write_end)
        os.read(read_end, 1)
        os._exit(7)
    try:
        fd = open(pid)
    except OSError:
        fd = -1
    os.close(write_end)
    os.waitpid(pid, 0)
    os.close(read_end)
    if fd < 0:
        return False
    status = wait_status(fd)
    os.close(fd)
    return status is not None and os.WEXITSTATUS(status) == 7


@cache
def available() -> bool:
    """Return whether this kernel and sandbox give descriptors, asked once per process."""
    try:
        os.close(open(os.getpid()))
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL):
            raise
        return False
    return True
