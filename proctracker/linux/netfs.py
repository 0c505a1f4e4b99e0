"""Which file systems are a network's (statfs(2)), and whether locks work on them."""

from __future__ import annotations

import fcntl
import os
import struct
from contextlib import suppress

from proctracker.linux import libc

_MAGIC = {
    0x6969: "nfs",
    0x517B: "smb",
    0xFF534D42: "cifs",
    0xFE534D42: "smb2",
    0x564C: "ncp",
    0x0BD00BD0: "lustre",
    0x47504653: "gpfs",
    0x19830326: "beegfs",
    0xAAD7AAEA: "panfs",
    0x65735546: "fuse",
    0x01021997: "9p",
    0x00C36400: "ceph",
    0x5346414F: "afs",
    0x6B414653: "afs",
    0x73757245: "coda",
    0x20030528: "orangefs",
    0x013111A8: "ibrix",
    0x7461636F: "ocfs2",
    0x01161970: "gfs2",
}
"""f_type (statfs(2), linux/magic.h) of file systems that several hosts may mount."""


def file_system(path: str) -> str | None:
    """Return the name of the network file system of a path, or None for a local disk."""
    buffer = bytearray(256)
    try:
        libc.call("statfs", os.fsencode(path), buffer)
    except OSError:
        return None
    (kind,) = struct.unpack_from("=q" if struct.calcsize("P") == 8 else "=i", buffer)
    return _MAGIC.get(kind & 0xFFFFFFFF)


def arrived(fd: int) -> None:
    """Wait until a network file system has what was written, or raise OSError where it refuses that.

    It takes writes that a full disk or quota refuses later, and a close does not tell of all (NFSv4 delegations). A local
    disk has refused by then.
    """
    if file_system(f"/proc/self/fd/{fd}") is not None:
        os.fsync(fd)


def let_go(fd: int) -> None:
    """Close an output that a job or a command writes.

    A network file system may fail the close for what they wrote: they are told as well, and it is no failure of ours.
    """
    with suppress(OSError):
        os.close(fd)


def locks_work(folder: str) -> bool:
    """Whether POSIX locks can be taken in a directory (not so on NFS without a lock daemon)."""
    path = os.path.join(folder, f".lock-{os.getpid()}")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
        os.unlink(path)
    return True
