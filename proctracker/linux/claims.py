"""Claims a place where locks do not work: a directory there names its owners, who live or are known to be dead."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from proctracker.linux import procfs


def owner(pid: int) -> str:
    """Return a process as its claims name it, or nothing if it has ended: boot, pid and start time."""
    found = procfs.stat(pid)
    return f"{procfs.boot_id()} {pid} {found.ticks}" if found else ""


def alive(owners: Iterable[str]) -> list[int]:
    """Of owners those that live, in this boot and with that start time."""
    boot, found = procfs.boot_id(), []
    for line in owners:
        words = line.split()
        if len(words) == 3 and words[0] == boot and words[1].isdigit():
            if words[2].isdigit() and procfs.alive(int(words[1]), int(words[2])):
                found.append(int(words[1]))
    return found


def settle(path: str, name: str, text: bytes = b"") -> int | None:
    """Put a directory with one file where none or an empty one is, and return its descriptor.

    rename(2) refuses where there is more, so one claimant wins. None: another has.
    """
    mine = f"{path}.new-{os.urandom(16).hex()}"
    os.mkdir(mine, 0o700)
    fd = os.open(mine, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        write(fd, name, text)
        os.rename(mine, path)
    except OSError as error:
        import shutil  # here, as every client loads this module and hardly any comes by

        shutil.rmtree(mine, ignore_errors=True)
        # Over NFS a repeated request says no where the first was answered yes and that got lost: what is there decides.
        if not same(fd, path):
            os.close(fd)
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            return None
    return fd


def write(folder: int, name: str, text: bytes) -> None:
    """Replace a file in a directory, at once for readers."""
    fd = os.open(f"{name}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)
    os.rename(f"{name}.new", name, src_dir_fd=folder, dst_dir_fd=folder)


def same(fd: int, path: str) -> bool:
    """Whether a path is the file of that descriptor."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except OSError:
        return False
